"""Tasks too large for memory: mapped columns, made part by part, with a truth that is proved block by block."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqsearch.arrays import AnyArray
from seqsearch.distances import Distance, Neighbours
from seqsearch.progress import SILENT, Progress
from seqsearch.sequences import Alphabet, Sequences, Strings
from seqsearch.sequences.alphabet import alphabet_named

from . import datasets, reads

TRUTH_ROWS = 500_000  # made ready for the lossless search at once: 200 MB of reads
_COLUMNS = {"data": np.uint8, "lengths": np.int32, "id_data": np.uint8, "id_lengths": np.uint8}


def write(parts: Iterable[Sequences], folder: Path) -> int:
    """Write sets of tokens one after the other as columns; their number. What was there is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    alphabet, count = "", 0
    files = {name: (folder / name).open("wb") for name in _COLUMNS}
    try:
        for part in parts:
            alphabet = "" if part.alphabet is None else part.alphabet.name
            columns = (part.data, part.lengths, part.ids.data, np.diff(part.ids.offsets))
            for (name, kind), column in zip(_COLUMNS.items(), columns, strict=True):
                np.ascontiguousarray(column, kind).tofile(files[name])
            count += len(part)
    finally:
        for file in files.values():
            file.close()
    for name in ("lengths", "id_lengths"):
        lengths = np.fromfile(folder / name, _COLUMNS[name])
        offsets = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.int64, (len(lengths) + 1,))
        offsets[0] = 0
        np.cumsum(lengths, out=offsets[1:])
        (folder / name).unlink()
    (folder / "about.json").write_text(json.dumps({"alphabet": alphabet, "size": count}), "utf-8")
    return count


def mapped(folder: Path) -> Sequences:
    """What `write` wrote, mapped: its bytes are the system's page cache, not the process's memory."""
    about = json.loads((folder / "about.json").read_text("utf-8"))
    alphabet: Alphabet = alphabet_named(about["alphabet"])
    ids = Strings(_raw(folder / "id_data"), _column(folder / "id_lengths.npy"))
    return Sequences(_raw(folder / "data"), _column(folder / "lengths.npy"), ids, alphabet)


def _raw(path: Path) -> AnyArray:
    return np.asarray(np.memmap(path, np.uint8, mode="c"))  # copy on write: kernels ask for arrays they may write to


def _column(path: Path) -> AnyArray:
    return np.asarray(np.load(path, mmap_mode="c"))


def nearest(
    queries: Sequences,
    targets: Sequences,
    distance: Distance,
    k: int,
    *,
    rows: int = TRUTH_ROWS,
    progress: Progress = SILENT,
) -> Neighbours:
    """The k nearest by proof, of `rows` targets after the other; each block begins with what is found already."""
    found = Neighbours.none(len(queries), k)
    with progress.task("exact neighbours", len(targets)) as task:
        for start in range(0, len(targets), rows):
            block = targets[start : start + rows]
            within = found.distances[:, -1] if start else None
            new, _ = distance.searcher(block).search(queries, k, within=within)
            there = np.where(new.rows >= 0, new.rows + start, -1)
            every = np.concatenate([found.rows, there], axis=1)
            far = np.concatenate([found.distances, new.distances], axis=1)
            order = np.lexsort((np.where(every < 0, np.iinfo(np.int64).max, every), far))[:, :k]
            found = Neighbours(np.take_along_axis(every, order, axis=1), np.take_along_axis(far, order, axis=1))
            task.advance(len(block))
    return found


def grow(folder: Path, size: int, queries: int, *, added: float = 0.01, seed: int = 0) -> None:
    """Columns of "reads-SIZE" in `folder`: `database`, `queries.npz`, and `more`, a share of other reads to add."""
    rng = np.random.default_rng(seed)
    asked, parts = datasets.growing_parts(size, queries, rng)
    write(parts, folder / "database")
    genes = datasets.growing_genes(queries, np.random.default_rng(seed))[1]
    count = max(1, round(added * size))
    write(reads.simulated_parts(genes, count, np.random.default_rng(seed + 1), "added"), folder / "more")
    datasets.save(asked, folder / "queries.npz")
