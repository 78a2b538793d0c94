"""SAM and PAF: read back by pysam, or a parser of our own, and held against the letters that were compared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from seqsearch import write_fasta
from seqsearch.distances import distance_named
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, PROTEIN, Sequences
from tests.cli.conftest import Seqsearch

DISTANCES = ["edit", "infix", "overlap"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Sequences, Sequences]:
    """Genes, and reads of them with edits, some turned over, some hanging over an end; the last is of nothing."""
    rng = np.random.default_rng(9)
    genes = [rng.integers(0, 4, int(n)).astype(np.uint8) for n in rng.integers(90, 120, 8)]
    reads = []
    for row in range(12):
        part = (
            genes[row % 8][10:70]
            if row % 3
            else np.concatenate([rng.integers(0, 4, 15).astype(np.uint8), genes[row % 8][:60]])
        )
        part = np.delete(part, 20)
        part[40] = (part[40] + 1) % 4
        reads.append(part)
    stored = Sequences.from_arrays(genes, DNA, ids=[f"gene{n}" for n in range(8)])
    asked = Sequences.from_arrays([*reads, np.zeros(50, np.uint8)], DNA, ids=[f"read{n}" for n in range(13)])
    turned = reverse_complement(asked)
    asked = Sequences.concatenate([asked[:6], turned[6:12], asked[12:]])
    path = tmp_path_factory.mktemp("mapping")
    write_fasta(path / "genes.fa", stored)
    write_fasta(path / "reads.fa", asked)
    return path / "genes.fa", path / "reads.fa", stored, asked


def steps(cigar: str) -> list[tuple[int, str]]:
    parts = re.findall(r"(\d+)([=XIDS])", cigar)
    assert "".join(map("".join, parts)) == cigar
    return [(int(count), letter) for count, letter in parts]


def held_against(cigar: str, query: str, target: str, at: int) -> tuple[int, int]:
    """Whether a CIGAR says what two texts have from a place on; the edits, and where it ends in the target."""
    i, j, edits = 0, at, 0
    for count, letter in steps(cigar):
        if letter in "=X":
            for x, y in zip(query[i : i + count], target[j : j + count], strict=True):
                assert (x == y) == (letter == "=")
        edits += count * (letter in "XID")
        i, j = i + count * (letter in "=XIS"), j + count * (letter in "=XD")
    assert i == len(query)
    return edits, j


@pytest.mark.parametrize("distance", DISTANCES)
def test_sam_says_what_was_compared(
    seqsearch: Seqsearch, files: tuple[Path, Path, Sequences, Sequences], distance: str
) -> None:
    genes, reads, stored, asked = files
    floor = ("--min-identity", "0.8") if distance != "edit" else ("--max-distance", "65")
    search = ("search", genes, reads, "--distance", distance, "--strand", "both", "-k", "2", *floor)
    said = seqsearch(*search, "--format", "sam")
    assert said.code == 0, said.err
    head = [line for line in said.lines if line.startswith("@")]
    assert head[0] == "@HD\tVN:1.6\tSO:unknown\tGO:query"
    assert head[1:9] == [f"@SQ\tSN:gene{n}\tLN:{len(stored[n])}" for n in range(8)]
    assert head[9].startswith("@PG\tID:seqsearch\tPN:seqsearch\tVN:")
    targets, queries = (
        dict(zip(stored.ids, stored.texts(), strict=True)),
        dict(zip(asked.ids, asked.texts(), strict=True)),
    )
    backwards = dict(zip(asked.ids, reverse_complement(asked).texts(), strict=True))
    seen: list[str] = []
    flags = []
    for line in said.lines[10:]:
        name, flag, target, place, quality, cigar, *mate, text, qualities = line.split("\t")[:11]
        assert mate == ["*", "0", "0"]
        assert qualities == "*"
        flags.append(int(flag))
        if int(flag) == 4:
            assert (target, place, quality, cigar, text) == ("*", "0", "0", "*", queries[name])
            seen.append(name)
            continue
        own = (backwards if int(flag) & 16 else queries)[name]
        assert bool(int(flag) & 256) == (name in seen)
        assert text == ("*" if int(flag) & 256 else own)
        seen.append(name)
        edits, end = held_against(cigar, own, targets[target], int(place) - 1)
        assert end <= len(targets[target])
        tags = dict(tag.split(":i:") for tag in line.split("\t")[11:])
        assert tags["NM"] == str(edits)
        letters = [Sequences.from_texts([each], DNA) for each in (own, targets[target])]
        (told,) = distance_named(distance).matrix(*letters)[0].tolist()
        if distance == "overlap":
            assert int(tags["AS"]) == min(len(own), len(targets[target])) - told
        else:
            assert "AS" not in tags
            assert edits == told
    assert sorted(set(seen)) == sorted(asked.ids)
    assert 4 in flags or distance == "edit"
    assert 16 in flags
    assert 0 in flags
    plain = seqsearch(*search, "--format", "sam", "--no-header")
    assert plain.lines == said.lines[10:]


@pytest.mark.parametrize("distance", DISTANCES)
def test_pysam_reads_it(
    seqsearch: Seqsearch, files: tuple[Path, Path, Sequences, Sequences], tmp_path: Path, distance: str
) -> None:
    pysam = pytest.importorskip("pysam", reason="pysam reads SAM for this test: pip install pysam")
    genes, reads, stored, asked = files
    path = tmp_path / "hits.sam"
    search = ("search", genes, reads, "--distance", distance, "--strand", "both", "-k", "2", "-q")
    assert seqsearch(*search, "--format", "sam", "-o", path).code == 0
    with pysam.AlignmentFile(str(path)) as file:
        assert file.references == tuple(stored.ids)
        assert list(file.lengths) == stored.lengths.tolist()
        records = list(file)
    primary = [record for record in records if not record.is_secondary and not record.is_unmapped]
    assert len(primary) > 10
    targets = dict(zip(stored.ids, stored.texts(), strict=True))
    for record in primary:
        own = asked[list(asked.ids).index(record.query_name)].text
        assert record.get_forward_sequence() == own
        equal = [(x, y) for x, y, letter in _pairs(record, targets[record.reference_name]) if letter == 7]
        assert equal
        assert all(x == y for x, y in equal)


def _pairs(record, target):
    """Letters in the same column, and the number of its CIGAR operation."""
    numbers = [number for number, count in record.cigartuples for _ in range(count)]
    columns = record.get_aligned_pairs()
    assert len(numbers) == len(columns)
    for (i, j), number in zip(columns, numbers, strict=True):
        if i is not None and j is not None:
            yield record.query_sequence[i], target[j], number


@pytest.mark.parametrize("distance", DISTANCES)
def test_paf_says_what_was_compared(
    seqsearch: Seqsearch, files: tuple[Path, Path, Sequences, Sequences], distance: str
) -> None:
    genes, reads, stored, asked = files
    said = seqsearch("search", genes, reads, "--distance", distance, "--strand", "both", "-k", "2", "--format", "paf")
    assert said.code == 0, said.err
    targets, queries = (
        dict(zip(stored.ids, stored.texts(), strict=True)),
        dict(zip(asked.ids, asked.texts(), strict=True)),
    )
    strands, before = set(), ""
    for line in said.lines:
        name, length, first, last, strand, target, size, start, end, matches, columns, quality, kind, *tags = (
            line.split("\t")
        )
        assert (int(length), int(size), quality) == (len(queries[name]), len(targets[target]), "255")
        assert kind == ("tp:A:S" if name == before else "tp:A:P")
        before, part = name, queries[name][int(first) : int(last)]
        if strand == "-":
            part = reverse_complement(Sequences.from_texts([part], DNA))[0].text
        cigar = tags[-1].removeprefix("cg:Z:")
        edits, stop = held_against(cigar, part, targets[target], int(start))
        assert stop == int(end)
        assert tags[0] == f"NM:i:{edits}"
        assert int(columns) == sum(count for count, _ in steps(cigar))
        assert int(matches) == sum(count for count, letter in steps(cigar) if letter == "=")
        strands.add(strand)
    assert strands == {"+", "-"}


def test_what_cannot_be_written(
    seqsearch: Seqsearch, files: tuple[Path, Path, Sequences, Sequences], tmp_path: Path
) -> None:
    genes, reads, _, _ = files
    odd, proteins = tmp_path / "odd.fa", tmp_path / "proteins.fa"
    odd.write_text(">a b\nACGTACGT\n")
    write_fasta(proteins, Sequences.from_texts(["MKVLW", "MKKLW"], PROTEIN))
    np.save(tmp_path / "series.npy", np.random.default_rng(0).random((4, 9)))
    for arguments, code, told in (
        ((genes, reads, "--format", "sam", "--distance", "osa"), 2, "the distance osa has none; --format tsv or json"),
        (
            (tmp_path / "series.npy",) * 2 + ("--format", "paf", "--distance", "dtw"),
            2,
            "series are warped, not aligned",
        ),
        ((proteins, proteins, "--format", "sam"), 2, "--format sam is for dna and rna, not protein: --format paf"),
        ((odd, odd, "--format", "sam", "--whole-header"), 2, "the id 'a b' of a target has letters"),
        ((genes, reads, "--format", "sam", "--columns", "cigar"), 2, "--columns means nothing for --format sam"),
        ((genes, reads, "--format", "paf", "--output-no-hits"), 2, "--format paf has not"),
        ((genes, reads, "--format", "sam", "--align"), 2, "--format sam has no place for them"),
    ):
        said = seqsearch("search", *arguments)
        assert told in said.err, said.err
        assert said.code == code
    assert seqsearch("search", proteins, proteins, "--format", "paf", "-k", "1").lines[0].endswith("NM:i:0\tcg:Z:5=")
