"""The windows of a build: whether they pay, how long they are, what embeds them, and the reads they are measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..ann import parameters_for
from ..ann.ivf import IvfIndex
from ..arrays import IntArray
from ..distances import Distance
from ..distances.windowed import WindowedDistance
from ..encoders.components import components_of
from ..encoders.features import SparseFeatures
from ..encoders.inputs import InputSpec
from ..encoders.model import Model
from ..learning.edits import edited
from ..progress import Progress
from ..sequences import Alphabet, Sequences
from ..sequences.packed import is_packable
from ..store import StoreBuilder
from .window_files import keep_windows, teach
from .windows import Cut, WindowIndex, WindowSettings, stretches

USUAL = {"protein": 50}
"""Letters of a window where nothing says how long queries are."""
NUCLEOTIDES = 150
FEWEST = 20_000  # windows below which comparing with everything is as quick
SHORTEST = 20  # letters of a window
DIM, BITS = 256, 1  # of the points of windows, and of a dimension in memory
RELATED = 64  # relatives of a target
ERRORS = (0.01, 0.03, 0.05)
_LONGER = 1.5  # times a window that targets are on the mean, where windows are to pay
_SHORT = 30  # times a window, beyond which what is like a target as a whole says little of a part of it
_LEARNED = 4096  # targets whose windows the encoder looks at
_LEAST = 500  # reads to measure the recall on: as many as prove .99, several of a target where there are few
_OVERLAP = 3  # windows that a letter lies in


@dataclass(frozen=True)
class WindowBuilding:
    """The windows of a build, of the rows of `builder`."""

    builder: StoreBuilder
    settings: WindowSettings
    progress: Progress

    @classmethod
    def of(
        cls, builder: StoreBuilder, distance: Distance, queries: Sequences | None, seed: int, progress: Progress
    ) -> WindowBuilding | None:
        """What is to be built; None where windows lead nowhere, or would not pay. `queries`: like those that will be
        asked, whose length is then that of a window."""
        if not isinstance(distance, WindowedDistance) or distance.window == 0:
            return None
        lengths = builder.targets(progress).lengths_of(np.arange(builder.rows))
        length = distance.window or _usual_length(builder.alphabet, queries)
        if length is None:
            return None
        cut = Cut(length, distance.stride or max(1, length // _OVERLAP))
        count = int(cut.counts(lengths).sum())
        if distance.window is None and (count < FEWEST or lengths.mean() < _LONGER * length):
            return None
        parameters = parameters_for(IvfIndex.kind, count, {"bits": BITS})
        related = RELATED if lengths.mean() < _SHORT * length else 0
        settings = WindowSettings(cut.length, cut.stride, IvfIndex.kind, parameters, seed, related)
        return cls(builder, settings, progress)

    def run(self, known: IntArray) -> WindowIndex:
        """Embed the windows of the rows `known`; what they are made by is kept in the index."""
        rng = np.random.default_rng([self.settings.seed, 4])
        some = known if len(known) <= _LEARNED else np.sort(rng.choice(known, _LEARNED, replace=False))
        model = window_model(self.settings.cut.windows_of(self.builder.sequences(some)), self.settings.seed)
        keep_windows(self.settings, model, self.builder)
        lengths = self.builder.targets(self.progress).lengths_of(np.arange(self.builder.rows))
        made = WindowIndex.empty(self.settings, model, lengths)
        teach(made, known, self.builder.sequences)
        made.add(known, self.builder.sequences, self.progress)
        made.relate(known, self.builder.sequences, self.progress)
        return made

    def reads(self, held: IntArray, known: IntArray) -> Sequences:
        """What the recall is measured on: stretches as long as a window, cut anywhere from half of the rows that are
        `held` out and from as many `known` ones, or more where these are few, with 1, 3 and 5% errors in turn."""
        rng = np.random.default_rng([self.settings.seed, 5])  # of its own: an interrupted build ends as another does
        more = max(len(held) // 2, _LEAST - len(held[::2]))
        rows = np.concatenate([held[::2], rng.choice(known, more, replace=more > len(known))])
        return reads_of(self.builder.sequences(rows), self.settings.length, rng)


def window_model(windows: Sequences, seed: int) -> Model:
    """Principal components of k-mer counts, compared by their angle."""
    features = SparseFeatures.counts(InputSpec.fit(windows))
    return replace(components_of(features, windows, DIM, seed=seed), geometry="cosine")


def reads_of(targets: Sequences, length: int, rng: np.random.Generator) -> Sequences:
    """(n,) a stretch of each target, all of those that are shorter, with `ERRORS` in turn."""
    lengths = np.minimum(targets.lengths, length)
    begins = rng.integers(0, targets.lengths - lengths + 1)
    cuts = stretches(targets, targets.offsets[:-1] + begins, lengths)
    order: IntArray = np.argsort(np.arange(len(cuts)) % len(ERRORS), kind="stable")
    parts = [edited(cuts[np.arange(first, len(cuts), len(ERRORS))], rate, rng) for first, rate in enumerate(ERRORS)]
    return Sequences.concatenate([part for part in parts if len(part)])[np.argsort(order)]


def _usual_length(alphabet: Alphabet | None, queries: Sequences | None) -> int | None:
    """The median of the queries that are given, or what is usual for the alphabet; None where nothing is."""
    if queries is not None and len(queries):
        return max(SHORTEST, int(np.median(queries.lengths)))
    if alphabet is None:
        return None
    return NUCLEOTIDES if is_packable(alphabet) else USUAL.get(alphabet.name)
