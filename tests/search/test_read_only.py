"""An index in a folder that may not be written to: all that changes nothing works (trial B17: novelty did not)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import seqsearch.trees.linkage  # noqa: F401  # compiled functions look for their cache as whoever imports them
from seqsearch import SequenceIndex
from seqsearch.errors import ReadOnlyIndexError
from seqsearch.progress import Silent
from seqsearch.search import NeighbourClassifier
from seqsearch.sequences import Sequences
from tests.families import families

NOBODY = 65534
DRAWN = families(20, 5, 30)
STORED = Sequences(DRAWN.data, DRAWN.offsets, DRAWN.ids, DRAWN.alphabet, labels=type(DRAWN.ids).of(["a", "b"] * 50))
ASKED = STORED[:3]


def every_question(index: SequenceIndex) -> None:
    """That changes nothing."""
    found = index.search(ASKED, 3)
    assert (found.distances[:, 0] == 0).all()
    assert len(index.within(ASKED, 4)) == 3
    assert index.search(ASKED, 3, exact=True).distances.tolist() == found.distances.tolist()
    assert NeighbourClassifier(index, k=1, abstain=0.05).classify(ASKED).names() == ["a", "b", "a"]
    assert index.evaluate(ASKED, 3)[-1].recall == 1
    assert index.verify().ok
    index.refresh()
    assert (index.info()["sequences"], index["s1"].label) == (100, "b")
    assert index.cluster(sample=10).newick().count(",") == 9


@pytest.fixture(scope="module")
def path() -> Iterator[str]:
    """An index that this process may read and not write; whoever may do everything is nobody meanwhile."""
    folder = Path(tempfile.mkdtemp())  # not where pytest has its folders, which nobody else may enter
    place = folder / "i.ss"
    with SequenceIndex.build(place, STORED, encoder="kmer") as index:
        every_question(index)  # so that nothing is compiled by whoever may not keep it
        index.novelty(ASKED, method="mean")
    for each in [*place.rglob("*"), place, folder]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield str(place)
    finally:
        if root:
            os.seteuid(0)
        for each in (folder, place, *(each for each in place.rglob("*") if each.is_dir())):
            each.chmod(0o755)
        shutil.rmtree(folder)


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_only_reads_works(path: str) -> None:
    with pytest.raises(PermissionError):
        Path(path, "x").write_text("")
    with SequenceIndex.open(path) as index:
        every_question(index)


def test_novelty_is_measured_and_not_kept(path: str) -> None:
    watch = Notes()
    with SequenceIndex.open(path) as index:
        p_values = index.novelty(ASKED, method="kth", k=2, progress=watch).p_values
        said = f"the calibration of novelty is not kept in the index: {path}: cannot be written: Permission denied"
        assert watch.notes == [said]
        again = index.novelty(ASKED, method="kth", k=2, progress=watch).p_values  # this handle remembers
        assert len(watch.notes) == 1
        np.testing.assert_array_equal(again, p_values)
        assert len(index.member_scores()) == 100


CHANGES: dict[str, Callable[[SequenceIndex], object]] = {
    "add": lambda index: index.add(["ACGT"]),
    "remove": lambda index: index.remove(["s1"]),
    "update": lambda index: index.update(ASKED),
    "compact": lambda index: index.compact(),
    "calibrate": lambda index: index.calibrate(),
    "snapshot": lambda index: index.save_snapshot(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_writes_says_that_it_cannot(change: str, path: str) -> None:
    with SequenceIndex.open(path) as index:
        with pytest.raises(ReadOnlyIndexError, match=r"i.ss: cannot be written: Permission denied"):
            CHANGES[change](index)
        assert len(index.search(ASKED, 1)) == 3
