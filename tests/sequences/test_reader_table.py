"""A reader that another package adds by one line: `read`, `read_batches` and the command line know it."""

from collections.abc import Iterator

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.cli.main import run
from seqsearch.errors import ParameterError, SymbolError
from seqsearch.sequences import Strings
from seqsearch.sequences.readers import READERS, Reader, data_sets_of, register
from seqsearch.sequences.readers.batches import TextBatch


def read_toy(source, options, intake) -> Iterator[TextBatch]:
    """TOY, then a word a record, between plus signs; the id is the word's place with the label column in front."""
    words = source.stream.read().decode().removeprefix("TOY").strip().split("+")
    for start in range(0, len(words), options.size):
        part = words[start : start + options.size]
        numbers = np.arange(start + 1, start + len(part) + 1)
        lengths = np.array([len(word) for word in part])
        ids = Strings.of(f"{options.id_column or 'w'}{number}" for number in numbers)
        yield TextBatch(ids, lengths, numbers, text="".join(part))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setattr(READERS, "_members", dict(READERS._members))
    register(Reader("toy", read_toy, (".toy",), lambda head: head.startswith(b"TOY"), takes=frozenset({"id_column"})))
    (tmp_path / "a.toy").write_text("TOY ACGT+ACGA+TTTT+ACG+CCCC")
    (tmp_path / "unknown").write_text("TOY ACGT+ACGA+TTTT+ACG+CCCC")
    return tmp_path


def test_it_reads_by_extension_by_content_and_by_name(toy):
    for path, options in (("a.toy", {}), ("unknown", {}), ("unknown", {"format": "toy"})):
        found = ss.read(toy / path, alphabet="dna", **options)
        assert found.texts() == ["ACGT", "ACGA", "TTTT", "ACG", "CCCC"]
        assert list(found.ids) == ["w1", "w2", "w3", "w4", "w5"]
    batches = list(ss.read_batches(toy / "a.toy", size=2, id_column="x"))
    assert [list(part.ids) for part in batches] == [["x1", "x2"], ["x3", "x4"], ["x5"]]
    assert batches[0].alphabet is not None
    assert batches[0].alphabet.name == "text"


def test_its_records_and_options_are_judged_as_those_of_any_other(toy):
    (toy / "wrong.toy").write_text("TOY A+C!")
    with pytest.raises(SymbolError, match=r"wrong.toy: record 2 \(w2\): symbol '!' at position 2 is not in the rna"):
        ss.read(toy / "wrong.toy", alphabet="rna")
    with pytest.raises(ParameterError, match="label_column='y' means nothing for a toy file"):
        ss.read(toy / "a.toy", label_column="y")
    with pytest.raises(ParameterError, match="layout='nct' means nothing for a toy file: it has no array"):
        ss.read(toy / "a.toy", layout="nct")
    with pytest.raises(ParameterError, match="read has no option 'alphabt': choose one of alphabet, format, "):
        ss.read(toy / "a.toy", alphabt="dna")


def test_the_command_line_knows_it(toy, capsys):
    files = [f"{toy}/a.toy", f"{toy}/unknown"]
    assert run(["truth", *files, "-k", "1", "--alphabet", "dna", "-o", f"{toy}/truth.npz"]) == 0
    assert run(["dedup", files[1], "--input-format", "toy", "--alphabet", "dna", "--id-column", "n", "-q"]) == 0
    assert "n1" in capsys.readouterr().out


def test_sets_by_name_and_no_others():
    assert data_sets_of("greengenes:v4") is not None
    assert data_sets_of("C:reads.fasta") is None
    with pytest.raises(ParameterError, match="no set 'greengenes:v9': choose greengenes:full or greengenes:v4"):
        ss.read("greengenes:v9")
