"""Conditions by keywords as text, which is what a service takes."""

from __future__ import annotations

from ..search.conditions import Where
from .remote import value_json


def text_of(where: Where) -> str:
    """A condition as the service takes it. Raises ParameterError for one by keywords that has other values than texts,
    numbers, ranges and lists of these."""
    if isinstance(where, str):
        return where
    return " and ".join(_by_keyword(name, value) for name, value in where.items())


def _by_keyword(name: str, value: object) -> str:
    column = _quoted(name)
    if value is None:
        return f"{column} is missing"
    if isinstance(value, tuple) and len(value) == 2:
        ends = ((">=", value[0]), ("<=", value[1]))
        held = [f"{column} {sign} {_value(end)}" for sign, end in ends if end is not None]
        return f"({' and '.join(held)})"
    if isinstance(value, (list, set, frozenset)):
        return f"{column} in ({', '.join(map(_value, value))})"
    return f"{column} = {_value(value)}"


def _value(value: object) -> str:
    plain = value_json(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return str(plain) if isinstance(plain, (int, float)) else _quoted(str(plain))


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
