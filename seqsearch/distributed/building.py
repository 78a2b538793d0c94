"""Building shards: one index after the other, all with the encoder of the first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..encoders.model import Model
from ..errors import EmptyInputError, IndexExistsError, MismatchError, ParameterError, StrPath
from ..progress import Progress
from ..search import BuildOptions, SequenceIndex
from ..sequences import Sequences
from .manifest import NOVELTY, Manifest, ShardEntry, holds_shards
from .placement import belonging, shards_of
from .shard import Mark, Shard, encoder_digest

_MOST = 4096
_FEWEST = 2
"""Sequences of a shard: there are no neighbours to calibrate by in one of fewer."""

Parts = Callable[[], Iterable[Sequences]]
"""Reads all sequences anew, set by set: once for each shard, so that no more than one is in memory."""


def built_shards(
    path: StrPath,
    parts: Parts,
    shards: int,
    options: BuildOptions,
    *,
    model: Model | None = None,
    overwrite: bool = False,
    progress: Progress,
) -> Manifest:
    """Build the indexes in the folder `path`, and then the manifest, which makes them shards in one step. What an older
    manifest names goes afterwards; an error leaves everything as it was.

    The first shard, a random sample of all, trains the encoder; the others take it. Raises as `SequenceIndex.build`,
    ParameterError for a number of shards that leaves one of them with fewer than 2 sequences.
    """
    _require_number(shards)
    if options.own_encoder is not None:
        raise ParameterError("shards share one encoder that they hold themselves: an encoder of your own is not stored")
    target = Path(path)
    old = _require_free(target, overwrite)
    _require_enough(parts, shards)
    names, new = _names(shards, old), not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    try:
        manifest = _built(target, names, parts, options, model, progress)
        manifest.save(target)
    except BaseException:
        for name in names:
            shutil.rmtree(target / name, ignore_errors=True)
        if new:
            shutil.rmtree(target, ignore_errors=True)
        raise
    for entry in () if old is None else old.shards:
        shutil.rmtree(target / entry.name, ignore_errors=True)
    for kept in target.glob(f"{NOVELTY}*"):
        kept.unlink()
    return manifest


def _built(
    target: Path, names: list[str], parts: Parts, options: BuildOptions, model: Model | None, progress: Progress
) -> Manifest:
    entries, digests = [], []
    for number, name in enumerate(names):
        progress.note(f"shard {number + 1} of {len(names)}")
        belong = belonging(parts(), number, len(names))
        with SequenceIndex.build(
            target / name, belong, model=model, overwrite=True, progress=progress, **vars(options)
        ) as index:
            if not index.finds_parts:  # whose points lead nowhere: windows have components of their own
                model = index.model
                digests.append(encoder_digest(index))
        entries.append(entry_of(name, target / name, options))
    if len(set(digests)) > 1:
        raise MismatchError(f"{target}: the shards have different encoders")
    return Manifest(tuple(entries), options.exact_distance().name, digests[0] if digests else "", options.recall)


def _names(shards: int, old: Manifest | None) -> list[str]:
    """Of folders that no older manifest names."""
    plain = [f"{number:04d}" for number in range(shards)]
    taken = set() if old is None else {entry.name for entry in old.shards}
    return [f"{name}b" for name in plain] if taken & set(plain) else plain


def entry_of(name: str, path: StrPath, options: BuildOptions) -> ShardEntry:
    """What the manifest says of a shard that was just built."""
    shard = Shard(path, options.given_distance)
    try:
        return entry(name, shard.mark())
    finally:
        shard.close()


def entry(name: str, mark: Mark) -> ShardEntry:
    """What the manifest says of a shard at a commit."""
    return ShardEntry(name, **vars(mark))


def _require_number(shards: int) -> None:
    if not 1 <= shards <= _MOST:
        raise ParameterError(f"shards must be from 1 to {_MOST}, not {shards}")


def _require_free(target: Path, overwrite: bool) -> Manifest | None:
    """The manifest of the shards that will be replaced. Raises IndexExistsError."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    if not holds_shards(target):
        raise IndexExistsError(f"{os.fspath(target)} holds something else than shards: it is not replaced")
    if not overwrite:
        raise IndexExistsError(f"{os.fspath(target)} exists already: overwrite=True (--overwrite) replaces it")
    return Manifest.load(target)


def _require_enough(parts: Parts, shards: int) -> None:
    """Raise before anything is built where a shard would have too little to be an index."""
    counts = np.zeros(shards, np.int64)
    for part in parts():
        counts += np.bincount(shards_of(part.ids, shards), minlength=shards)
    if not counts.sum():
        raise EmptyInputError("there is no sequence to index")
    if counts.min() < _FEWEST:
        raise ParameterError(
            f"{int(counts.sum()):,} sequences are too few for {shards} shards: shard {int(counts.argmin())} would have "
            f"{int(counts.min())}"
        )
