"""Files of mapped sequences of every version of the format still load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from make_golden_packed import FIRST, KINDS, contents, make, records

from seqsearch import mapped
from seqsearch.errors import CorruptIndexError, FormatVersionError
from seqsearch.sequences import DNA, Sequences, offsets_of
from seqsearch.sequences.ids import hash_ids
from seqsearch.sequences.packed import Letters, PackedLetters, PackedSequences
from seqsearch.sequences.packed_files import Sizes, read, write

GOLDEN = Path(__file__).parent / "golden"


def loaded(path: Path, kind: str) -> PackedSequences:
    file = read(path, FIRST, 22, contents(records(kind)), mapped.digest_of(path))
    assert (file.first, file.stop) == (FIRST, FIRST + 22)
    hashes = hash_ids(records(kind).ids)
    np.testing.assert_array_equal(hashes[file.rows], file.hashes)
    assert isinstance(file.part.letters, PackedLetters) == (kind == "dna")
    return PackedSequences([file.part], KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_golden_file_loads(kind: str) -> None:
    found, expected = loaded(GOLDEN / f"v1-{kind}.bin", kind), records(kind)
    assert found.digest() == expected.digest()
    assert (found.labels, found.descriptions) == (expected.labels, expected.descriptions)


@pytest.mark.parametrize("kind", KINDS)
def test_this_version_writes_what_is_golden(kind: str, tmp_path: Path) -> None:
    make(tmp_path / "file", kind)
    assert (tmp_path / "file").read_bytes() == (GOLDEN / f"v1-{kind}.bin").read_bytes()


def test_every_byte_that_is_changed_is_noticed(tmp_path: Path) -> None:
    content, path = (GOLDEN / "v1-dna.bin").read_bytes(), tmp_path / "file"
    digest = mapped.digest_of(GOLDEN / "v1-dna.bin")
    for at in [*range(40), *range(40, 4096, 61), *range(4096, len(content), 5)]:
        damaged = bytearray(content)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises((CorruptIndexError, FormatVersionError)):
            read(path, FIRST, 22, contents(records("dna")), digest)


def test_files_of_other_rows_or_other_kinds_are_refused() -> None:
    path, what = GOLDEN / "v1-dna.bin", contents(records("dna"))
    digest = mapped.digest_of(path)
    for first, rows, contained, said in (
        (0, 22, what, digest),
        (FIRST, 21, what, digest),
        (FIRST, 22, contents(records("protein")), digest),
        (FIRST, 22, what, "0" * 32),
    ):
        with pytest.raises(CorruptIndexError, match="holds other sequences than those that were recorded"):
            read(path, first, rows, contained, said)


def test_dna_that_is_mostly_other_symbols_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsearch.sequences.packed_files._FEW", 10)
    unknown = np.full(4000, DNA.letters.index("N"), np.uint8)
    sequences = Sequences(unknown, offsets_of(np.full(40, 100)), records("dna").ids.take(np.arange(40) % 20), DNA)
    sizes, what = Sizes(40, 4000, len(sequences.ids.data), 0, 0), contents(sequences)
    write(tmp_path / "file", lambda: [sequences], sizes, 0, what)
    part = read(tmp_path / "file", 0, 40, what, mapped.digest_of(tmp_path / "file")).part
    assert isinstance(part.letters, Letters)
    assert PackedSequences([part], DNA).digest() == sequences.digest()


def test_what_was_not_announced_is_not_written(tmp_path: Path) -> None:
    sequences = records("dna")
    with pytest.raises(ValueError, match="were announced"):
        write(tmp_path / "file", lambda: [sequences[:20]], Sizes(22, 400, 200, 0, 0), 0, contents(sequences))
    assert not list(tmp_path.iterdir())


def test_a_file_in_pieces_that_are_never_put_is_zero(tmp_path: Path) -> None:
    with mapped.writing(tmp_path / "file", "toy", {"a": 1}) as pieces:
        pieces.declare("some", "<i8", 5)
        pieces.declare("none", "<f4", 0, 3)
        pieces.put("some", 2, np.array([7, 8]))
    fields, arrays = mapped.read(tmp_path / "file", "toy")
    assert fields == {"a": 1}
    assert arrays["some"].tolist() == [0, 0, 7, 8, 0]
    assert arrays["none"].shape == (0, 3)
    with pytest.raises(ValueError, match="does not fit"), mapped.writing(tmp_path / "other", "toy", {"a": "x" * 5000}):
        pass
    assert not (tmp_path / "other").exists()
