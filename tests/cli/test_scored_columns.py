"""Hits under a substitution matrix: score, identity, where they lie and E-value, as columns and drawn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from seqsearch import References, SequenceIndex, read, write_fasta
from seqsearch.cli.main import run
from seqsearch.distances import AlignmentDistance
from seqsearch.errors import ParameterError
from seqsearch.sequences import DNA, PROTEIN, Sequences

CORE = "MKWVTFISLLFLFSSAYSRGVFRRDAHKSEVAHRFKDLGE"


def proteins() -> Sequences:
    rng = np.random.default_rng(0)
    others = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 50)) for _ in range(40)]
    texts = [CORE, "AAAA" + CORE[:20] + CORE[23:] + "PPPP", *others]
    return Sequences.from_texts(texts, PROTEIN, ids=["core", "longer", *(f"other{row}" for row in range(40))])


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("scored")
    write_fasta(path / "refs.fa", proteins())
    write_fasta(path / "asked.fa", Sequences.from_texts([CORE[5:]], PROTEIN, ids=["part"]))
    arguments = ["--alphabet", "protein", "--distance", "alignment", "-D", "normalise=query", "--encoder", "kmer", "-q"]
    assert run(["build", str(path / "refs.fa"), "-o", str(path / "refs.ss"), *arguments]) == 0
    return path / "refs.ss"


def rows(capsys, *arguments):
    assert run(["search", *map(str, arguments), "-q"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    return lines[0], lines[1:]


def test_columns_are_those_of_the_alignment(index, capsys):
    names = "target,distance,score,identity,cigar,qstart,qend,sstart,send,evalue,bitscore"
    header, hits = rows(capsys, index, index.parent / "asked.fa", "-k", 2, "--columns", names)
    assert header == names.split(",")
    distance, asked = AlignmentDistance(), Sequences.from_texts([CORE[5:]], PROTEIN)
    expected = distance.align(asked[0], proteins()[0])
    assert expected.score == distance.scores(asked, np.array([0]), asked, np.array([0])).item()
    total = int(proteins().lengths.sum())
    value = distance.e_values([expected.score], [35], total).item()
    assert hits[0][:5] == ["core", "0", str(expected.score), "1.0", "35="]
    assert hits[0][5:9] == ["1", "35", "6", "40"]
    assert float(hits[0][9]) == pytest.approx(value, rel=0.01)
    assert float(hits[0][10]) == pytest.approx(distance.bit_scores([expected.score]).item(), abs=0.06)
    assert hits[1][0] == "longer"
    assert "3I" in hits[1][4]
    assert hits[1][5:9] == ["1", "35", "10", "41"]


def test_frames_have_what_the_command_line_prints(index, capsys):
    names = ["query", "target", "score", "identity", "coverage", "cigar", "evalue", "bitscore"]
    path = index.parent / "asked.fa"
    _, hits = rows(capsys, index, path, "-k", 3, "--columns", ",".join(names))
    with SequenceIndex.open(index) as opened:
        found = opened.search(read(path), 3)
    frame = found.to_pandas(names)
    for name, printed in zip(names, zip(*hits, strict=True), strict=True):
        if name in ("query", "target", "cigar"):
            assert frame[name].tolist() == list(printed)
        else:
            assert frame[name].tolist() == pytest.approx([float(text) for text in printed], rel=0.01, abs=0.051)
    assert frame["score"].dtype == np.int64
    assert "score" not in found.columns()
    ranges = opened_ranges(index, path).to_dicts(["target", "identity"])
    assert ranges[0] == {"target": "core", "identity": 1.0}
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dicts() == found.to_dicts()
    with pytest.raises(ParameterError, match="pickled are without their queries: ask before, or align"):
        again.columns(["identity"])
    assert again.align(read(path))[0].identity == 1.0


def opened_ranges(index, path):
    with SequenceIndex.open(index) as opened:
        return opened.within(read(path), 0.5)


def test_what_has_no_scores_says_so():
    edits = References(proteins()).search(proteins()[:1], 1)
    assert edits.columns(["identity", "cigar", "coverage"])["cigar"] == ["40="]
    with pytest.raises(ParameterError, match="a score is of alignments under a substitution matrix"):
        edits.columns(["score"])
    ends = References(proteins(), distance=AlignmentDistance(mode="global")).search(proteins()[:1], 1)
    assert ends.columns(["score"])["score"].item() > 100
    with pytest.raises(ParameterError, match="no E-values and bit scores are known for these scores"):
        ends.columns(["evalue"])
    names = References(["anna", "otto"], distance="jaro-winkler").search("ana", 1)
    with pytest.raises(ParameterError, match="identity and alignments are of edit distances"):
        names.columns(["identity"])


def test_blast6_and_a_drawing(index, capsys):
    assert run(["search", str(index), str(index.parent / "asked.fa"), "-k", "1", "--format", "blast6", "-q"]) == 0
    fields = capsys.readouterr().out.split()
    assert fields[:10] == ["part", "core", "100.000", "35", "0", "0", "1", "35", "6", "40"]
    assert float(fields[10]) < 1e-10
    with SequenceIndex.open(index) as opened:
        asked = Sequences.from_texts([CORE[5:]], PROTEIN)
        drawn = opened.search(asked, 1).align(asked).drawn(0).splitlines()
    assert drawn[0].split() == ["query", "1", CORE[5:], "35"]
    assert drawn[2].split() == ["target", "6", CORE[5:], "40"]


def test_hits_of_an_identity(index, capsys):
    asked = index.parent / "asked.fa"
    _, hits = rows(capsys, index, asked, "-k", 5, "--min-identity", 0.9, "--columns", "target,identity")
    assert {name for name, _ in hits} == {"core", "longer"}
    _, hits = rows(capsys, index, asked, "--all", "--min-identity", 0.9, "--columns", "target,identity")
    assert {"core", "longer"} <= {name for name, _ in hits}
    assert all(float(identity) >= 0.9 for _, identity in hits)


def test_the_minus_strand_and_gaps_without_statistics(tmp_path, capsys):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(30)]
    write_fasta(tmp_path / "refs.fa", Sequences.from_texts(texts, DNA))
    back = texts[4][10:50].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    write_fasta(tmp_path / "asked.fa", Sequences.from_texts(["TTT" + back], DNA, ids=["back"]))
    arguments = ["--distance", "alignment", "-D", "matrix=dnafull", "-D", "normalise=query", "--encoder", "kmer", "-q"]
    assert run(["build", str(tmp_path / "refs.fa"), "-o", str(tmp_path / "refs.ss"), *arguments]) == 0
    names = "target,strand,qstart,qend,sstart,send,score,evalue,bitscore"
    _, hits = rows(
        capsys, tmp_path / "refs.ss", tmp_path / "asked.fa", "-k", 1, "--strand", "both", "--exact", "--columns", names
    )
    target, strand, first, last, start, end, score, *rest = hits[0]
    assert (target, strand, rest) == ("5", "-", ["-1", "0"])
    assert int(score) >= 200
    assert (int(last), int(start)) >= (43, 50)
    assert int(start) > int(end)
    assert int(first) <= 4


def test_an_index_of_edits_has_no_scores(tmp_path, capsys):
    write_fasta(tmp_path / "refs.fa", proteins())
    arguments = ["--alphabet", "protein", "--encoder", "kmer", "-q"]
    assert run(["build", str(tmp_path / "refs.fa"), "-o", str(tmp_path / "refs.ss"), *arguments]) == 0
    assert run(["search", str(tmp_path / "refs.ss"), str(tmp_path / "refs.fa"), "--columns", "score", "-q"]) == 2
    assert "a score is of alignments under a substitution matrix" in capsys.readouterr().err
