from __future__ import annotations

from pathlib import Path

import pytest

from seqsearch.errors import InputError, ParameterError
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
        ('kind = "hnsw"', 'kind = "tree"', "no index kind 'tree': choose one of auto, exact, hnsw, hamming"),
        ('name = "edit"', 'name = "cosine"', "no distance 'cosine': choose one of dtw, edit|no distance 'cosine'"),
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
