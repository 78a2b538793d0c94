from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import InputError, ParameterError
from seqsearch.search.options import BuildOptions
from seqsearch.search.recipes import Recipe
from seqsearch.sequences import read, write_fasta
from tests.families import families

GOOD = """
seed = 3
[data]
references = "refs.fasta"
hold_out = 20
[distance]
name = "edit"
[encoder]
name = "kmer"
[index]
kind = "hnsw"
m = 8
[search]
recall = 0.9
"""


def recipe(folder: Path, text: str) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_builds_beside_itself_and_holds_out(tmp_path: Path) -> None:
    refs = families(20, 10, 50)
    write_fasta(tmp_path / "refs.fasta", refs)
    plan = Recipe.load(recipe(tmp_path, GOOD))
    with plan.build() as index:
        assert index.path == str(tmp_path / "tiny")
        assert len(index) == 180
        assert index.info()["index_parameters"] == {"m": 8}
        held = read(tmp_path / "tiny.queries.fasta")
        assert len(held) == 20
        assert not any(record.id in index for record in held)
    with plan.build(overwrite=True) as index:
        assert list(read(tmp_path / "tiny.queries.fasta").ids) == list(held.ids)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[search]", "[serach]", r"no table \[serach\]: there are \[data\]"),
        ("hold_out", "holdout", r"no key 'holdout' in \[data\]: there are alphabet"),
        ('references = "refs.fasta"', "", r"\[data\] needs references"),
        ("recall = 0.9", "recall = 9", "recall must be above 0 and at most 1, not 9"),
        ('kind = "hnsw"', 'kind = "tree"', "no index kind 'tree': choose one of auto, exact, hnsw, ivf, hamming"),
        ('name = "edit"', 'name = "cosin"', "no distance 'cosin': choose one of "),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(ParameterError, match=problem) as raised:
        Recipe.load(recipe(tmp_path, GOOD.replace(old, new)))
    assert str(tmp_path / "tiny.toml") in str(raised.value)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tiny\.toml: is not TOML"):
        Recipe.load(recipe(tmp_path, "references = refs"))
    with pytest.raises(InputError, match=r"none\.toml: cannot be read: No such file"):
        Recipe.load(tmp_path / "none.toml")


def test_holding_everything_out(tmp_path: Path) -> None:
    write_fasta(tmp_path / "refs.fasta", families(2, 5, 50))
    with pytest.raises(ParameterError, match="hold_out 20 leaves none of 10 sequences"):
        Recipe.load(recipe(tmp_path, GOOD)).build()
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("path", sorted(Path("indexes").glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_on_the_shelf_are_sound_and_described(path: Path) -> None:
    Recipe.load(path)
    assert f"`{path.name}`" in Path("indexes/README.md").read_text(encoding="utf-8")


def test_every_build_option_has_its_key(tmp_path: Path) -> None:
    wanted = {
        "distance": "dtw",
        "distance_parameters": {"window": 0.25},
        "encoder": "projection",
        "dim": 7,
        "geometry": "cosine",
        "learn": "low",
        "effort": None,
        "expect_queries": 500,
        "max_time": 60.0,
        "bits": 16,
        "codes": "itq",
        "index": "hamming",
        "index_parameters": {"radius": 1},
        "compress": "none",
        "recall": 0.5,
        "seed": 9,
    }
    assert set(wanted) == {field.name for field in dataclasses.fields(BuildOptions)}
    text = """
    seed = 9
    [data]
    references = "beats.npz"
    [distance]
    name = "dtw"
    window = 0.25
    [encoder]
    name = "projection"
    dim = 7
    geometry = "cosine"
    effort = "low"
    expect_queries = 500
    max_time = 60.0
    bits = 16
    codes = "itq"
    [index]
    kind = "hamming"
    compress = "none"
    radius = 1
    [search]
    recall = 0.5
    """
    assert vars(Recipe.load(recipe(tmp_path, text)).options) == wanted


@pytest.mark.parametrize("kind", ["dna", "text", "integers", "series"])
def test_held_out_queries_read_back_as_they_were(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(60)]
    if kind == "series":
        labels = np.array([f"class {row % 3}" for row in range(60)])
        np.savez(tmp_path / "refs.npz", values=rng.standard_normal((60, 9, 2)), labels=labels)
        data = 'references = "refs.npz"'
    elif kind == "integers":
        lines = ["id\tsequence\tlabel"] + [
            f"r{row}\t{' '.join(map(str, rng.integers(0, 9, 20)))}\tx" for row in range(60)
        ]
        (tmp_path / "refs.tsv").write_text("\n".join(lines) + "\n")
        data = 'references = "refs.tsv"\nalphabet = "integers"'
    else:
        lines = ["id,sequence,label"] + [f'r{row},"{text}, ""so""",c{row % 3}' for row, text in enumerate(texts)]
        (tmp_path / "refs.csv").write_text("\n".join(lines) + "\n")
        (tmp_path / "refs.fasta").write_text("".join(f">r{row}\n{text}\n" for row, text in enumerate(texts)))
        data = f'references = "refs.{"csv" if kind == "text" else "fasta"}"'
    distance = "dtw" if kind == "series" else "edit"
    plan = Recipe.load(
        recipe(
            tmp_path, f'[data]\n{data}\nhold_out = 7\n[distance]\nname = "{distance}"\n[encoder]\nname = "projection"'
        )
    )
    everything = read(plan.references, **plan.reading)
    with plan.build() as index:
        held = read(plan.queries_path(index.alphabet_name), alphabet=index.alphabet_name)
        assert len(held) == 7
        rows = [list(everything.ids).index(id) for id in held.ids]
        np.testing.assert_array_equal(held.data, everything[rows].data)
        np.testing.assert_array_equal(held.offsets, everything[rows].offsets)
        if kind != "dna":
            assert list(held.labels) == list(everything[rows].labels)
        assert not index.holds(held.ids).any()
