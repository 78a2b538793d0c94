"""Checking an index as a whole: the store value by value, the model, the candidate index, and the recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..arrays import AnyArray
from ..distances import recall_at
from ..encoders.model import Model
from ..errors import StoreError
from ..hashing import hamming
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import Store
from .calibrating import exact_others, members, propose_others
from .calibration import Budget
from .engine import Engine

NEIGHBOURS = 10
SLACK = 3.0  # standard errors below its target before a sampled recall is worth a note
_RELATIVE = 1e-3  # of a vector's norm: what another processor's order of additions may change
_BITS = 0.02  # of a code: bits whose number is that near to zero


@dataclass
class Verified:
    """What `SequenceIndex.verify` found.

    `problems`: damage, in words; `notes`: what is sound but worth knowing; `counts`: values read, by kind; `health`:
    the candidate index, measured now; `recall`: the mean over `sampled` members asked for their nearest others.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    recall: float | None = None
    sampled: int = 0

    @property
    def ok(self) -> bool:
        """True when nothing is damaged."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}


def verified(
    store: Store,
    engine: Callable[[], Engine],
    budget: Callable[[], Budget | None],
    target: Callable[[], float],
    sample: int,
    seed: int,
    progress: Progress,
) -> Verified:
    """Every check there is; what of a damaged index cannot even be loaded is a problem like others."""
    said = Verified()
    try:
        report = store.verify(progress)
        said.problems += report.problems
        said.counts |= report.counts
        loaded = engine()
        check_members(store, loaded, said, sample, seed)
        check_recall(store, loaded, budget(), target(), said, sample, seed, progress)
    except StoreError as error:
        said.problems += [str(error)] * (str(error) not in said.problems)
    return said


def check_members(store: Store, engine: Engine, said: Verified, sample: int, seed: int) -> None:
    """Every live id leads to its row, the candidate index holds the live rows, the model still makes their vectors."""
    live = np.flatnonzero(store.live())
    found = store.find(store.ids.take(live))
    for row in live[found != live][:10].tolist():
        said.problems.append(f"the id {store.ids[row]!r} of row {row} cannot be found")
    held = engine.candidates.rows()
    lost, foreign = np.setdiff1d(live, held), np.setdiff1d(held, live)
    if len(lost):
        said.problems.append(f"the candidate index lacks {len(lost)} live rows, {store.ids[int(lost[0])]!r} first")
    if len(foreign):
        said.problems.append(f"the candidate index holds {len(foreign)} rows that are not live")
    queries, rows = members(engine, store.live(), sample, seed)
    different = _differing(engine.model, queries, store.vectors(rows))
    if different:
        said.problems.append(f"the model makes other vectors of {different} of {len(rows)} stored sequences")
    said.counts["reachable ids"] = int(np.count_nonzero(found == live))


def _differing(model: Model, sequences: Sequences, stored: AnyArray) -> int:
    """How many vectors are not what the model makes of their sequences."""
    made = model.vectors(sequences)
    if made.shape != stored.shape or made.dtype != stored.dtype:
        return len(stored)
    if model.bits is not None:
        return int(np.count_nonzero(hamming(made, stored) > max(1, _BITS * model.bits)))
    gap = np.linalg.norm(made - stored, axis=1)
    return int(np.count_nonzero(gap > _RELATIVE * (1 + np.linalg.norm(stored, axis=1))))


def check_recall(
    store: Store,
    engine: Engine,
    budget: Budget | None,
    target: float,
    said: Verified,
    sample: int,
    seed: int,
    progress: Progress = SILENT,
) -> None:
    """Sampled members search for their nearest others as any query would; exact truth beside it."""
    said.health = dict(engine.candidates.health(seed=seed))
    if said.health.get("exact") and engine.candidates.takes_effort:
        said.notes.append("the graph finds too few of its own vectors, so searches scan all of them: build again")
    k = min(NEIGHBOURS, len(store) - 1)
    queries, rows = members(engine, store.live(), sample, seed)
    if k < 1 or not len(rows):
        return
    truth = exact_others(engine, queries, k, store.live(), rows, progress)
    said.sampled = len(rows)
    if budget is None or budget.candidates >= len(store):
        said.recall = 1.0
        return
    candidates = propose_others(engine, engine.model.vectors(queries), budget, rows)
    stop = None if budget.stop is None else budget.stop.bounds(candidates.distances)
    found = engine.distance.rerank(queries, engine.targets, candidates.rows, k, stop=stop)
    each = recall_at(found.distances, truth.distances, k)
    said.recall = round(float(each.mean()), 6)
    if said.recall + SLACK * float(each.std()) / np.sqrt(len(each)) < target:
        said.notes.append(f"the recall of {len(rows)} sampled members is {said.recall:.3f}, below {target}: calibrate")
