"""A reader that another package adds, by one line or by an entry point, is known to `read` and to the commands."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import seqsearch as ss
from seqsearch.errors import ParameterError
from seqsearch.sequences.readers import data_sets_of

ROOT = Path(__file__).parents[2]

TOY = '''
import numpy as np
from seqsearch.sequences import Strings
from seqsearch.sequences.readers import Reader
from seqsearch.sequences.readers.batches import TextBatch


def read_toy(source, options, intake):
    """TOY, then the records between plus signs; an id is a letter, or what id_column says, and the record's number."""
    words = source.stream.read().decode().removeprefix("TOY").strip().split("+")
    for start in range(0, len(words), options.size):
        part = words[start : start + options.size]
        numbers = np.arange(start + 1, start + len(part) + 1)
        lengths = np.array([len(word) for word in part])
        ids = Strings.of(f"{options.id_column or 'w'}{number}" for number in numbers)
        yield TextBatch(ids, lengths, numbers, text="".join(part))


READER = Reader("toy", read_toy, (".toy",), lambda head: head.startswith(b"TOY"), takes=frozenset({"id_column"}))
'''


@pytest.fixture
def toy(tmp_path):
    """A package with the reader, and files for it."""
    (tmp_path / "toy_reader.py").write_text(TOY)
    for name in ("a.toy", "unknown"):
        (tmp_path / name).write_text("TOY ACGT+ACGA+TTTT+ACG+CCCC")
    (tmp_path / "wrong.toy").write_text("TOY A+C!")
    return tmp_path


def run(code, folder):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_reader_is_added_by_one_line(toy):
    code = """
        import pytest
        import seqsearch as ss
        from seqsearch.errors import ParameterError, SymbolError
        from seqsearch.sequences.readers import register
        from toy_reader import READER

        register(READER)
        for path, options in (("a.toy", {}), ("unknown", {}), ("unknown", {"format": "toy"})):
            found = ss.read(path, alphabet="dna", **options)
            assert found.texts() == ["ACGT", "ACGA", "TTTT", "ACG", "CCCC"]
            assert list(found.ids) == ["w1", "w2", "w3", "w4", "w5"]
        batches = list(ss.read_batches("a.toy", size=2, id_column="x"))
        assert [list(part.ids) for part in batches] == [["x1", "x2"], ["x3", "x4"], ["x5"]]
        assert batches[0].alphabet.name == "text"
        with pytest.raises(SymbolError, match="wrong.toy: record 2 .w2.: symbol '!' at position 2 is not in the rna"):
            ss.read("wrong.toy", alphabet="rna")
        with pytest.raises(ParameterError, match="label_column='y' means nothing for a toy file"):
            ss.read("a.toy", label_column="y")
        with pytest.raises(ParameterError, match="layout='nct' means nothing for a toy file: it has no array"):
            ss.read("a.toy", layout="nct")
        print("well")
    """
    assert run(code, toy) == "well\n"


def test_a_reader_is_added_by_an_entry_point(toy):
    about = toy / "toy_reader-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-reader\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[seqsearch.readers]\ntoy = toy_reader:READER\n")
    code = """
        import sys
        from seqsearch.cli import main

        sys.argv = ["seqsearch", "dedup", "unknown", "--alphabet", "dna", "--id-column", "n", "-q"]
        main()
    """
    assert "n1\t" in run(code, toy)


def test_an_option_that_is_misspelt_is_named(toy):
    with pytest.raises(ParameterError, match="read has no option 'alphabt': choose one of alphabet, format, "):
        ss.read(toy / "a.toy", alphabt="dna")


def test_sets_by_name_and_no_others():
    assert data_sets_of("greengenes:v4") is not None
    assert data_sets_of("C:reads.fasta") is None
    with pytest.raises(ParameterError, match="no set 'greengenes:v9': choose greengenes:full or greengenes:v4"):
        ss.read("greengenes:v9")
