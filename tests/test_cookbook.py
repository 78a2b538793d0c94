"""Every program of docs/cookbook.md runs as it stands, in ten lines, and does what the page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.sequences import PROTEIN
from tests.cookbook import PAGE, PROGRAMS, skip_without_extras
from tests.families import families

LINES = 10  # neither blank
NAMES = ["anna meyer", "Anna Mayer", "otto schulz", "otto schultz", "emil krause", "Jürgen Müller", "jon smith", "ida"]
GENES = families(5, 6, 60)
PROTEINS = families(5, 6, 40, alphabet=PROTEIN)


# -- the files that they name ------------------------------------------------------------------------------------------


def people(path: Path) -> None:
    rows = [f"p{number},{name},Ulm" for number, name in enumerate(NAMES)]
    path.write_text("\n".join(["id,name,city", *rows]), encoding="utf-8")


def names(path: Path) -> None:
    path.write_text("\n".join(NAMES), encoding="utf-8")


def genes(path: Path) -> None:
    ss.write_fasta(path, GENES)


def reads(path: Path) -> None:
    texts = [GENES[4].text, GENES[20].text[::-1].translate(str.maketrans("ACGT", "TGCA"))]
    path.write_text("".join(f"@r{n}\n{text}\n+\n{'I' * len(text)}\n" for n, text in enumerate(texts)))


def proteins(path: Path) -> None:
    ss.write_fasta(path, PROTEINS)


def queries(path: Path) -> None:
    ss.write_fasta(path, PROTEINS[::7])


def vectors(path: Path) -> None:
    points = ss.train(PROTEINS, encoder="kmer").embed(PROTEINS)
    np.save(path, points if path.name == "proteins.npy" else points[::7])


def glove(path: Path) -> None:
    rng = np.random.default_rng(0)
    king = rng.normal(size=8)
    near = {"king": king, "queen": king + 0.1, "prince": king - 0.2} | {f"w{n}": rng.normal(size=8) for n in range(20)}
    path.write_text("\n".join(f"{word} {' '.join(map(str, vector))}" for word, vector in near.items()))


def angular(path: Path) -> None:
    import h5py

    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["distance"] = "angular"
        file["train"], file["test"] = rng.normal(size=(60, 6)), rng.normal(size=(4, 6))


def served(path: Path) -> None:
    ss.SequenceIndex.build(path, NAMES, encoder="kmer").close()


FILES: dict[str, Callable[[Path], None]] = {
    "people.csv": people,
    "names.txt": names,
    "genes.fasta.gz": genes,
    "reads.fastq": reads,
    "proteins.fasta": proteins,
    "proteins.npy": vectors,
    "queries.fasta": queries,
    "queries.npy": vectors,
    "glove.txt": glove,
    "angular.hdf5": angular,
    "served.ss": served,
}

# -- what is to come of them -------------------------------------------------------------------------------------------


def answers(app: Any) -> bool:
    """An application that is asked over HTTP, without a server."""
    client = pytest.importorskip("fastapi.testclient", reason="httpx is not installed").TestClient(app)
    told = client.get("/search", params={"q": "ana meyer", "k": 1}).json()
    return bool(told == [{"target": "1", "distance": 1.0}])


OUTCOMES: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "Names in pandas": lambda made, out: made["found"]["target"].tolist()[:3] == ["p1", "p0", "p5"] and "Ulm" in out,
    "Reads in a FASTA": lambda made, out: out.startswith("r0 s4 + 0.0") and "\nr1 s20 - 0.0" in out,
    "Protein vectors": lambda made, out: made["found"].ids[:, 0].tolist() == ["s0", "s7", "s14", "s21", "s28"],
    "A Jaro-Winkler distance of your own": lambda made, out: "'rank': 1, 'target': '7'" in out,
    "GloVe": lambda made, out: out.split()[0] == "[['king'" and "'queen'" in out,
    "UMAP from the graph of neighbours": lambda made, out: made["points"].shape == (30, 2),
    "FastAPI by hand": lambda made, out: answers(made["app"]),
    "joblib": lambda made, out: made["parts"][0].ids[:, 0].tolist() == [str(n) for n in range(1, 9)],
    "polars": lambda made, out: made["found"].height == 2 * len(NAMES) and out.count("p2") == 2,
    "A file of ann-benchmarks": lambda made, out: made["row"].recall == 1,
}


def test_every_program_is_judged() -> None:
    assert list(PROGRAMS) == list(OUTCOMES)
    assert PAGE.count("```python") == len(PROGRAMS)


@pytest.mark.filterwarnings("ignore::UserWarning:umap", "ignore::numba.NumbaWarning")
@pytest.mark.parametrize("title", PROGRAMS)
def test_programs(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_without_extras(title)
    text = PROGRAMS[title]
    assert sum(bool(line.strip()) for line in text.splitlines()) <= LINES
    monkeypatch.chdir(tmp_path)
    for name, write in FILES.items():
        if f'"{name}"' in text:
            write(tmp_path / name)
    made: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, title, "exec"), made)
    assert OUTCOMES[title](made, capsys.readouterr().out)
    for left in made.values():
        if isinstance(left, ss.SequenceIndex):
            left.close()
