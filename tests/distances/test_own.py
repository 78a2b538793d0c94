"""A distance of one function: what it is given, what it may return, and that it may be defined again."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from seqsearch.distances import DISTANCES, CustomDistance, register
from seqsearch.errors import ParameterError
from seqsearch.sequences import DNA, INTEGERS, TEXT, Sequences

SOME = Sequences.from_texts(["ACGT", "AC", "A"], DNA)


def returning(value: object, **attributes: object) -> CustomDistance:
    """A distance that is always `value`, and keeps what it was given."""

    def between(self, a, b):
        self.given.append((a, b))
        return value

    body = {"name": "always", "between": between, "given": [], **attributes}
    return type("Always", (CustomDistance,), body)()


def test_it_is_given_texts_codes_numbers_or_series():
    one, two = np.array([0]), np.array([1])
    distance = returning(1)
    assert distance.pairs(SOME, one, SOME, two).tolist() == [1.0]
    assert distance.given == [("ACGT", "AC")]
    codes = returning(1, sees="codes")
    codes.matrix(SOME[:1], SOME[1:2])
    assert [each.tolist() for each in codes.given[0]] == [[0, 1, 2, 3], [0, 1]]
    numbers = returning(1)
    numbers.pairs(*(Sequences.from_arrays([np.array([5, 2**31])], INTEGERS), one) * 2)
    assert numbers.given == [([5, 2**31], [5, 2**31])]
    series = returning(1, kind="series")
    waves = Sequences.from_arrays([np.zeros((4, 2)), np.ones((3, 2))])
    series.pairs(waves, one, waves, two)
    assert [(each.shape, each.dtype) for each in series.given[0]] == [((4, 2), np.float32), ((3, 2), np.float32)]


@pytest.mark.parametrize("value", [float("nan"), -0.5])
def test_what_is_no_distance_is_an_error_that_names_the_records(value):
    named = Sequences.from_texts(["AC", "GT"], DNA, ids=["one", "two"])
    said = rf"the distance always of the records 'one' and 'two' is {value}: between must return a number of at least 0"
    with pytest.raises(ParameterError, match=said):
        returning(value).pairs(named, np.array([0]), named, np.array([1]))


def test_what_is_no_number_is_an_error():
    with pytest.raises(ParameterError, match="the distance always: between returned None: it must return a number"):
        returning(None).matrix(SOME, SOME)


def test_whoever_is_at_infinity_is_no_neighbour():
    found = returning(np.inf).exact(SOME, SOME, 2)
    assert (found.rows == -1).all()


def test_compiled_code_may_not_return_nonsense_either():
    function = numba.njit(lambda a, b: -1.0)
    with pytest.raises(ParameterError, match="of the records '1' and '1' is -1.0"):
        returning(0, between=staticmethod(function)).matrix(SOME, SOME)


def test_python_is_said_to_be_dearer_than_compiled_code():
    lengths = np.array([10, 30])
    compiled = returning(0, between=staticmethod(numba.njit(lambda a, b: 1.0)))
    assert returning(0).verification_cost(lengths, 0) > 10 * compiled.verification_cost(lengths, 0)


def test_one_without_a_function_cannot_be_made_or_registered():
    class Nothing(CustomDistance):
        name = "nothing"

    with pytest.raises(ParameterError, match="the distance Nothing has no between"):
        register(Nothing)
    with pytest.raises(TypeError, match="between"):
        Nothing()


def test_the_same_class_defined_again_takes_its_own_place():
    def defined() -> type[CustomDistance]:
        class Again(CustomDistance):
            name = "again-and-again"

            def between(self, a: str, b: str) -> float:
                return 0.0

        return Again

    try:
        register(defined())
        second = register(defined())
        assert DISTANCES["again-and-again"] is second
    finally:
        DISTANCES._members.pop("again-and-again")


def test_a_text_is_compared_by_code_points():
    composed, decomposed = (Sequences.from_texts([text], TEXT) for text in ("\u00e9", "e\u0301"))
    distance = returning(0)
    distance.matrix(composed, decomposed)
    assert distance.given == [("\u00e9", "e\u0301")]
