"""Conditions beside a plain evaluation row by row, and what is said of those that cannot be."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import ConditionError, ParameterError
from seqsearch.search.filtering import mask_of
from seqsearch.sequences import DNA, Sequences, as_sequences
from seqsearch.sequences.coercion import columns_from

KINDS = {
    "year": "int",
    "weight": "float",
    "ok": "bool",
    "genus": "text",
    "seen": "date",
    "at": "datetime",
    "tags": "list",
}
WORDS = st.sampled_from(["", "a", "ab", "it's", 'say "b"', "é", "and", "100%", "a_b", "5"])
WHOLE = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
VALUES = {
    "year": WHOLE,
    "weight": st.one_of(st.integers(-8, 8).map(lambda n: n / 4), st.floats(allow_nan=False)),
    "ok": st.booleans(),
    "genus": WORDS,
    "seen": st.dates(dt.date(2018, 12, 30), dt.date(2020, 3, 1)),
    "at": st.datetimes(dt.datetime(2019, 1, 30), dt.datetime(2019, 3, 2)),
    "tags": st.lists(WORDS.filter(bool), max_size=3),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), min_size=1, max_size=8
)
ORDER = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def written(value):
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return repr(value)
    return quoted(value if isinstance(value, str) else value.isoformat())


def held(value, operator, wanted):
    """Whether a value that is there stands in a relation to others, by Python's own comparisons."""
    if isinstance(value, list):
        return any(held(label, operator if operator != "contains" else "=", wanted) for label in value)
    if operator == "in":
        return any(value == each for each in wanted)
    if operator == "contains":
        return wanted[0] in value
    if operator == "between":
        return wanted[0] <= value <= wanted[1]
    return ORDER[operator](value, wanted[0])


@st.composite
def comparisons(draw):
    """A text, and what it means of a row."""
    name = draw(st.sampled_from(sorted(VALUES)))
    if draw(st.integers(0, 9)) == 0:
        return f"{name} is not missing", lambda row: row[name] is not None
    options = {"ok": ["=", "!=", "in"], "tags": ["=", "in", "contains"], "genus": [*ORDER, "in", "between", "contains"]}
    operator = draw(st.sampled_from(options.get(name, [*ORDER, "in", "between"])))
    values = WORDS if name == "tags" else VALUES[name]
    wanted = draw(st.lists(values, min_size=2 if operator == "between" else 1, max_size=12 if operator == "in" else 2))
    if operator == "in":
        text = f"{name} in ({', '.join(map(written, wanted))})"
    elif operator == "between":
        text = f"{name} BETWEEN {written(wanted[0])} and {written(wanted[1])}"
    else:
        text = f"{name} {operator} {written(wanted[0])}"
    if operator == "!=":
        return text, lambda row: not (row[name] is not None and held(row[name], "=", wanted))
    return text, lambda row: row[name] is not None and held(row[name], operator, wanted)


def joined(inner):
    both = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
    together = both.map(
        lambda parts: (
            f"({parts[0][0]}) {parts[1]} ({parts[2][0]})",
            (lambda row: parts[0][1](row) and parts[2][1](row))
            if parts[1] == "and"
            else (lambda row: parts[0][1](row) or parts[2][1](row)),
        )
    )
    return together | inner.map(lambda part: (f"not ({part[0]})", lambda row: not part[1](row)))


def sequences(rows):
    made = Sequences.from_texts(["ACGT"] * len(rows), DNA)
    columns = {f"{name}:{KINDS[name]}": [row[name] for row in rows] for name in KINDS}
    return made.beside(columns_from(columns, len(rows)))


@settings(max_examples=250, deadline=None)
@given(ROWS, st.recursive(comparisons(), joined, max_leaves=5))
def test_every_condition_means_what_it_says_row_by_row(rows, condition):
    text, means = condition
    assert mask_of(text, sequences(rows)).tolist() == [means(row) for row in rows]


@settings(max_examples=80, deadline=None)
@given(ROWS, st.data())
def test_keywords_mean_the_same(rows, data):
    name = data.draw(st.sampled_from(["year", "weight", "genus", "seen", "at"]))
    low, high = data.draw(st.tuples(st.none() | VALUES[name], VALUES[name]))
    stored = sequences(rows)

    def told(where):
        return mask_of(where, stored).tolist()

    there = [row[name] is not None for row in rows]
    assert told({name: None}) == [not known for known in there]
    assert told({name: (low, high)}) == [
        known and (low is None or row[name] >= low) and row[name] <= high
        for row, known in zip(rows, there, strict=True)
    ]
    assert (
        told({name: [high, high]})
        == told({name: high})
        == [row[name] == high and row[name] is not None for row in rows]
    )
    assert told({name: np.array([], np.int64)}) == [False] * len(rows)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab 1()=<>!,'\"`%_-.or andnotin", max_size=24))
def test_any_text_is_a_condition_or_an_error_that_names_the_place(text):
    stored = as_sequences(["ACGT"], columns={"a": [1], "b": ["x"]})
    place = 1
    try:
        mask_of(text, stored)
    except ConditionError as error:
        place = error.position or 0
    assert 1 <= place <= len(text) + 1


def counted(where, **columns):
    count = len(next(iter(columns.values())))
    return mask_of(where, as_sequences(["ACGT"] * count, columns=columns)).tolist()


def test_dates_that_are_left_open_mean_all_of_it():
    days = ["2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01", None]
    seen = [None if day is None else dt.date.fromisoformat(day) for day in days]
    for where, expected in (
        ("seen = 2019", "0110"),
        ("seen != 2019", "1001"),
        ("seen < 2019", "1000"),
        ("seen <= 2019", "1110"),
        ("seen > 2019", "0001"),
        ("seen >= 2019-12", "0011"),
        ("seen between 2018 and 2019", "1110"),
        ("seen in (2018-12, 2020)", "1001"),
        ("seen >= '2019-12-31T12:00'", "0001"),
        ("seen = 2019-01-01T00:00", "0100"),
    ):
        assert counted(where, seen=seen) == [each == "1" for each in expected] + ["!=" in where], where
    at = [dt.datetime(2019, 2, 28, 23, 59), dt.datetime(2019, 3, 1)]
    assert counted("at = 2019-02-28", at=at) == counted("at <= 2019-02", at=at) == [True, False]
    assert counted({"at": (dt.date(2019, 3, 1), None)}, at=at) == [False, True]


def test_texts_words_and_names():
    genus = ["Bacteroides", "bacteroides", "B. fragilis", "100%", None]
    assert counted("genus like 'B%s'", genus=genus) == [True, False, True, False, False]
    assert counted("genus like '_acteroides'", genus=genus) == [True, True, False, False, False]
    assert counted("genus not like '%a%'", genus=genus) == [False, False, False, True, True]
    assert counted('genus contains "cter" AND NOT genus = Bacteroides', genus=genus) == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert counted("`odd name` = 1 or 'odd name' = 2", **{"odd name": [1, 2, 3]}) == [True, True, False]
    assert counted("(ok and not ok) or ok", ok=[True, False, None]) == [True, False, False]
    assert counted("code = 007", code=["007", "7"]) == [True, False]
    assert counted({"code": 7}, code=["007", "7"]) == [False, True]
    assert counted("length >= 4 and label = '' and label is missing and id != 2", a=[1, 2]) == [True, False]


def test_numbers_are_never_rounded():
    big = [2**53, 2**53 + 1, -(2**63), 2**63 - 1]
    assert counted(f"n = {2**53 + 1}", n=big) == [False, True, False, False]
    assert counted("n < 4.5 and n > -4.5", n=[4, 5, -4, -5]) == [True, False, True, False]
    assert counted(f"n <= {2**70} and n > {-(2**70)}", n=big) == [True] * 4
    assert counted(f"x < {2**53 + 1}", x=[float(2**53), float(2**53 + 2)]) == [True, False]
    assert counted("x <= inf and x >= -inf", x=[np.inf, -np.inf, 1.0]) == [True] * 3


STORED = {"year": [2019], "genus": ["B"], "ok": [True], "tags": [["x"]], "seen": [dt.date(2019, 1, 1)]}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (
            "gens = B",
            r"where 'gens = B': position 1: there is no column 'gens': did you mean 'genus'\? There are year, genus",
        ),
        ("year >= 2019 and yeer = 1", "position 18: there is no column 'yeer': did you mean 'year'?"),
        ("year = abc", "position 8: year holds whole numbers, and 'abc' is none"),
        ("year = nan", "year holds whole numbers, and 'nan' is none"),
        ("seen > yesterday", r"position 8: seen holds dates \(2019, 2019-05 or 2019-05-31\), and 'yesterday' is none"),
        ("seen = 2019-02-30", "'2019-02-30' is none"),
        ("ok < true", "position 1: ok holds true and false, which have no order: use =, != or in"),
        ("ok = maybe", "position 6: ok holds true and false, and 'maybe' is none"),
        ("tags < x", "tags holds lists, which have no order"),
        ("year like 2", "year holds int: like is for texts and lists"),
        ("year", "position 1: year holds int: compare it with a value"),
        ("year >", "position 7: a value .* was expected, not the end"),
        ("(year = 1", r"position 10: a closing parenthesis was expected, not the end"),
        ("year = 1 2", "position 10: and, or, or the end was expected, not '2'"),
        ("year in 1", "position 9: values between parentheses was expected, not '1'"),
        ("year between 1 or 2", "position 16: and, and the other end was expected, not 'or'"),
        ("genus = 'B", "position 9: this quote is never closed"),
        ("genus = and", r"between quotes\) was expected, not 'and'"),
        ("", "position 1: the name of a column was expected, not the end"),
        ("(" * 101 + "ok" + ")" * 101, "parentheses within parentheses, more than 100 deep"),
        ({"gens": 1}, "there is no column 'gens': did you mean 'genus'"),
        ({"year": "x"}, "year holds whole numbers, and 'x' is none"),
        ({"year": True}, "year holds whole numbers, and True is none"),
        ({"genus": 1.5}, "genus holds texts, and 1.5 is none: give it as a string"),
        ({"year": (1, 2, 3)}, r"year=\(1, 2, 3\): a range is \(least, greatest\)"),
        ({1: 2}, "a column is named by a string, not by 1"),
        (7, "where is a text or a dictionary of conditions, not int"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(where, said):
    with pytest.raises(ParameterError, match=said):
        mask_of(where, as_sequences(["ACGT"], columns=STORED))


def test_asking_again_and_again_gives_the_same():
    genus = [["b", "a", None, "", "é"][row % 5] for row in range(50)]
    tags = [["b", "a"][: row % 3] for row in range(50)]
    stored = as_sequences(["ACGT"] * 50, columns={"genus": genus, "tags": tags})
    for where, expected in (
        ("genus = b", [word == "b" for word in genus]),
        ("genus in (a, é, zz)", [word in ("a", "é") for word in genus]),
        ("genus = zz", [False] * 50),
        ("genus = ''", [word == "" for word in genus]),
        ("tags = a", ["a" in labels for labels in tags]),
    ):
        for _ in range(6):
            assert mask_of(where, stored).tolist() == expected
    assert "distinct" in stored.columns["genus"].__dict__
