"""What `search` prints: formats, columns, filters, strands, alignments - each checked against a plain computation."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, read, write_fasta
from seqsearch.distances import EditDistance
from seqsearch.search.budget import Point
from seqsearch.search.calibration import Calibration
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, TEXT, Sequences
from seqsearch.store import Store
from tests.cli.conftest import Seqsearch, process


@pytest.fixture(scope="module")
def matrix(references: Sequences, queries: Path) -> np.ndarray:
    return np.asarray(EditDistance().matrix(read(queries), references))


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_tsv_and_json_say_the_same(seqsearch: Seqsearch, index: Path, queries: Path, matrix: np.ndarray) -> None:
    told = rows(seqsearch("search", index, queries, "-k", "4", "--exact").out)
    assert told[0] == ["query", "rank", "target", "distance"]
    objects = [
        json.loads(line) for line in seqsearch("search", index, queries, "-k", "4", "--exact", "--format", "json").lines
    ]
    assert [[o["query"], str(o["rank"]), o["target"], str(o["distance"])] for o in objects] == told[1:]
    assert len(told) == 1 + 4 * len(matrix)
    for q, distances in enumerate(np.sort(matrix, axis=1)[:, :4]):
        assert [int(row[3]) for row in told[1 + 4 * q : 5 + 4 * q]] == distances.tolist()


def test_the_budget_is_said_on_stderr_only(seqsearch: Seqsearch, index: Path, queries: Path) -> None:
    said = seqsearch("search", index, queries, "--candidates", "30")
    assert "30 candidates" in said.err
    assert "candidates" not in said.out
    assert seqsearch("search", index, queries, "-q").err == ""


def test_everything_within_a_distance(seqsearch: Seqsearch, index: Path, queries: Path, matrix: np.ndarray) -> None:
    told = rows(seqsearch("search", index, queries, "--all", "--max-distance", "5").out)[1:]
    names = [f"s{i}" for i in range(0, 200, 17)]
    wanted = {(names[q], f"s{r}", str(int(matrix[q, r]))) for q, r in zip(*np.nonzero(matrix <= 5), strict=True)}
    assert {(row[0], row[2], row[3]) for row in told} == wanted
    assert len(told) == len(wanted)
    near = rows(seqsearch("search", index, queries, "-k", "3", "--exact", "--max-distance", "2").out)[1:]
    assert {int(row[3]) for row in near} <= {0, 1, 2}
    assert len(near) == np.minimum((matrix <= 2).sum(axis=1), 3).sum()


def test_everything_of_an_identity(
    seqsearch: Seqsearch, index: Path, queries: Path, references: Sequences, matrix: np.ndarray
) -> None:
    columns = "query,target,distance,identity,matches,length,cigar"
    told = rows(seqsearch("search", index, queries, "--all", "--min-identity", "0.9", "--columns", columns).out)[1:]
    assert told
    for row in told:
        assert float(row[3]) >= 0.9
        assert int(row[5]) - int(row[4]) == int(row[2])
        assert float(row[3]) == round(int(row[4]) / int(row[5]), 4)
    # the other way round: of all pairs near enough, those that were left out are below
    kept = {(row[0], row[1]) for row in told}
    everything = rows(seqsearch("search", index, queries, "--all", "--max-distance", "12", "--columns", columns).out)[
        1:
    ]
    assert kept == {(row[0], row[1]) for row in everything if int(row[4]) >= 0.9 * int(row[5])}


def apply(cigar: str, query: str, target: str) -> int:
    """Follow a CIGAR over two strings; the edits."""
    import re

    i = j = edits = 0
    for length, letter in re.findall(r"(\d+)([=XID])", cigar):
        n = int(length)
        if letter in "=X":
            for a, b in zip(query[i : i + n], target[j : j + n], strict=True):
                assert (a == b) == (letter == "=")
        i, j = i + n * (letter != "D"), j + n * (letter != "I")
        edits += n * (letter != "=")
    assert (i, j) == (len(query), len(target))
    return edits


def test_cigars_lead_from_query_to_target(
    seqsearch: Seqsearch, index: Path, queries: Path, references: Sequences
) -> None:
    texts = {sequence.id: sequence.text for sequence in references}
    told = rows(
        seqsearch("search", index, queries, "--columns", "query,target,distance,cigar,query_length,target_length").out
    )
    for query, target, distance, cigar, m, n in told[1:]:
        assert apply(cigar, texts[query], texts[target]) == int(distance)
        assert (int(m), int(n)) == (len(texts[query]), len(texts[target]))


def test_blast6_has_twelve_consistent_columns(seqsearch: Seqsearch, index: Path, queries: Path) -> None:
    plain = rows(
        seqsearch("search", index, queries, "--columns", "query,target,distance,query_length,target_length").out
    )[1:]
    told = rows(seqsearch("search", index, queries, "--format", "blast6").out)
    assert len(told) == len(plain)
    for row, (query, target, distance, m, n) in zip(told, plain, strict=True):
        assert row[:2] == [query, target]
        length, mismatch, gapopen, qstart, qend, sstart, send = map(int, row[3:10])
        gaps = int(distance) - mismatch
        assert float(row[2]) == pytest.approx(100 * (length - int(distance)) / length, abs=5e-4)
        assert (gaps == 0) == (gapopen == 0)
        assert gapopen <= gaps
        assert (qstart, qend, sstart, send) == (1, int(m), 1, int(n))
        assert row[10:] == ["-1", "0"]


def test_both_strands(seqsearch: Seqsearch, index: Path, tmp_path: Path, references: Sequences) -> None:
    asked = references[:6]
    turned = reverse_complement(references[6:12])
    write_fasta(tmp_path / "asked.fasta", Sequences.concatenate([asked, turned]))
    plus = seqsearch("search", index, tmp_path / "asked.fasta", "-k", "1", "--exact")
    assert [row[3] == "0" for row in rows(plus.out)[1:]] == [True] * 6 + [False] * 6
    both = rows(seqsearch("search", index, tmp_path / "asked.fasta", "-k", "3", "--exact", "--strand", "both").out)
    assert both[0] == ["query", "rank", "target", "distance", "strand"]
    first = [row for row in both[1:] if row[1] == "1"]
    texts = {s.id: s.text for s in references}
    assert [texts[row[2]] for row in first] == [texts[f"s{i}"] for i in range(12)]
    assert [row[3:] for row in first] == [["0", "+"]] * 6 + [["0", "-"]] * 6
    for more in ([], ["--all", "--max-distance", "8"]):
        told = rows(
            seqsearch(
                "search",
                index,
                tmp_path / "asked.fasta",
                "--strand",
                "both",
                "--columns",
                "query,target,distance,strand,cigar",
                *more,
            ).out
        )[1:]
        spelled = {s.id: s.text for s in Sequences.concatenate([asked, turned])}
        other = {s.id: s.text for s in reverse_complement(Sequences.concatenate([asked, turned]))}
        for query, target, distance, strand, cigar in told:
            assert apply(cigar, (spelled if strand == "+" else other)[query], texts[target]) == int(distance)
    minus = [
        row
        for row in rows(
            seqsearch(
                "search", index, tmp_path / "asked.fasta", "-k", "1", "--strand", "both", "--format", "blast6"
            ).out
        )
        if row[0] == "s7"
    ]
    assert int(minus[0][8]) == len(references[7])
    assert minus[0][9] == "1"


def test_a_drawn_alignment(seqsearch: Seqsearch, tmp_path: Path) -> None:
    SequenceIndex.build(tmp_path / "names.ss", Sequences.from_texts(["Muenchen", "Zuerich"], TEXT)).close()
    (tmp_path / "asked.txt").write_text("München\n")
    said = seqsearch("search", tmp_path / "names.ss", tmp_path / "asked.txt", "-k", "1", "--align", "-q")
    lines = said.out.splitlines()
    assert lines[0] == "# query 1  rank 1  target 1  distance 2"
    assert lines[1].replace("-", "") == "query  1 München 7"
    assert lines[2].split() == ["|", "|||||"]
    assert lines[3] == "target 1 Muenchen 8"
    assert [a == b for a, b in zip(lines[1][9:17], lines[3][9:17], strict=True)] == [m == "|" for m in lines[2][9:]]


def test_long_alignments_are_drawn_in_blocks(seqsearch: Seqsearch, index: Path, queries: Path) -> None:
    drawn = seqsearch("search", index, queries, "-k", "2", "--align", "-q").out
    texts = {s.id: s.text for s in read(queries)}
    name, spelled, seen = "", "", {}
    for line in drawn.splitlines():
        if line.startswith("# query"):
            name, spelled = line.split()[2], ""
        if line.startswith("query"):
            assert len(line.split()[2]) <= 60
            spelled += line.split()[2].replace("-", "")
            seen[name] = spelled
            assert line.split()[3] == str(len(spelled))
    assert seen == texts


def test_ids_and_labels_restrict(seqsearch: Seqsearch, index: Path, queries: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("s1\ns20\n\ns33\n")
    told = rows(seqsearch("search", index, queries, "--ids-file", tmp_path / "ids.txt").out)[1:]
    assert len(told) == 3 * 12
    assert {row[2] for row in told} == {"s1", "s20", "s33"}
    (tmp_path / "ids.txt").write_text("nobody\n")
    said = seqsearch("search", index, queries, "--ids-file", tmp_path / "ids.txt")
    assert (said.code, said.out) == (1, "")
    assert "'nobody'" in said.err
    (tmp_path / "refs.csv").write_text("id,sequence,label\na,ACGTACGTAA,x\nb,ACGTACGTAC,y\nc,ACGTACGTCC,x\n")
    built = seqsearch(
        "build", tmp_path / "refs.csv", "-o", tmp_path / "l.ss", "--label-column", "label", "--alphabet", "dna", "-q"
    )
    assert built.code == 0
    (tmp_path / "q.fasta").write_text(">q\nACGTACGTAC\n")
    told = rows(
        seqsearch(
            "search", tmp_path / "l.ss", tmp_path / "q.fasta", "--where", "label=x", "--columns", "target,label"
        ).out
    )
    assert told == [["target", "label"], ["a", "x"], ["c", "x"]]


def test_batches_are_printed_as_they_come(
    seqsearch: Seqsearch, index: Path, queries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = seqsearch("search", index, queries).out
    from seqsearch.sequences import readers

    monkeypatch.setattr(readers.read_batches, "__kwdefaults__", {**readers.read_batches.__kwdefaults__, "size": 5})
    assert seqsearch("search", index, queries).out == whole


def test_names_with_tabs_keep_the_columns(seqsearch: Seqsearch, tmp_path: Path) -> None:
    named = Sequences.from_texts(["ACGTAC", "ACGTAA"], DNA, ["a\tb", "c\nd"])
    SequenceIndex.build(tmp_path / "x.ss", named).close()
    (tmp_path / "q.fasta").write_text(">q\nACGTAC\n")
    told = rows(seqsearch("search", tmp_path / "x.ss", tmp_path / "q.fasta").out)
    assert [row[2] for row in told[1:]] == ["a b", "c d"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--all"], "--all needs --max-distance or --min-identity"),
        (["--all", "--max-distance", "3", "--recall", "0.9"], "--recall means nothing"),
        (["--max-distance", "-1"], "must be at least 0, not -1"),
        (["--min-identity", "97"], "must be above 0 and at most 1, not 97"),
        (["--columns", "query,colour"], "no column 'colour': there are query, rank"),
        (["--format", "blast6", "--columns", "query"], "means nothing for --format blast6"),
        (["--format", "json", "--align"], "--align draws pictures"),
        (["--strand", "minus"], "'minus' is not one of"),
    ],
)
def test_wrong_usage(seqsearch: Seqsearch, index: Path, queries: Path, arguments: list[str], problem: str) -> None:
    said = seqsearch("search", index, queries, *arguments)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err


def test_text_and_series_have_one_strand_and_series_no_identity(seqsearch: Seqsearch, tmp_path: Path) -> None:
    SequenceIndex.build(tmp_path / "names.ss", Sequences.from_texts(["Zürich", "Bern"], TEXT)).close()
    (tmp_path / "q.txt").write_text("Zurich\n")
    said = seqsearch("search", tmp_path / "names.ss", tmp_path / "q.txt", "--strand", "both")
    assert (said.code, said.out) == (2, "")
    assert "only dna and rna have two strands, the alphabet text has one" in said.err
    rng = np.random.default_rng(0)
    series = Sequences.from_arrays([rng.normal(size=(12, 1)) for _ in range(6)])
    SequenceIndex.build(tmp_path / "s.ss", series, distance="dtw", encoder="curve").close()
    np.save(tmp_path / "q.npy", rng.normal(size=(2, 12, 1)))
    assert seqsearch("search", tmp_path / "s.ss", tmp_path / "q.npy").code == 0
    for more in (["--min-identity", "0.9"], ["--columns", "query,cigar"], ["--align"]):
        said = seqsearch("search", tmp_path / "s.ss", tmp_path / "q.npy", "-q", *more)
        assert said.code == 2
        assert "not of series" in said.err


def test_warnings_of_all_batches_come_once_at_the_end(
    seqsearch: Seqsearch, index: Path, queries: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def batches(*arguments: object, **options: object) -> Iterator[Sequences]:
        everything = read(arguments[0])  # type: ignore[call-overload]
        yield from (everything[at : at + 4] for at in range(0, len(everything), 4))

    monkeypatch.setattr("seqsearch.sequences.read_batches", batches)
    strange = Sequences.from_texts(["ACGTTGCA" * 9] * 24, "dna", [f"x{i}" for i in range(24)])
    write_fasta(tmp_path / "strange.fasta", strange)
    said = seqsearch("search", index, tmp_path / "strange.fasta", "-k", 2, "--candidates", 5)
    assert len(said.lines) == 49
    lines = said.err.splitlines()[1:]
    assert len(lines) == 1, "four queries at a time are too few to tell, all together are not"
    assert lines[0].startswith("seqsearch: warning: 100% of these queries are farther from everything stored")
    assert len(seqsearch("search", index, queries, "-k", 2, "--candidates", 5).err.splitlines()) == 1
    assert seqsearch("search", index, tmp_path / "strange.fasta", "-k", 2, "-q").err == ""


def test_a_file_holds_what_is_printed(seqsearch: Seqsearch, index: Path, queries: Path, tmp_path: Path) -> None:
    for output_format in ("tsv", "json", "blast6"):
        asked = ("search", index, queries, "-k", "3", "--format", output_format)
        path = tmp_path / output_format
        said = seqsearch(*asked, "-o", path)
        assert (said.code, said.out) == (0, "")
        assert path.read_text() == seqsearch(*asked).out
    drawn = seqsearch("search", index, queries, "-k", "1", "--align", "-o", tmp_path / "drawn")
    assert drawn.code == 0
    assert (tmp_path / "drawn").read_text().startswith("# query ")
    nowhere = seqsearch("search", index, queries, "-o", tmp_path / "no" / "where")
    assert nowhere.code == 1
    assert "cannot be written" in nowhere.err


def test_parquet(seqsearch: Seqsearch, index: Path, queries: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    asked = ("search", index, queries, "-k", "3", "--exact", "--columns")
    names = "query,rank,target,distance,identity,pident,cigar,label,target_length,strand"
    path = tmp_path / "hits.parquet"
    assert seqsearch(*asked, names, "--format", "parquet", "-o", path).code == 0
    table = parquet.read_table(path)
    assert table.column_names == names.split(",")
    told = [json.loads(line) for line in seqsearch(*asked, names, "--format", "json").lines]
    assert [{**row, "pident": f"{row['pident']:.3f}"} for row in table.to_pylist()] == told
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert [kinds[name] for name in ("query", "rank", "distance", "pident")] == ["string", "int64", "double", "double"]
    nothing = seqsearch(*asked, "query,rank", "--max-distance", "0", "--format", "parquet", "-o", path)
    assert nothing.code == 0
    assert parquet.read_table(path).schema.field("rank").type == "int64"  # whatever was found
    wrong = seqsearch("search", index, queries, "--align", "--format", "parquet")
    assert wrong.code == 2
    assert "--format parquet has no place" in wrong.err


def test_parquet_into_a_pipe_and_from_a_file(index: Path, references: Sequences, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    some = references[::40]
    parquet.write_table(arrow.table({"read": some.texts(), "n": [5, 6, 7, 8, 9]}), tmp_path / "asked.parquet")
    command = ["search", index, tmp_path / "asked.parquet", "-q", "-k", "1", "--format", "parquet"]
    with open(tmp_path / "piped", "wb") as piped:
        running = process(*command, "--sequence-column", "read", "--id-column", "n", stdout=piped)
        assert running.wait(timeout=100) == 0
    assert parquet.read_table(tmp_path / "piped").to_pydict() == {
        "query": ["5", "6", "7", "8", "9"],
        "rank": [1] * 5,
        "target": list(some.ids),
        "distance": [0.0] * 5,
    }


def test_it_says_what_was_compared(seqsearch: Seqsearch, index: Path, queries: Path, tmp_path: Path) -> None:
    said = seqsearch("search", index, queries, "--exact")
    assert re.search(r"refs\.ss: compared with all 200; \d+\.\d% ruled out without computing\n", said.err), said.err
    said = seqsearch("search", index, queries, "--candidates", 40)
    assert "refs.ss: 40 candidates verified a query, as asked; recall not measured\n" in said.err
    place = shutil.copytree(index, tmp_path / "refs.ss")
    with Store.open(place, write=True) as writer:
        points = (Point(10, 75, None, 0.996, 0.991),)
        writer.put_document("calibration", Calibration(0.99, 1000, 200, points).to_json())
    said = seqsearch("search", place, queries)
    assert "refs.ss: 75 candidates verified a query; measured recall 0.9960 (asked 0.99)\n" in said.err
