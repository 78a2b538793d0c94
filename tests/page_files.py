"""The files that the pages name, small: made when a command line or a program names one that is not there yet."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import seqsearch as ss
from seqsearch.sequences import PROTEIN
from tests.families import families

GENES = families(5, 5, 60, edits=4, prefix="id")
MORE = families(2, 3, 60, edits=4, seed=1, prefix="m")
QUERIES = families(5, 2, 60, edits=4, prefix="q")[::2]
PROTEINS = families(5, 5, 40, alphabet=PROTEIN, prefix="p")
NAMES = ["anna meyer", "anna mayer", "otto schulz", "otto schultz", "emil krause", "juergen mueller", "jon smith"]
TAXA = ("Bacteria;Firmicutes;Bacilli", "Bacteria;Proteobacteria;Gamma", "Archaea;Euryarchaeota;Methano")
COUNTRIES, HOSTS = ("IT", "FR", "DE"), ("human", "", "mouse")
DAYS = ("2018-03-01", "2019-06-02", "2021-01-05")


def fasta(sequences: ss.Sequences, headers: Callable[[str, int], str] = lambda name, n: name) -> str:
    """Records of FASTA."""
    return "".join(f">{headers(name, n)}\n{sequences[n].text}\n" for n, name in enumerate(sequences.ids))


def table(rows: list[list[object]], separator: str = "\t") -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def samples(ids: list[str]) -> str:
    """Columns beside genes, as docs/metadata.md has them."""
    head: list[object] = ["id", "genus", "year", "country", "host", "tags", "reviewed", "collected"]
    rows: list[list[object]] = [head]
    for n, name in enumerate(ids):
        genus = ("Bacteroides", "Prevotella")[n % 2]
        tags, reviewed = ("soil|warm", "gut")[n % 2], ("true", "false")[n % 3 == 0]
        rows.append([name, genus, 2017 + n % 5, COUNTRIES[n % 3], HOSTS[n % 3], tags, reviewed, DAYS[n % 3]])
    return table(rows)


def waves(count: int, length: int, seed: int = 0) -> np.ndarray:
    """(n, T) series, each like every third one."""
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, 6, length)
    return np.array([np.sin(steps * (1 + n % 3)) + 0.1 * rng.normal(size=length) for n in range(count)], np.float32)


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


def hdf5(path: Path) -> None:
    """A file as of ann-benchmarks."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["distance"] = "angular"
        train, test = vectors(40), vectors(3, 1)
        file["train"], file["test"] = train, test
        units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (test, train)]
        apart = 1 - units[0] @ units[1].T
        file["neighbors"], file["distances"] = np.argsort(apart, 1)[:, :10], np.sort(apart, 1)[:, :10]


def fastq(sequences: ss.Sequences) -> str:
    return "".join(f"@{one.id}\n{one.text}\n+\n{'I' * len(one)}\n" for one in sequences)


def aligned(sequences: ss.Sequences) -> str:
    return "".join(f">{one.id} some words\n{one.text[:20]}--{one.text[20:]}..\n" for one in sequences)


def labels(ids: list[str]) -> str:
    return table([[name, TAXA[n % 3]] for n, name in enumerate(ids)])


def sentences(tagged: bool) -> str:
    told = "the DET\nold ADJ\nhouse NOUN\n\na DET\nsmall ADJ\ndog NOUN\n\n" * 8
    return told if tagged else told.replace(" DET", "").replace(" ADJ", "").replace(" NOUN", "")


def peaks(count: int, length: int) -> dict[str, np.ndarray]:
    return {"values": waves(count, length), "ids": np.array([f"s{n}" for n in range(count)])}


def counts() -> list[list[object]]:
    """A line a gene, in six samples."""
    drawn = np.random.default_rng(0).poisson(3.0, (len(GENES), 6))
    return [[name, *row] for name, row in zip(GENES.ids, drawn.tolist(), strict=True)]


def biom() -> str:
    """The same as BIOM 1."""
    rows = counts()
    return json.dumps(
        {
            "id": None,
            "format": "Biological Observation Matrix 1.0.0",
            "format_url": "http://biom-format.org",
            "type": "OTU table",
            "generated_by": "a test",
            "date": "2026-11-30T00:00:00",
            "matrix_type": "dense",
            "matrix_element_type": "int",
            "shape": [len(rows), 6],
            "rows": [{"id": row[0], "metadata": None} for row in rows],
            "columns": [{"id": f"sample{n}", "metadata": None} for n in range(6)],
            "data": [row[1:] for row in rows],
        }
    )


GENE_IDS = list(GENES.ids)
TEXTS: dict[str, Callable[[], str]] = {
    "refs.fasta": lambda: fasta(GENES),
    "queries.fasta": lambda: fasta(QUERIES),
    "more.fasta": lambda: fasta(MORE, lambda name, n: f"{name} {TAXA[n % 3]}"),
    "asvs.tsv": lambda: table([["id", *(f"sample{n}" for n in range(6))], *counts()]),
    "otus.biom": biom,
    "rep-seqs.fasta": lambda: fasta(GENES),
    "refs.nwk": lambda: "(" * (len(GENES) - 1) + "id0" + "".join(f",{name}:1):1" for name in GENE_IDS[1:]) + ";",
    "later.fasta": lambda: fasta(MORE, lambda name, n: f"later{n} {TAXA[n % 3]}"),
    "protein-queries.fasta": lambda: fasta(PROTEINS[::5]),
    "corrected.fasta": lambda: fasta(GENES[:2]),
    "reads.fasta": lambda: fasta(QUERIES, lambda name, n: f"{name};size={n + 1};"),
    "reads.fq": lambda: fastq(QUERIES),
    "all.fa": lambda: fasta(GENES[:8]),
    "silva.fasta": lambda: fasta(GENES, lambda name, n: f"{name if n else 'id1'} {TAXA[n % 3]}"),
    "aligned.fasta": lambda: aligned(GENES),
    "taxonomy.tsv": lambda: labels([f"{name} some words" for name in GENE_IDS]),
    "samples.tsv": lambda: samples(GENE_IDS),
    "more.tsv": lambda: samples(list(MORE.ids)),
    "corrected.tsv": lambda: table([["id", "year"], ["id1", 2020], ["id2", ""]]),
    "hosts.tsv": lambda: table([["id", "host"], ["id1", "cat"], ["id2", "dog"]]),
    "some.txt": lambda: "\n".join(GENE_IDS[:9]) + "\n",
    "proteins.fasta": lambda: fasta(PROTEINS),
    "names.txt": lambda: "\n".join(NAMES) + "\n",
    "asked.txt": lambda: "ana mayer\njon smiht\n",
    "people.csv": lambda: table(
        [["id", "text", "born", "zip"], *([f"p{n}", name, 1970 + n, f"0{n}123"] for n, name in enumerate(NAMES))], ","
    ),
    "names.csv": lambda: table([["label", "text"], *([n % 2, name] for n, name in enumerate(NAMES))], ","),
}
SAME = {
    "reads.fa": "queries.fasta",
    "genes.fa": "refs.fasta",
    "genes.fasta": "refs.fasta",
    "refs.fa": "refs.fasta",
    "q.fa": "queries.fasta",
    "queries.fa": "queries.fasta",
    "partial.fa": "refs.fasta",
    "partial.fasta": "refs.fasta",
    "proteins.fa": "proteins.fasta",
    "reads.fastq": "reads.fq",
    "many.fasta": "queries.fasta",
}
ON_PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/own-vectors.md": {
        "queries.fasta": lambda: fasta(PROTEINS[::5]),
        "more.fasta": lambda: fasta(PROTEINS[: len(MORE)], lambda name, n: f"more{n}"),
    },
    "docs/samples.md": {
        "samples.tsv": lambda: table([["id", "site"], *([f"sample{n}", ("soil", "gut")[n % 2]] for n in range(6))])
    },
    "docs/metadata.md": {"taxonomy.tsv": lambda: labels(GENE_IDS)},
}
ARRAYS: dict[str, Callable[[], dict[str, np.ndarray] | np.ndarray]] = {
    "beats.npz": lambda: peaks(12, 20),
    "records.npz": lambda: peaks(4, 80),
    "vectors.npy": lambda: vectors(40),
    "queries.npy": lambda: vectors(len(QUERIES), 1),
    "more.npy": lambda: vectors(len(MORE), 2),
    "proteins.npy": lambda: vectors(len(PROTEINS), 3),
}


@cache
def template(folder: Path, kind: str) -> Path:
    """An index, made once: of genes with labels and columns; of `partial` genes; of vectors."""
    path = folder / f"{kind}.ss"
    if kind == "vectors":
        ss.SequenceIndex.build(path, vectors(40), distance="cosine").close()
        return path
    beside = folder / "samples.tsv"
    beside.write_text(samples(GENE_IDS), encoding="utf-8")
    labelled = ss.as_sequences(
        [one.text for one in GENES], ids=GENE_IDS, labels=[TAXA[n % 3][:8] for n in range(len(GENES))]
    )
    distance = "overlap" if kind == "partial" else "edit"
    ss.SequenceIndex.build(path, labelled, distance=distance, encoder="kmer", metadata=beside).close()
    return path


def make(path: Path, templates: Path, page: str) -> bool:
    """Make a file or an index that a page names, by its name; whether there is one of that name."""
    name = path.name.removesuffix(".gz")
    name = SAME.get(name, name)
    texts = TEXTS | ON_PAGES.get(page, {})
    if name in texts:
        text = texts[name]().encode()
        if path.suffix == ".gz":
            import gzip

            text = gzip.compress(text)
        path.write_bytes(text)
    elif name in ARRAYS:
        array = ARRAYS[name]()
        np.savez(path, **array) if isinstance(array, dict) else np.save(path, array)
    elif name.endswith(".hdf5"):
        hdf5(path)
    elif re.fullmatch(r"(refs|genes|partial|vectors|names)\.ss", name):
        kind = "vectors" if name.startswith("vectors") else "partial" if name.startswith("partial") else "genes"
        shutil.copytree(template(templates, kind), path)
    else:
        return False
    return True


def names_for(page: str) -> dict[str, object]:
    """What the programs of a page take for granted: each goes on from what the page has said."""
    import pandas as pd

    rng = np.random.default_rng(0)
    known: dict[str, object] = {"ss": ss, "np": np, "refs": GENES, "genes": GENES, "reads": QUERIES, "queries": QUERIES}
    known |= {"more": MORE[:2], "taxa": [TAXA[n // 5 % 2] for n in range(len(GENES))]}
    if page == "docs/vectors.md":
        known |= {"array": vectors(40), "queries": vectors(3, 1), "more": vectors(2, 2)}
    if page == "docs/metadata.md":
        known |= {"frame": pd.DataFrame({"id": GENE_IDS, "text": [one.text for one in GENES], "born": 7, "zip": "07"})}
        known |= {"years": [2019] * len(QUERIES), "hosts": ["human"] * len(QUERIES)}
        known |= {"corrected": pd.DataFrame({"id": GENE_IDS[:2], "year": [2021, 2022]})}
    if page == "docs/fragments.md":
        known |= {"beat": rng.normal(size=(12, 1)), "record": rng.normal(size=(60, 1))}
    return known
