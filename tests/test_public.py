"""What users rely on: every public name exists, is documented, and importing the package is cheap."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import seqsearch
from seqsearch import errors
from seqsearch.cli.main import COMMANDS
from tests.cookbook import PROGRAMS

README = Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", seqsearch.__all__)
def test_public_names_are_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(seqsearch, name))


def test_every_public_method_of_the_front_door_is_documented() -> None:
    undocumented = [
        name
        for name, member in inspect.getmembers(seqsearch.SequenceIndex)
        if not name.startswith("_") and not inspect.getdoc(member)
    ]
    assert not undocumented


def test_the_error_tree_is_drawn() -> None:
    drawn = errors.__doc__ or ""
    for name, member in inspect.getmembers(errors, inspect.isclass):
        if issubclass(member, errors.SeqsearchError):
            assert name in drawn, f"{name} is missing from the drawing in errors.py"


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        seqsearch.nothing  # noqa: B018


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"seqsearch {command}" in README


def test_importing_the_package_and_asking_for_help_load_no_engine() -> None:
    code = (
        "import sys, seqsearch\n"
        "from seqsearch.cli.main import run\n"
        "run(['--help'])\n"
        "print([m for m in ('torch', 'numba', 'scipy', 'matplotlib', 'hnswlib', 'lmdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def examples() -> dict[str, doctest.DocTest]:
    """The examples in the docstrings of public names and their methods."""
    finder, found = doctest.DocTestFinder(exclude_empty=True), {}
    for name in seqsearch.__all__:
        member = getattr(seqsearch, name)
        if not inspect.isclass(member) and not inspect.isfunction(member):
            continue
        for one in inspect.getmro(member) if inspect.isclass(member) else [member]:
            if one.__module__.startswith("seqsearch."):
                called = one.__qualname__ if inspect.isclass(one) else name
                found |= {test.name: test for test in finder.find(one, called) if test.examples}
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.DocTestRunner().run(EXAMPLES[name]).failed == 0


ALIASES = {"SequencesLike"}


@pytest.mark.parametrize("name", [name for name in seqsearch.__all__ if name not in ALIASES])
def test_every_public_name_has_an_example(name: str) -> None:
    assert any(shown == name or shown.startswith(f"{name}.") for shown in EXAMPLES)


def callables() -> dict[str, object]:
    """Public functions, and the public methods of public classes."""
    found: dict[str, object] = {}
    for name in seqsearch.__all__:
        member = getattr(seqsearch, name)
        if inspect.isfunction(member):
            found[name] = member
        elif inspect.isclass(member) and not issubclass(member, Exception):
            methods = inspect.getmembers(member, callable)
            found |= {f"{name}.{own}": one for own, one in methods if not own.startswith("_")}
    ours = {
        name: one for name, one in found.items() if (getattr(one, "__module__", None) or "").startswith("seqsearch")
    }
    return {name: one for name, one in ours.items() if name not in ALIASES}


CALLABLES = callables()
SHAPE = re.compile(r"\((?:[A-Za-z][\w ().+*/-]*|\d+),[\w ,.+*/-]*\)")
ALL_RAISE = ("Distance.", "CustomDistance.", "Encoder.")  # as their class says
RAISE_NOTHING = {
    "Alphabet.decode",
    "Alphabet.lookup",
    "BuildOptions.kind_for",
    "BuildOptions.parameters_for",
    "Hits.at",
    "Model.orders_as",
    "RangeResults.at",
    "RangeResults.parts_of",
    "RangeResults.to_dicts",
    "References.holds",
    "Results.at",
    "Results.parts_of",
    "Results.to_dicts",
    "SequenceIndex.distribution_warning",
    "SequenceIndex.holds",
    "Sequences.beside",
    "Sequences.lengths_of",
}


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_say_shapes_and_errors(name: str) -> None:
    """Shapes of what is an array; what is raised, of all that takes something."""
    member, told = CALLABLES[name], inspect.getdoc(CALLABLES[name]) or ""
    signature = inspect.signature(member)  # type: ignore[arg-type]
    assert told
    if re.search("Array|csr_matrix|Lists|Names", str(signature.return_annotation)):
        assert SHAPE.search(told), f"{name} gives an array: of which shape?"
    takes = [each for each in signature.parameters if each not in ("self", "progress")]
    if takes and name not in RAISE_NOTHING and not name.startswith(ALL_RAISE):
        assert re.search("[Rr]aise[sd]?\\s", told), f"{name} takes {', '.join(takes)}: what does it raise?"


RIGHT = """
import numpy as np
import seqsearch as ss

index = ss.SequenceIndex.build("x.ss", ["ACGT", "AC"], distance="edit", recall=0.9, alphabet="dna")
found = index.search("ACGT", k=3, recall=0.9)
text: str = found[0][0].sequence.text
ids: list[str] = [hit.id for hits in found for hit in hits]
index.within(np.zeros((3, 4)), 2.0)
index.novelty([b"ACGT"], fpr=0.1)
record: ss.Sequence = index["id7"]
some: ss.Sequences = index.get(["a"])
rows: list[dict[str, object]] = found.to_dicts()
frame = found.to_pandas()
model: ss.Model = ss.train(["ACGT"] * 40, encoder="cnn", effort="low", progress=True)
names: list[str] = ss.classify(model, ["ACGT"]).names() + ss.classify(index, ["ACGT"], k=3, recall=0.9).names()
lists: list[list[str]] = ss.tag(model, ["ACGT"]).lists()
neighbors = ss.SequenceNeighbors(3, distance="edit").fit(["ACGT", "AC"])
near, where = neighbors.kneighbors()
places: list[list[int]] = neighbors.kneighbors(["ACGT"], return_distance=False).tolist()
"""
WRONG = {
    'ss.SequenceIndex.build("x.ss", ["ACGT"], distnce="edit")': 'Unexpected keyword argument "distnce"',
    'ss.SequenceIndex.build("x.ss", ["ACGT"], encoder=3)': 'Argument "encoder" to "build"',
    "index.search(3)": 'Argument 1 to "search"',
    'index.search("ACGT", recal=0.9)': 'Unexpected keyword argument "recal"',
    'index.novelty("ACGT", frp=0.1)': 'Unexpected keyword argument "frp"',
    "index[7]": "Invalid index type",
    'ss.train(["ACGT"], epoch=3)': 'Unexpected keyword argument "epoch"',
    'ss.classify(model, "ACGT", k=3)': "No overload variant",
    "ss.SequenceNeighbors(distnce=3)": 'Unexpected keyword argument "distnce"',
    "neighbors.kneighbours()": 'has no attribute "kneighbours"',
}


@pytest.mark.timeout(400)  # a minute on a busy machine, where nobody checked the types of the package before
def test_types_catch_what_is_mistyped(tmp_path: Path) -> None:
    """`mypy --strict` on programs of users, with what it remembers of the package: nothing is wrong in those of the
    cookbook, and all that is mistyped is found."""
    program = tmp_path / "program.py"
    program.write_text("\n".join([RIGHT, *WRONG]))
    first = RIGHT.count("\n") + 2
    cooked = [text for text in PROGRAMS.values() if "fastapi" not in text or find_spec("fastapi")]
    for number, text in enumerate(cooked):
        (tmp_path / f"cooked{number}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=pyproject.toml", *map(str, tmp_path.glob("*.py"))],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stdout.splitlines() if ": error: " in line]
    for number, problem in enumerate(WRONG.values(), start=first):
        assert any(f"program.py:{number}: " in line and problem in line for line in told), done.stdout + done.stderr
    assert len(told) == len(WRONG), done.stdout
    assert len(cooked) >= 8
