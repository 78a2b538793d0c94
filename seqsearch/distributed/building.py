"""Building shards: one index after the other, all with the encoder of the first."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..encoders.model import Model
from ..errors import EmptyInputError, IndexExistsError, MismatchError, ParameterError, StrPath
from ..files import unfinished
from ..progress import SILENT, Progress
from ..search import BuildOptions, SequenceIndex
from ..sequences import Sequences
from .manifest import NOVELTY, Manifest, ShardEntry, holds_shards
from .placement import belonging, shards_of
from .shard import Mark, Shard, encoder_digest

_MOST = 4096
_FEWEST = 2
"""Sequences of a shard: there are no neighbours to calibrate by in one of fewer."""

_OWN = re.compile(r"\d{4}b?|\.\d{4}b?\..*|writer\.lock")
"""Names of shards, and of what a build of one leaves when it is killed."""

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
    ray: str | None = None,
    progress: Progress,
) -> Manifest:
    """Build the indexes in the folder `path`, and then the manifest, which makes them shards in one step. What an older
    manifest names goes afterwards; an error leaves everything as it was.

    The first shard, a random sample of all, trains the encoder; the others take it, on the cluster at `ray` where that
    is given, whose machines all see `path` and what `parts` reads. Raises as `SequenceIndex.build`,
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
        with ExitStack() as half_written:
            for place in [target] if new else [target / name for name in names]:
                half_written.enter_context(unfinished(place))
            jobs = [_Job(target.resolve(), name, at, shards, parts, options) for at, name in enumerate(names)]
            manifest = _built(jobs, model, ray, progress)
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


@dataclass(frozen=True)
class _Job:
    """One shard to be built: which of how many, from what, how, into the folder `target` / `name`."""

    target: Path
    name: str
    number: int
    shards: int
    parts: Parts
    options: BuildOptions

    def run(self, model: Model | None, progress: Progress = SILENT) -> tuple[ShardEntry, Model | None, str]:
        """Build it; what the manifest says of it, its encoder, and the digest of that ("" where it proposes nothing:
        windows have components of their own)."""
        progress.note(f"shard {self.number + 1} of {self.shards}")
        place, belong = self.target / self.name, belonging(self.parts(), self.number, self.shards)
        options = vars(self.options)
        with SequenceIndex.build(place, belong, model=model, overwrite=True, progress=progress, **options) as index:
            made, digest = (None, "") if index.finds_parts else (index.model, encoder_digest(index))
        return entry_of(self.name, place, self.options), made, digest


def _built(jobs: list[_Job], model: Model | None, ray: str | None, progress: Progress) -> Manifest:
    """The first is built, the others with its encoder: one after the other, or as tasks of a cluster."""
    first, made, digest = jobs[0].run(model, progress)
    if ray is None:
        others = [job.run(made, progress) for job in jobs[1:]]
    else:
        from .tasks import run_on

        with progress.task("building shards on the cluster", len(jobs) - 1) as task:
            others = run_on(ray, [partial(job.run, made) for job in jobs[1:]], task)
    if {digest} != {digest, *(theirs for _, _, theirs in others)}:
        raise MismatchError(f"{jobs[0].target}: the shards have different encoders")
    options = jobs[0].options
    return Manifest((first, *(entry for entry, _, _ in others)), options.exact_distance().name, digest, options.recall)


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
        if all(_OWN.fullmatch(path.name) for path in target.iterdir()):
            return None  # a build that was killed
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
