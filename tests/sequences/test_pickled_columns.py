"""A few sequences of many are sent without the others."""

from __future__ import annotations

import pickle

from seqsearch.sequences import DNA, Sequences, Strings
from seqsearch.sequences.strings import Counted


def test_a_slice_is_pickled_without_the_rest() -> None:
    many = Sequences.from_texts(["ACGTTGCA"] * 5000, DNA, [f"record number {row}" for row in range(5000)])
    some = many[3000:3002]
    content = pickle.dumps(some)
    assert len(content) < 2000
    again = pickle.loads(content)
    assert again.texts() == some.texts() == ["ACGTTGCA"] * 2
    assert list(again.ids) == list(some.ids) == ["record number 3000", "record number 3001"]


def test_a_window_of_strings_reads_and_pickles_as_it_is() -> None:
    words = Strings.of(["a", "bc", "", "déf", "ghij"])
    part = words.window(slice(2, 5))
    assert list(part) == ["", "déf"]
    assert list(pickle.loads(pickle.dumps(part))) == ["", "déf"]
    assert part == Strings.of(["", "déf"])
    numbers = pickle.loads(pickle.dumps(Counted.up_to(4).window(slice(1, 4))))
    assert type(numbers) is Counted
    assert list(numbers) == ["2", "3"]
