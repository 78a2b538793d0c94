"""Files that `save` did not write: cut, flipped, or made up with every checksum right."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsearch import mapped
from seqsearch.ann import load_index, make_index
from seqsearch.ann.graph_checks import Layout
from seqsearch.ann.hnsw import HnswIndex
from seqsearch.errors import CorruptIndexError, FormatVersionError, SeqsearchError

COUNT = 400
M = 4


def saved(path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    rows = np.arange(COUNT)
    if kind.startswith("hamming"):
        bits = int(kind.removeprefix("hamming"))
        index = make_index("hamming", bits=bits)
        index.add(rows, rng.integers(0, 256, size=(COUNT, bits // 8)).astype(np.uint8))
    else:
        geometry = kind.partition("-")[2]
        parameters = {"m": M} if kind.startswith("hnsw") else {}
        index = make_index(kind.partition("-")[0], geometry=geometry, dim=5, parameters=parameters)
        index.add(rows, (rng.normal(size=(COUNT, 5)) * 0.2).astype(np.float32))
    index.remove(rows[::7])
    index.save(path)


KINDS = ["exact-cosine", "hnsw-euclidean", "hnsw-manhattan", "hnsw-hyperbolic", "hamming16", "hamming64"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_and_every_cut_is_found(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "index"
    saved(path, kind)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    places = [*range(24), *rng.integers(24, len(whole), 60).tolist()]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(CorruptIndexError, match="damaged"):
            load_index(path)
    for size in (0, 5, 15, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptIndexError, match="damaged"):
            load_index(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CorruptIndexError, match="1 bytes too many"):
        load_index(path)


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None], kind: str) -> None:
    """Change fields and arrays of a file and put the checksums right."""
    fields, arrays = mapped.read(path, kind)
    change(fields, arrays)
    mapped.write(path, kind, fields, arrays)


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], None]
LAYOUT = Layout(dim=5, m=M)


def element(offset: int, dtype: str, value: float, at: int = 7) -> Change:
    """Set a number inside element `at` of level 0."""

    def change(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        size = np.dtype(dtype).itemsize
        arrays["level0"][at, offset : offset + size] = np.array([value], dtype=dtype).view(np.uint8)

    return change


def upper(offset: int, dtype: str, value: int) -> Change:
    def change(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        size = np.dtype(dtype).itemsize
        arrays["upper"][offset : offset + size] = np.array([value], dtype=dtype).view(np.uint8)

    return change


def field(name: str, value: object) -> Change:
    return lambda fields, arrays: fields.update({name: value})


def array(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda fields, arrays: arrays.update({name: make(arrays[name])})


def first(name: str, value: int) -> Change:
    def change(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        arrays[name][0] = value

    return change


def low_link(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """A link of level 1 to an element that has level 0 only."""
    low = int(np.flatnonzero(arrays["levels"] == 0)[0])
    arrays["upper"][:2] = np.array([1], dtype="<u2").view(np.uint8)
    arrays["upper"][4:8] = np.array([low], dtype="<u4").view(np.uint8)


def low_entry(fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    fields["entry_point"] = int(np.flatnonzero(arrays["levels"] == 0)[0])


CRAFTED: dict[str, tuple[Change, str]] = {
    "link out of range": (element(4, "<u4", COUNT), "link of level 0"),
    "huge link": (element(4, "<u4", 2**32 - 1), "link of level 0"),
    "too many links": (element(0, "<u2", 2 * M + 1), "link of level 0"),
    "unknown mark": (element(2, "u1", 2), "unknown marks"),
    "deleted but with rows": (element(2, "u1", 1, at=8), "marks of deleted nodes"),
    "label out of range": (element(LAYOUT.label_offset, "<u8", COUNT), "labels"),
    "label twice": (element(LAYOUT.label_offset, "<u8", 0), "labels"),
    "vector not finite": (element(LAYOUT.links0_bytes, "<f4", np.nan), "not finite"),
    "upper link out of range": (upper(4, "<u4", 2**31), "upper level"),
    "upper list too long": (upper(0, "<u2", M + 1), "upper level"),
    "upper mark": (upper(2, "<u2", 1), "unknown marks"),
    "upper link to a lower element": (low_link, "below that level"),
    "level negative": (first("levels", -1), "levels"),
    "level huge": (first("levels", 10**6), "levels"),
    "max level": (field("max_level", 39), "levels"),
    "entry point": (field("entry_point", COUNT), "entry point"),
    "entry point negative": (field("entry_point", -1), "entry point"),
    "entry point low": (low_entry, "entry point"),
    "upper levels cut": (array("upper", lambda a: a[:-4]), "upper levels"),
    "elements cut": (array("level0", lambda a: a[:-1]), "elements"),
    "elements narrow": (array("level0", lambda a: a[:, :-4].copy()), "elements"),
    "levels cut": (array("levels", lambda a: a[:-1]), "elements"),
    "m": (field("m", 5), "elements"),
    "m huge": (field("m", 2**40), "m is a whole number"),
    "dim": (field("dim", 6), "elements"),
    "dim negative": (field("dim", -1), "dim"),
    "dim no number": (field("dim", "5"), "dim"),
    "ef": (field("ef", 0), "ef is"),
    "target": (field("target", None), "target"),
    "geometry": (field("geometry", "flat"), "no geometry"),
    "geometry no text": (field("geometry", ["x"]), "damaged"),
    "reduction": (field("reduction", "tangent"), "a graph of euclidean geometry cannot be 'tangent'"),
    "exact": (field("exact", 1), "out of range"),
    "row of no node": (first("nodes", COUNT), "node that is not there"),
    "row twice": (first("rows", 2), "row 2 is given twice"),
    "row negative": (first("rows", -5), "row -5 is outside"),
    "row huge": (array("rows", lambda a: a + 2**40), "is outside"),
    "rows cut": (array("rows", lambda a: a[1:]), "node that is not there"),
    "side list": (array("side", lambda a: np.array([COUNT])), "side list"),
    "mends": (array("mends", lambda a: np.array([[0, COUNT]])), "mended link"),
    "mends wide": (array("mends", lambda a: np.zeros((0, 3), np.int64)), "mended link"),
    "vectors beside": (array("vectors", lambda a: np.zeros((COUNT, 5), np.float32)), "needs none"),
    "type": (array("levels", lambda a: a.astype(np.int64)), "has another type"),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_made_up_graph_is_refused_before_the_library_sees_it(name: str, tmp_path: Path) -> None:
    change, match = CRAFTED[name]
    path = tmp_path / "index"
    saved(path, "hnsw-euclidean")
    assert len(load_index(path)) == len(range(COUNT)) - len(range(0, COUNT, 7))
    rewritten(path, change, "hnsw")
    with pytest.raises(CorruptIndexError, match=match):
        load_index(path)


@pytest.mark.parametrize("missing", ["levels", "level0", "upper", "rows", "nodes", "side", "mends", "vectors"])
def test_a_missing_array_is_an_error(missing: str, tmp_path: Path) -> None:
    path = tmp_path / "index"
    saved(path, "hnsw-hyperbolic")
    fields, arrays = mapped.read(path, "hnsw")
    del arrays[missing]
    mapped.write(path, "hnsw", fields, arrays)
    with pytest.raises(CorruptIndexError, match=f"the array '{missing}' is missing"):
        load_index(path)


@pytest.mark.parametrize(
    ("kind", "change", "match"),
    [
        ("hnsw-hyperbolic", array("vectors", lambda a: a * 0 + 1), "norms below 1"),
        ("hnsw-hyperbolic", array("vectors", lambda a: a[:-1]), "another shape"),
        ("exact-cosine", array("rows", lambda a: a * 0), "given twice"),
        ("exact-cosine", array("vectors", lambda a: a[:, 1:].copy()), "shape"),
        ("exact-cosine", field("dim", 0), "fields"),
        ("exact-cosine", field("geometry", 3), "fields"),
        ("exact-cosine", array("vectors", lambda a: a.astype(np.float64)), "another type"),
        ("hamming16", array("codes", lambda a: a[1:]), "codes"),
        ("hamming64", array("codes", lambda a: a[:, 1:].copy()), "codes of 64 bits"),
        ("hamming64", field("bits", 16), "codes of 16 bits"),
        ("hamming64", field("bits", 12), "bits is a multiple of 8"),
        ("hamming64", field("bits", None), "bits"),
    ],
)
def test_other_made_up_files_are_refused(kind: str, change: Change, match: str, tmp_path: Path) -> None:
    path = tmp_path / "index"
    saved(path, kind)
    rewritten(path, change, kind.partition("-")[0].rstrip("0123456789"))
    with pytest.raises(CorruptIndexError, match=match):
        load_index(path)


def test_random_garbage_inside_a_right_frame_never_crashes(tmp_path: Path) -> None:
    path = tmp_path / "index"
    saved(path, "hnsw-euclidean")
    fields, arrays = mapped.read(path, "hnsw")
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(150):
        changed = {name: value.copy() for name, value in arrays.items()}
        name = str(rng.choice(["levels", "level0", "upper", "rows", "nodes"]))
        flat = changed[name].reshape(-1).view(np.uint8)
        flat[rng.integers(len(flat), size=3)] ^= rng.integers(1, 256, size=3).astype(np.uint8)
        mapped.write(path, "hnsw", fields, changed)
        try:
            index = load_index(path)
        except CorruptIndexError:
            refused += 1
        else:  # a sound graph, if not the one that was: it must work
            rows = index.rows()[:1]
            found = index.search(np.zeros((3, 5), np.float32), 20)
            assert (found.rows >= 0).all()
            index.remove(rows)
            index.add(np.array([9999]), np.ones((1, 5), np.float32))
    assert refused > 50


def framed(header: bytes) -> bytes:
    return mapped.MAGIC + struct.pack("<II", len(header), zlib.crc32(header)) + header


def test_headers_that_make_no_sense(tmp_path: Path) -> None:
    path = tmp_path / "index"
    good = {"kind": "exact", "version": 1, "fields": {}, "arrays": [], "digest": "x"}
    for header in (b"[]", b"{", b"nonsense", b"\xff\xfe", json.dumps(good | {"fields": 3}).encode(), b"[" * 50_000):
        path.write_bytes(framed(header))
        with pytest.raises(CorruptIndexError, match="header cannot be read"):
            load_index(path)
    for entry in (3, ["a", "|O", [1]], ["a", "<f4", [-1]], ["a", "<f4", [2.5]], ["a", "<f4", []], [1, "<f4", [1]]):
        path.write_bytes(framed(json.dumps(good | {"arrays": [entry]}).encode()))
        with pytest.raises(CorruptIndexError, match="describes an array that cannot be"):
            load_index(path)
    path.write_bytes(framed(json.dumps(good | {"arrays": [["a", "<f4", [2**40, 2**40]]]}).encode()))
    with pytest.raises(CorruptIndexError, match="ends inside the array 'a'"):
        load_index(path)
    path.write_bytes(framed(json.dumps(good | {"kind": "lsh"}).encode()))
    with pytest.raises(CorruptIndexError, match="there is no index kind 'lsh'"):
        load_index(path)
    for blocks in ({"version": 2}, {"block": 1 << 20}, {"version": 2, "block": 0}, {"version": 2, "block": "x"}):
        path.write_bytes(framed(json.dumps(good | blocks).encode()))
        with pytest.raises(CorruptIndexError, match="does not say in what blocks"):
            load_index(path)
    path.write_bytes(framed(json.dumps(good | {"version": 3}).encode()))
    with pytest.raises(FormatVersionError, match="has format 3; this seqsearch reads formats up to 2"):
        load_index(path)


def test_a_file_of_one_kind_is_not_loaded_as_another(tmp_path: Path) -> None:
    path = tmp_path / "index"
    saved(path, "exact-cosine")
    with pytest.raises(CorruptIndexError, match="holds a file of kind 'exact', not 'hnsw'"):
        HnswIndex.load(path)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index"
    saved(path, "exact-cosine")
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(mapped.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        saved(path, "exact-cosine")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["index"]
    assert issubclass(CorruptIndexError, SeqsearchError)
