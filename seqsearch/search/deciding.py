"""Whether learning pays: what a build and so many queries will cost without it, with it, and by proof.

Costs are counted - candidates, cells of dynamic programmes, numbers multiplied - never timed, so that equal data give
equal decisions. Seconds are what these took on two cores of an AMD EPYC; elsewhere all of them are longer or shorter
together, and the decision is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import extras
from ..ann import CANDIDATE_INDEXES, auto_kind
from ..arrays import JSON, AnyArray, DoubleArray
from ..distances import Distance, Neighbours
from ..encoders.components import DIM, components_model
from ..learning.plan import TrainingPlan, affordable, batch_size, sets_for
from ..sequences import Sequences
from .calibrator import counted, enough_queries, is_dear
from .ordering import mixed, mixing_of
from .suiting import SAMPLE, K, asked_of, in_suited_geometry, ordering_of, places_of, suited_points

_DEEPER = 40  # the rank whose distance tells by how much neighbours draw near as sequences get more
_UNIT = 3e-7  # seconds that one candidate proposed takes
_CELL = {"tokens": 4e-12, "series": 5e-13}  # seconds that what is affordable takes while learning, a cell of edits
_LADDER = 3.0  # times the candidates that are needed, which a calibration looks at
_STEP = 1.6e-2  # seconds of a step of learning, of 256 sequences, beside its distances
_FEATURE = 2e-9  # seconds of a token and a dimension of a point
_ROW = 2.5e-5  # seconds to read, store and index a sequence
_FIXED = {"none": 6.0, "normal": 16.0}  # seconds that do not depend on the data: imports, components, calibration
_GROWTH = 0.1  # the power of the size by which the candidates grow that are needed for the same recall
_LEARNED = {"tokens": 0.2, "series": 0.5}  # of the candidates that components need, what a trained encoder needs,
_FEWEST = 20.0  # at least;
_LOST = (0.4, 0.6)  # the share of a sample ranked before neighbours at which learning begins to fail, and has failed
_VERIFIED = 0.6  # of them, as calibration stops lists early
_SCAN, _LISTS = 0.03, 60.0  # what a scan of a row costs, and looking through lists, in candidates
NONE, NORMAL = "none", "normal"
_ORDER = ("exact", NONE, NORMAL)


@dataclass(frozen=True)
class Estimate:
    """Of one way to search: `build`, in seconds, and seconds a `query`."""

    build: float
    query: float

    def total(self, queries: int) -> float:
        """Seconds for a build and so many queries."""
        return self.build + queries * self.query


@dataclass(frozen=True)
class Decision:
    """What to `learn`, after `estimates` of "exact" (by proof), "none" and "normal", for so many `queries`."""

    learn: str
    queries: int
    estimates: dict[str, Estimate]

    @property
    def cheapest(self) -> str:
        """Of the estimates."""
        return min(_ORDER, key=lambda name: (self.estimates[name].total(self.queries), _ORDER.index(name)))

    def to_json(self) -> JSON:
        """For `info`: what it was built for."""
        each = {
            name: {"build_s": round(one.build, 1), "queries_per_s": round(1 / one.query)}
            for name, one in self.estimates.items()
        }
        return {"queries": self.queries, "learn": self.learn, "cheapest": self.cheapest, "estimates": each}

    def __str__(self) -> str:
        told = {"exact": "lossless search", "none": "components (learn none)", "normal": "learning (learn normal)"}
        costs = ", ".join(
            f"{told[name]} {_seconds(one.build)} + {_rate(one.query)}" for name, one in self.estimates.items()
        )
        chosen = "nothing is learned" if self.learn == NONE else "an encoder is trained"
        if self.cheapest == NORMAL and not extras.installed("torch"):
            chosen += ", for want of torch: pip install 'seqsearch[train]'"
        return f"for {self.queries:,} queries {chosen} ({costs}; --expect-queries, --learn)"


def decided(
    sequences: Sequences,
    size: int,
    distance: Distance,
    queries: int,
    seconds: float | None = None,
    recall: float = 0.99,
) -> Decision:
    """For an index of `size` sequences, of which `sequences` are a random sample, and so many queries; `seconds`: that
    building may take at most; `recall`: that it is calibrated for."""
    sample = sequences[:SAMPLE]
    asked = asked_of(sample, distance)
    lengths = sample.lengths.astype(np.float64)
    deep, pruning = distance.searcher(sample).search(sample[:asked], min(len(sample), _DEEPER + 1))
    truth = Neighbours(deep.rows[:, : K + 1], deep.distances[:, : K + 1])
    nearer = _drawing_near(deep, size / len(sample))
    reach = nearer * _middle(truth.distances[:, -1])
    compared = nearer * pruning.verified / max(1, pruning.pairs)
    exact = _UNIT * size * distance.proof_cost(sample.lengths, reach, compared)
    cost, ranking = distance.verification_cost(sample.lengths, reach), distance.ranking_cost(sample.lengths)
    ranks = _Ranks.of(truth, sample, distance)
    growth = (size / len(sample)) ** _GROWTH
    dear = is_dear(sample.lengths, size, distance)
    calibrated = enough_queries(recall, size, dear=dear, lost=counted(distance))
    scans = not CANDIDATE_INDEXES[auto_kind(size)].effort
    estimates = {"exact": Estimate(0.0, exact)}
    learned = max(_FEWEST, _learned(ranks.components / len(sample), distance) * growth * ranks.components)
    shares = ranks.narrowed(ranks.suited), ranks.narrowed(ranks.components) ** 0.5
    for name, count, share in (("none", growth * ranks.suited, shares[0]), ("normal", learned, shares[1])):
        count = min(float(size), count)
        proposing = _SCAN * size if scans else _LISTS + count
        verifying = count * cost * _VERIFIED if share == 1 else count * (cost * share + ranking)
        query = _UNIT * (proposing + verifying) + _FEATURE * float(lengths.mean()) * DIM
        measuring = min(calibrated, size) * (exact + _UNIT * _LADDER * count * cost)
        # what proposing does not pay for is searched by proof all the same
        made = _FIXED[name] + measuring + _building(name, lengths, size, distance)
        estimates[name] = Estimate(made, min(query, exact))
    best = Decision(NONE, queries, estimates).cheapest if extras.installed("torch") else NONE
    late = seconds is not None and estimates[NORMAL].build > seconds
    return Decision(NORMAL if best == NORMAL and not late else NONE, queries, estimates)


def _learned(share: float, distance: Distance) -> float:
    """Of the candidates that components need, what a trained encoder does: all of them where components rank so large a
    share of a sample before the nearest that these are hardly nearer than any other, as of unrelated proteins."""
    lost = float(np.interp(share, _LOST, (0.0, 1.0)))
    return lost + (1 - lost) * _LEARNED[distance.kind]


def _drawing_near(deep: Neighbours, times: float) -> float:
    """By how much nearer the last neighbour asked will be among so many times more sequences: as a sample of a quarter
    has at rank 10 what all of it has at rank 40."""
    nearer, farther = (_middle(deep.distances[:, min(rank, deep.distances.shape[1] - 1)]) for rank in (K, _DEEPER))
    if not 0 < nearer < farther:
        return 1.0
    return float((nearer / farther) ** (np.log(max(1.0, times)) / np.log(_DEEPER / K)))


def _middle(distances: DoubleArray) -> float:
    known = distances[np.isfinite(distances)]
    return float(np.median(known)) if len(known) else 0.0


@dataclass(frozen=True)
class _Ranks:
    """The ranks that 99 of 100 of the nearest in a sample are within: by `suited` points that were not learned; by
    `components` alone, which learning begins with; and once what the distance has to put candidates in order by is
    added, `ordered`, None where it has nothing."""

    suited: float
    components: float
    ordered: float | None

    @classmethod
    def of(cls, truth: Neighbours, sample: Sequences, distance: Distance) -> _Ranks:
        plain = components_model(sample)
        points = plain.embed(sample)
        geometry = in_suited_geometry(plain, points, truth.rows).geometry
        components = _within(ordering_of(points, len(truth), geometry), truth)
        model, points = suited_points(plain, points, sample, truth.rows)
        scores = ordering_of(points, len(truth), model.geometry)
        suited = _within(scores, truth) if model.settings != plain.settings else components
        if not distance.ranks(sample):
            return cls(suited, components, None)
        ranker, everyone = distance.ranker(sample), np.tile(np.arange(len(sample)), (len(truth), 1))
        own = ranker.scores(sample[: len(truth)], everyone)
        both = own if ranker.alone else mixed(scores, own, mixing_of(scores, own))
        return cls(suited, components, _within(both, truth))

    def narrowed(self, rank: float) -> float:
        """Which share of a rank is left by what the distance orders candidates by."""
        return 1.0 if self.ordered is None else min(1.0, self.ordered / rank)


def _within(scores: AnyArray, truth: Neighbours) -> float:
    """The rank in the order of (A, n) scores that 99 of 100 of the nearest are within."""
    return float(np.quantile(places_of(scores, truth.rows), 0.99)) + 1


def _building(name: str, lengths: DoubleArray, size: int, distance: Distance) -> float:
    """Seconds that depend on the data, but for the calibration."""
    length = float(lengths.mean())
    made = size * (_ROW + _FEATURE * length * 128)
    if name == NONE:
        return made
    plan = TrainingPlan.of_effort(NORMAL)
    count = min(size, plan.sequences)
    cells = affordable(plan.cells_for(count), distance)
    batch = batch_size(plan.batch, length, cells)
    steps = plan.steps_for(count, batch)
    width, sets = sets_for(batch, length, cells, steps)
    compared = sets * (width * length) ** 2 / 2 * plan.cells_for(count) / cells * _CELL[distance.kind]
    return made + steps * _STEP + compared + count * 1.5e-4


def _seconds(seconds: float) -> str:
    return "no build" if seconds == 0 else f"{seconds:,.0f} s"


def _rate(seconds: float) -> str:
    rate = 1 / max(seconds, 1e-9)
    return f"{float(f'{rate:.2g}'):,.0f} queries/s"
