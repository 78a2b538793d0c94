"""Checks of settings that several plans share."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ParameterError


def require_choice(what: str, value: str, choices: Collection[str]) -> None:
    """Raise ParameterError for a `value` that is none of the `choices`."""
    if value not in choices:
        raise ParameterError(f"no {what} {value!r}: choose one of {', '.join(choices)}")


def require_counts(settings: object, *names: str) -> None:
    """Raise ParameterError for the first of the named attributes that is below 1."""
    for name in names:
        if getattr(settings, name) < 1:
            raise ParameterError(f"{name} must be at least 1, not {getattr(settings, name)}")
