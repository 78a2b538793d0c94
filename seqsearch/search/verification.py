"""Checking an index as a whole: the store value by value, the model, the candidate index, and the recall."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from ..arrays import JSON, AnyArray
from ..distances import recall_at
from ..errors import MismatchError, StoreError
from ..hashing import hamming
from ..progress import Progress
from ..sequences import Sequences
from ..store import Store
from .calibrator import members
from .encoding import OneModel, TwoTowers
from .handle import Handle
from .state import State
from .wanted import Wanted

NEIGHBOURS = 10
SLACK = 3.0  # standard errors below its target before a sampled recall is worth a note
_RELATIVE = 1e-3  # of a vector's norm: what another processor's order of additions may change
_BITS = 0.02  # of a code: bits whose number is that near to zero


@dataclass
class VerificationReport:
    """What `SequenceIndex.verify` found.

    `problems`: damage, in words; `notes`: what is sound but worth knowing; `counts`: values read, by kind; `health`:
    the candidate index, measured now; `recall`: the mean over `sampled` members asked for their nearest others.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    health: JSON = field(default_factory=dict)
    recall: float | None = None
    sampled: int = 0

    @property
    def ok(self) -> bool:
        """True when nothing is damaged."""
        return not self.problems

    def to_json(self) -> JSON:
        return {"ok": self.ok, **asdict(self)}


def verified(handle: Handle, sample: int, seed: int, progress: Progress) -> VerificationReport:
    """Every check there is; what of a damaged index cannot even be loaded is a problem like others."""
    found = VerificationReport()
    with handle.store() as store:
        try:
            report = store.verify(progress)
            found.problems += report.problems
            found.counts |= report.counts
            with handle.state(progress) as state:
                _check_members(store, state, found, sample, seed)
                _check_recall(state, found, sample, seed, progress)
        except StoreError as error:
            found.problems += [str(error)] * (str(error) not in found.problems)
    return found


def _check_members(store: Store, state: State, report: VerificationReport, sample: int, seed: int) -> None:
    """Every live id leads to its row, the candidate index holds the live rows, the model still makes their vectors."""
    live = np.flatnonzero(state.live)
    found = store.find(store.ids.take(live))
    for row in live[found != live][:10].tolist():
        report.problems.append(f"the id {store.ids[row]!r} of row {row} cannot be found")
    report.counts["reachable ids"] = int(np.count_nonzero(found == live))
    if state.candidates is None:
        return
    held = state.candidates.rows()
    lost, foreign = np.setdiff1d(live, held), np.setdiff1d(held, live)
    if len(lost):
        report.problems.append(f"the candidate index lacks {len(lost)} live rows, {store.ids[int(lost[0])]!r} first")
    if len(foreign):
        report.problems.append(f"the candidate index holds {len(foreign)} rows that are not live")
    rows, own = members(state.live, sample, seed), state.encoder.own
    if own is not None and own.embedder is None:
        report.notes.append("the vectors were made elsewhere: whether they are those of the sequences was not checked")
        return
    if own is not None:
        try:
            own.require_same(state.targets[rows], store.vectors(rows))
        except MismatchError as error:
            report.problems.append(str(error))
        return
    different = _differing(state.encoder, state.targets[rows], store.vectors(rows))
    if different:
        report.problems.append(f"the model makes other vectors of {different} of {len(rows)} stored sequences")


def _differing(encoder: OneModel | TwoTowers, sequences: Sequences, stored: AnyArray) -> int:
    """How many vectors are not what the encoder makes of their sequences."""
    made = encoder.of_stored(sequences)
    if made is None or made.shape != stored.shape or made.dtype != stored.dtype:
        return len(stored)
    if encoder.bits is not None:
        return int(np.count_nonzero(hamming(made, stored) > max(1, _BITS * encoder.bits)))
    gap = np.linalg.norm(made - stored, axis=1)
    return int(np.count_nonzero(gap > _RELATIVE * (1 + np.linalg.norm(stored, axis=1))))


def _check_recall(state: State, report: VerificationReport, sample: int, seed: int, progress: Progress) -> None:
    """Sampled members search for their nearest others as any query would; exact truth beside it."""
    if state.candidates is not None:
        report.health = dict(state.candidates.health(seed=seed))
        if state.candidates.takes_effort and report.health.get("exact"):
            report.notes.append("the graph finds too few of its own vectors, so searches scan all of them: build again")
    k = min(NEIGHBOURS, len(state) - 1)
    rows = members(state.live, sample, seed)
    queries = state.members(rows)
    if k < 1 or not len(rows) or isinstance(state.encoder, TwoTowers):  # whose members are no queries
        return
    search, budget = state.pipeline.neighbours, state.choice(NEIGHBOURS, Wanted()).budget
    truth = search(queries, k, None, exclude=rows, progress=progress)
    report.sampled = len(rows)
    if budget is None or budget.candidates >= len(state):
        report.recall = 1.0
        return
    each = recall_at(search(queries, k, budget, exclude=rows).distances, truth.distances, k)
    report.recall = round(float(each.mean()), 6)
    target = state.calibration.target
    if report.recall + SLACK * float(each.std()) / np.sqrt(len(each)) < target:
        report.notes.append(
            f"the recall of {len(rows)} sampled members is {report.recall:.3f}, below {target}: calibrate"
        )
