"""Everything that docs/own-vectors.md shows happens as it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest

from seqsearch import write_fasta
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.sequences import PROTEIN
from tests.families import families

PAGE = Path(__file__).parents[1] / "docs" / "own-vectors.md"
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]}
NEEDS = {"h5py": "h5py", "wordllama": "wordllama"}


def stand_in(model: Model, sequences: object) -> np.ndarray:
    """In place of a language model, whose weights no package carries: a random projection of 2-mers."""
    counts = model.embed(sequences)  # type: ignore[arg-type]
    drawn = np.random.default_rng(1).normal(size=(counts.shape[1], 60))
    return (counts @ drawn).astype(np.float16)


def write_proteins(folder: Path) -> None:
    """proteins.fasta and per-protein.h5, queries.fasta and queries.npy."""
    import h5py

    everything = families(36, 5, 60, edits=6, alphabet=PROTEIN)
    rows = np.arange(180)
    stored, asked = everything[rows[rows % 9 != 0]], everything[rows[rows % 9 == 0]]
    model = kmer_model(everything, 2)
    write_fasta(folder / "proteins.fasta", stored)
    write_fasta(folder / "queries.fasta", asked)
    with h5py.File(folder / "per-protein.h5", "w") as file:
        for name, vector in reversed(list(zip(stored.ids, stand_in(model, stored), strict=True))):
            file[name] = vector
    np.save(folder / "queries.npy", stand_in(model, asked))


@pytest.mark.parametrize("title", SECTIONS)
def test_what_the_page_shows(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for word, package in NEEDS.items():
        if f"import {word}" in SECTIONS[title] or f", {word}" in SECTIONS[title]:
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    if "proteins.fasta" in SECTIONS[title]:
        write_proteins(tmp_path)
    text = SECTIONS[title].replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, title, str(PAGE), 0)
    assert test.examples
    told: list[str] = []
    done = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append)
    assert done.failed == 0, "".join(told)
