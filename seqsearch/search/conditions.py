"""Conditions on columns: a small language, and the same by keywords.

    condition  = all-of {"or" all-of}
    all-of     = part {"and" part}
    part       = "not" part | "(" condition ")" | comparison
    comparison = NAME ("=" | "!=" | "<" | "<=" | ">" | ">=") VALUE
               | NAME ["not"] "in" "(" VALUE {"," VALUE} ")"
               | NAME ["not"] "between" VALUE "and" VALUE        both ends count
               | NAME ["not"] "contains" VALUE                   a part of a text, one of a list of labels
               | NAME ["not"] "like" VALUE                       % stands for any letters, _ for one
               | NAME "is" ["not"] "missing"
               | NAME                                            of a column of truths

VALUE is a number, a date (2019, 2019-05 or 2019-05-31 mean all of it), true, false, a word, or anything between single
or double quotes, which are doubled within it; a NAME with blanks stands between quotes as well, or backquotes. Words of
the language may be written in capitals; "==" is "=", "<>" is "!=", "null" is "missing".

By keywords: {"genus": "Bacteroides", "year": (2019, 2021), "country": ["IT", "FR"], "host": None}: all have to hold; a
list (or set, or array) is any of its values, a tuple a range with both ends, None for an open one; None is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConditionError

Where = str | Mapping[str, object]


@dataclass(frozen=True)
class Literal:
    """A value of a condition: as it is written (then `text`), or as it was given by keyword; `at`: its position."""

    value: object
    at: int | None = None
    quoted: bool = False


@dataclass(frozen=True)
class Comparison:
    """`name` compared by `operator` with `values`: =, <, <=, >, >=, in, between, contains, like, missing, true."""

    name: str
    operator: str
    values: tuple[Literal, ...] = ()
    at: int | None = None


@dataclass(frozen=True)
class Not:
    """What does not hold."""

    part: Condition


@dataclass(frozen=True)
class All:
    """What holds all of its parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    """What holds one of its parts."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | All | Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<operator><=|>=|!=|<>|==|=|<|>|\(|\)|,)
    |(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<word>[^\s()<>=!,'"`][^\s()<>=!,]*)
    |(?P<wrong>\S))""",
    re.VERBOSE,
)
_DEEPEST = 100
_SPELLINGS = {"==": "=", "<>": "!="}
_COMPARES = ("=", "!=", "<", "<=", ">", ">=")
_WORDS = ("and", "or", "not", "in", "between", "contains", "like", "is", "missing", "null")


@dataclass(frozen=True)
class _Token:
    kind: str  # operator, quoted, word, end
    text: str
    at: int

    @property
    def keyword(self) -> str:
        """The word of the language that it is, "" for none."""
        lower = self.text.lower()
        return lower if self.kind == "word" and lower in _WORDS else ""


def parsed(where: Where) -> Condition:
    """A condition as a tree. Raises ConditionError naming the position."""
    if isinstance(where, str):
        return _Parser(where).condition()
    if isinstance(where, Mapping):
        return All(tuple(_by_keyword(name, value) for name, value in where.items()))
    raise ConditionError(f"where is a text or a dictionary of conditions, not {type(where).__name__}")


def shown(where: Where) -> str:
    """A condition as messages name it."""
    return where if isinstance(where, str) else ", ".join(f"{name}={value!r}" for name, value in where.items())


# -- by keywords ------------------------------------------------------------------------------------------------------


def _by_keyword(name: object, value: object) -> Condition:
    if not isinstance(name, str):
        raise ConditionError(f"a column is named by a string, not by {name!r}")
    if value is None:
        return Comparison(name, "missing")
    if isinstance(value, tuple):
        if len(value) != 2 or value == (None, None):
            problem = "a range is (least, greatest), None for an open end; any of several values is a list"
            raise ConditionError(f"{name}={value!r}: {problem}")
        ends = zip((">=", "<="), value, strict=True)
        return All(tuple(Comparison(name, operator, (Literal(end),)) for operator, end in ends if end is not None))
    if isinstance(value, (list, set, frozenset, np.ndarray)):
        values: Iterable[object] = value.tolist() if isinstance(value, np.ndarray) else value
        return Comparison(name, "in", tuple(map(Literal, values)))
    return Comparison(name, "=", (Literal(value),))


# -- the language -----------------------------------------------------------------------------------------------------


class _Parser:
    """A recursive descent over the tokens of one condition."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def condition(self) -> Condition:
        """All of the text."""
        made = self._any()
        if self._token.kind != "end":
            raise self._unexpected("and, or, or the end")
        return made

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _takes(self, *keywords: str) -> bool:
        """Whether the next token is one of these words or signs, which is then taken."""
        token = self._token
        found = token.keyword in keywords or (token.kind == "operator" and token.text in keywords)
        self._next += found
        return found

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._part()]
        while self._takes("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _part(self) -> Condition:
        negations = 0
        while self._takes("not"):
            negations += 1
        if self._takes("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                problem = f"parentheses within parentheses, more than {_DEEPEST} deep"
                raise ConditionError(problem, self._text, self._token.at)
            made = self._any()
            if not self._takes(")"):
                raise self._unexpected("a closing parenthesis")
            self._depth -= 1
        else:
            made = self._comparison()
        return Not(made) if negations % 2 else made

    def _comparison(self) -> Condition:
        token = self._token
        if token.kind == "operator" or token.kind == "end" or token.keyword:
            raise self._unexpected("the name of a column")
        name, at = self._take().text, token.at
        operator = self._token
        if operator.kind == "operator" and operator.text in _COMPARES:
            self._take()
            value = self._value()
            if operator.text == "!=":
                return Not(Comparison(name, "=", (value,), at))
            return Comparison(name, operator.text, (value,), at)
        if self._takes("is"):
            negated = self._takes("not")
            if not self._takes("missing", "null"):
                raise self._unexpected("missing")
            missing = Comparison(name, "missing", (), at)
            return Not(missing) if negated else missing
        negated = self._takes("not")
        made = self._by_word(name, at)
        if made is None and not negated and self._ends_here:
            made = Comparison(name, "true", (), at)
        if made is None:
            raise self._unexpected("=, !=, <, <=, >, >=, in, between, contains, like or is missing")
        return Not(made) if negated else made

    @property
    def _ends_here(self) -> bool:
        token = self._token
        return token.kind == "end" or token.keyword in ("and", "or") or (token.kind, token.text) == ("operator", ")")

    def _by_word(self, name: str, at: int) -> Comparison | None:
        if self._takes("in"):
            return Comparison(name, "in", self._values(), at)
        if self._takes("between"):
            low = self._value()
            if not self._takes("and"):
                raise self._unexpected("and, and the other end")
            return Comparison(name, "between", (low, self._value()), at)
        for word in ("contains", "like"):
            if self._takes(word):
                return Comparison(name, word, (self._value(),), at)
        return None

    def _values(self) -> tuple[Literal, ...]:
        if not self._takes("("):
            raise self._unexpected("values between parentheses")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        if not self._takes(")"):
            raise self._unexpected("a comma or a closing parenthesis")
        return tuple(values)

    def _value(self) -> Literal:
        token = self._token
        if token.kind not in ("quoted", "word") or token.keyword:
            raise self._unexpected("a value (a word of the language as a value stands between quotes)")
        self._take()
        return Literal(token.text, token.at, token.kind == "quoted")

    def _unexpected(self, wanted: str) -> ConditionError:
        found = "the end" if self._token.kind == "end" else repr(self._token.text)
        return ConditionError(f"{wanted} was expected, not {found}", self._text, self._token.at)


def _tokens(text: str) -> Sequence[_Token]:
    found, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        assert match is not None
        assert match.lastgroup is not None
        kind, content, at = match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1
        if kind == "wrong":
            problem = "this quote is never closed" if content in "'\"`" else f"{content!r} means nothing here"
            raise ConditionError(problem, text, at)
        if kind == "quoted":
            content = content[1:-1].replace(content[0] * 2, content[0])
        found.append(_Token(kind, _SPELLINGS.get(content, content) if kind == "operator" else content, at))
        place = match.end()
    return [*found, _Token("end", "", len(text) + 1)]
