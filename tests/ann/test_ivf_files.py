"""Files of compressed lists that `save` did not write, and files of every version that it did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsearch import mapped
from seqsearch.ann import CandidateIndex, load_index, make_index
from seqsearch.errors import CorruptIndexError

GOLDEN = Path(__file__).parent / "golden"
COUNT = 300

Change = Callable[[dict[str, Any], dict[str, np.ndarray]], None]


def made(geometry: str = "euclidean", bits: int | None = 4, *, learned: bool = True) -> CandidateIndex:
    """Small whole numbers, so that the same come out on every machine."""
    rng = np.random.default_rng(0)
    index = make_index("ivf", geometry=geometry, dim=5, parameters={"bits": bits, "lists": 6})
    if learned:
        index.train((rng.integers(-9, 10, size=(500, 5)) / 32).astype(np.float32))
    index.add(np.arange(COUNT), (rng.integers(-9, 10, size=(COUNT, 5)) / 32).astype(np.float32))
    index.remove(np.arange(0, COUNT, 7))
    return index


CASES = [("euclidean", 4), ("cosine", 2), ("hyperbolic", 1), ("manhattan", 8), ("squared", None)]


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize(("geometry", "bits"), CASES)
def test_every_flipped_bit_and_every_cut_of_lists_is_found(
    geometry: str, bits: int | None, learned: bool, tmp_path: Path
) -> None:
    path = tmp_path / "index"
    made(geometry, bits, learned=learned).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in [*range(24), *rng.integers(24, len(whole), 60).tolist()]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(CorruptIndexError, match="damaged"):
            load_index(path)
    for size in (0, 5, 15, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptIndexError, match="damaged"):
            load_index(path)


def rewritten(path: Path, change: Change, kind: str = "ivf") -> None:
    """Change fields and arrays of a file and put the checksums right."""
    fields, arrays = mapped.read(path, kind)
    change(fields, arrays)
    mapped.write(path, kind, fields, arrays)


def field(name: str, value: object) -> Change:
    return lambda fields, arrays: fields.update({name: value})


def array(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda fields, arrays: arrays.update({name: make(arrays[name])})


def first(name: str, value: float) -> Change:
    def change(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        arrays[name].reshape(-1)[0] = value

    return change


CRAFTED: dict[str, tuple[Change, str]] = {
    "geometry": (field("geometry", "flat"), "no geometry is called 'flat'"),
    "dim": (field("dim", 0), "dim is a whole number"),
    "dim larger": (field("dim", 9), "another shape"),
    "bits": (field("bits", 3), "bits is the number of bits"),
    "bits fewer": (field("bits", 2), "another shape"),
    "bits floats": (field("bits", None), "the codebooks have another shape"),
    "lists": (field("lists", -1), "lists is a whole number"),
    "target": (field("target", "high"), "target is a recall"),
    "seed": (field("seed", 1.5), "seed is a whole number"),
    "learned": (field("learned", 1), "a field has another type"),
    "not learned": (field("learned", False), "an index that has learned nothing"),
    "effort": (field("effort", 0), "a measured field is out of range"),
    "effort huge": (field("effort", 2**40), "a measured field is out of range"),
    "code recall": (field("code_recall", 3.5), "a measured field is out of range"),
    "history": (field("history", None), "a field has another type"),
    "centres": (array("centres", lambda a: a[:, :-1].copy()), "centres of the lists have another shape"),
    "no centres": (array("centres", lambda a: a[:0]), "centres of the lists have another shape"),
    "centre no number": (first("centres", np.nan), "a centre has a value that cannot be"),
    "centre huge": (first("centres", 1e30), "a centre has a value that cannot be"),
    "fewer centres": (array("centres", lambda a: a[:2]), "a list that is not there"),
    "books": (array("books", lambda a: a[1:].copy()), "the codebooks have another shape"),
    "book infinite": (first("books", np.inf), "a codebook holds a value that cannot be"),
    "codes wide": (array("codes", lambda a: np.repeat(a, 2, axis=1)), "the codes have another shape"),
    "codes cut": (array("codes", lambda a: a[1:].copy()), "the codes have another shape"),
    "list": (first("lists", 99), "a list that is not there"),
    "list negative": (first("lists", -1), "a list that is not there"),
    "lists cut": (array("lists", lambda a: a[1:]), "the codes have another shape"),
    "entry": (first("entries", COUNT), "a row belongs to an entry that is not there"),
    "entry negative": (first("entries", -1), "a row belongs to an entry that is not there"),
    "entries cut": (array("entries", lambda a: a[1:]), "a row belongs to an entry that is not there"),
    "entry without row": (array("entries", lambda a: np.where(a == 5, 6, a).astype(np.int32)), "an entry has no row"),
    "row twice": (first("rows", 2), "row 2 is given twice"),
    "row negative": (first("rows", -5), "row -5 is outside"),
    "rows turned": (array("rows", lambda a: a[::-1].copy()), "the rows are not ascending"),
    "type": (array("lists", lambda a: a.astype(np.int64)), "has another type"),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_made_up_lists_are_refused_before_the_library_sees_them(name: str, tmp_path: Path) -> None:
    change, match = CRAFTED[name]
    path = tmp_path / "index"
    made().save(path)
    assert len(load_index(path)) == COUNT - len(range(0, COUNT, 7))
    rewritten(path, change)
    with pytest.raises(CorruptIndexError, match=match):
        load_index(path)


@pytest.mark.parametrize("missing", ["centres", "books", "codes", "lists", "rows", "entries", "vectors"])
def test_a_missing_array_of_lists_is_an_error(missing: str, tmp_path: Path) -> None:
    path = tmp_path / "index"
    made().save(path)
    fields, arrays = mapped.read(path, "ivf")
    del arrays[missing]
    mapped.write(path, "ivf", fields, arrays)
    with pytest.raises(CorruptIndexError, match=f"the array '{missing}' is missing"):
        load_index(path)


@pytest.mark.parametrize(
    ("geometry", "bits", "learned", "change", "match"),
    [
        ("squared", None, True, array("codes", lambda a: a * 0 + 255), "a vector has a value that cannot be"),
        ("squared", 8, True, array("books", lambda a: a * np.float32(-1)), "a codebook holds a negative width"),
        ("squared", 4, False, first("vectors", np.inf), "a vector has a value"),
        ("hyperbolic", 4, False, array("vectors", lambda a: a * 0 + 1), "norms below 1"),
        ("squared", 4, False, array("vectors", lambda a: a[:, 1:].copy()), "shape"),
        ("squared", 4, False, array("rows", lambda a: a[1:]), "rows come with"),
        ("squared", 4, False, field("learned", True), "the codebooks have another shape"),
    ],
)
def test_other_made_up_files_of_lists_are_refused(
    geometry: str, bits: int | None, learned: bool, change: Change, match: str, tmp_path: Path
) -> None:
    path = tmp_path / "index"
    made(geometry, bits, learned=learned).save(path)
    rewritten(path, change)
    with pytest.raises(CorruptIndexError, match=match):
        load_index(path)


def test_random_garbage_in_lists_never_crashes(tmp_path: Path) -> None:
    path = tmp_path / "index"
    made().save(path)
    fields, arrays = mapped.read(path, "ivf")
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(120):
        changed = {name: value.copy() for name, value in arrays.items()}
        name = str(rng.choice(["centres", "books", "codes", "lists", "rows", "entries"]))
        flat = changed[name].reshape(-1).view(np.uint8)
        flat[rng.integers(len(flat), size=3)] ^= rng.integers(1, 256, size=3).astype(np.uint8)
        mapped.write(path, "ivf", fields, changed)
        try:
            index = load_index(path)
        except CorruptIndexError:
            refused += 1
        else:  # sound lists, if not those that were: they must work
            rows = index.rows()[:1]
            assert (index.search(np.zeros((3, 5), np.float32), 20).rows >= 0).all()
            index.remove(rows)
            index.add(np.array([9999]), np.ones((1, 5), np.float32))
            assert (index.search(np.zeros((3, 5), np.float32), 20, effort=2).rows >= 0).all()
    assert refused > 30


JOURNALS: dict[str, tuple[Change, str]] = {
    "kind": (first("changes", 7), "a change is of no kind that there is"),
    "negative": (first("changes", -1), "a change is of no kind that there is"),
    "narrow": (array("changes", lambda a: a[:, :2].copy()), "a change is of no kind that there is"),
    "count": (array("changes", lambda a: a + np.array([0, 1, 0])), "of more or fewer rows than there are"),
    "rows cut": (array("rows", lambda a: a[1:]), "of more or fewer rows than there are"),
    "codes": (array("codes", lambda a: a[:, 1:].copy()), "of more or fewer rows than there are"),
    "centres": (array("centres", lambda a: a[:, 1:].copy()), "a centre has another width"),
    "list": (first("lists", 99), "a change is of a list that is not there"),
    "row known": (first("rows", 1), "row 1 is already in the index"),
    "row unknown": (array("rows", lambda a: np.where(a == 8, 7, a)), "row 7 is not in the index"),
    "type": (array("rows", lambda a: a.astype(np.int32)), "has another type"),
    "before": (field("before", "else"), "not those that follow"),
}


@pytest.mark.parametrize("name", JOURNALS)
def test_made_up_changes_are_refused(name: str, tmp_path: Path) -> None:
    change, match = JOURNALS[name]
    index = made()
    index.save(tmp_path / "index")
    index.add(np.array([0, 500]), np.full((2, 5), 0.125, np.float32))
    index.remove(np.array([8, 500]))
    assert index.save_changes(tmp_path / "changes")
    rewritten(tmp_path / "changes", change, "ivf-changes")
    with pytest.raises(CorruptIndexError, match=match):
        load_index(tmp_path / "index").apply_changes(tmp_path / "changes")


@pytest.mark.parametrize("name", ["euclidean-4", "hyperbolic-1", "manhattan-8", "squared-none", "cosine-few"])
def test_lists_of_the_first_version_are_read(name: str, tmp_path: Path) -> None:
    kind = name.partition("-")[2]
    shutil.copy(GOLDEN / "ivf-v1" / name, tmp_path / "index")
    index = load_index(tmp_path / "index")
    np.testing.assert_array_equal(index.rows(), np.setdiff1d(np.arange(COUNT), np.arange(0, COUNT, 7)))
    expected = np.load(GOLDEN / "ivf-v1" / f"{name}.npy")
    queries = (np.random.default_rng(3).integers(-9, 10, size=(10, 5)) / 32).astype(np.float32)
    np.testing.assert_allclose(index.search(queries, 8, effort=100).distances, expected, rtol=1e-4, atol=1e-5)
    index.save(tmp_path / "again")
    if kind != "few":  # whose vectors are made unit length again, to the last digit
        assert (tmp_path / "again").read_bytes() == (GOLDEN / "ivf-v1" / name).read_bytes()
    if kind == "4":
        index.apply_changes(GOLDEN / "ivf-v1" / f"{name}.changes")
        assert index.rows()[-1] == 400
