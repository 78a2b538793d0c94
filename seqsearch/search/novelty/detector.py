"""Is this sequence new, and how sure are we: scores of queries beside those of known sequences."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from ...arrays import DoubleArray, IntArray
from ...errors import IndexLockedError, ParameterError, ReadOnlyIndexError, StorageFullError
from ...progress import SILENT, Progress
from ..conditions import Where, shown
from ..holding import Holding
from ..pipeline import Queries
from ..state import State
from ..strands import BOTH, turned_round
from ..unlike_lengths import unlike_lengths
from ..wanted import Choice, Wanted
from .conformal import GIVEN, MEMBERS, TRAINED, UNSEEN, KnownScores, shares_of
from .options import EXACT, METHODS, SMOOTHED, NoveltyOptions
from .results import NoveltyResults
from .scoring import Scoring

_BLOB = "novelty "
FEWEST_UNSEEN = 100
_MOST_KEPT = 64  # calibrations in memory, the last ones that were asked for


@dataclass
class NoveltyDetector:
    """Novelty over one `state` of an index; `handle`: where calibrations are kept; `kept`: those in memory.

    `where`: a condition on what is compared with. New is then what is unlike the sequences that fulfil it: queries are
    scored against these alone, and p-values compare with them, each judged as if it were not among them. What these
    score is kept in memory, as long as it is the same rows that fulfil the condition. Raises ConditionError.
    """

    state: State
    handle: Holding
    kept: dict[str, KnownScores] = field(default_factory=dict)
    where: Where | None = None

    def __post_init__(self) -> None:
        self._allowed, self._unmet = self.state.asked(None, self.where)

    def novelty(
        self,
        queries: Queries,
        options: NoveltyOptions,
        known: Queries | KnownScores | None,
        progress: Progress = SILENT,
    ) -> NoveltyResults:
        """Score `queries` and compare with known sequences: `known`, or members of the index."""
        scoring, key = self.scoring(options), self._key(options)
        self.state.encoder.require(queries.sequences)
        self._require_comparable(options, known)
        calibration = known if isinstance(known, KnownScores) else self.known_scores(options, known, progress)
        calibration.require(key)
        scored = scoring.score(queries, calibration.parameters, progress=progress)
        rows, distances = scoring.nearest(queries, scored)
        shares = shares_of(queries.sequences, options.seed) if options.ties == SMOOTHED else None
        p_values = calibration.p_values(scored.scores, shares)
        ids, known_count = self.state.targets.ids, len(calibration)
        found = NoveltyResults(
            queries.sequences.ids,
            ids,
            scored.scores,
            p_values,
            rows,
            distances,
            options.fpr,
            known_count,
            scoring.guarantee(scored),
        )
        found = replace(found, warnings=self._unmet + self._warnings(scoring, queries, found, options))
        return found.controlled() if options.bh else found

    def _warnings(
        self, scoring: Scoring, queries: Queries, found: NoveltyResults, options: NoveltyOptions
    ) -> tuple[str, ...]:
        """Whether lengths are unlike those stored, and what is called novel is known on the other strand."""
        novel, unlike = np.flatnonzero(found.novel), unlike_lengths(self.state, queries.sequences)
        if options.strand == BOTH or options.source != EXACT or not len(novel):
            return unlike

        def nearest(asked: Queries) -> DoubleArray:
            return scoring.neighbourhoods.of(asked, 1).distances[:, 0]

        told = turned_round(queries[novel], found.distances[novel], nearest)
        return unlike if told is None else (*unlike, told)

    def _require_comparable(self, options: NoveltyOptions, known: object) -> None:
        """Raise ParameterError where members, which are whole, say nothing about queries, which are parts."""
        distance = self.state.distance
        if distance is not None and distance.partial and not distance.symmetric and known is None:
            raise ParameterError(
                "what is stored is whole and says nothing about parts of it: "
                "give known sequences like the queries (known=..., --known FILE)"
            )

    def scoring(self, options: NoveltyOptions) -> Scoring:
        """The scorer of this state. Raises ParameterError for points where there are none."""
        lossless, distance = self.state.calibration.lossless, self.state.distance
        if not lossless and distance is not None and distance.partial:
            lossless = f"{distance.name} is the distance to a part of what is stored, and no embedding is of such parts"
        if lossless and options.source != EXACT:
            exact = ", ".join(name for name, method in METHODS.items() if method.measures)
            raise ParameterError(
                f"novelty by embeddings is not known: {lossless}: ask for by='exact' of {exact}, not for "
                f"{options.method if not options.source else f'by={options.source!r}'}"
            )
        most = options.neighbours + (options.method == "lof")  # which asks for one to spare
        wanted = Wanted(guarantee=options.guarantee)
        choice = self.state.choice(max(1, most), wanted) if len(self.state) else Choice(None, "exact")
        return Scoring(self.state, options, choice, self._allowed)

    @property
    def _rows(self) -> IntArray:
        """Those that are compared with, ascending."""
        return np.flatnonzero(self.state.live if self._allowed is None else self._allowed)

    def _key(self, options: NoveltyOptions) -> str:
        """Names the score, and what it compares with."""
        where = None if self._allowed is None else self.where
        return options.key if where is None else f"{options.key} where {shown(where)}"

    def known_scores(
        self, options: NoveltyOptions, known: Queries | None = None, progress: Progress = SILENT, *, anew: bool = False
    ) -> KnownScores:
        """Scores of known sequences: those of `known`, or of members, each judged as if it were not stored.

        Those of members are kept in the index, and measured anew when it has grown or shrunk by more than a fifth or
        `anew` asks for it; those of members that fulfil a condition when these are others.
        """
        scoring = self.scoring(options)
        self._require_comparable(options, known)
        if known is not None:
            self.state.encoder.require(known.sequences)
            return self._measured(scoring, known, None, GIVEN, progress)
        place = self._key(options)
        if self._allowed is not None:
            place += f" {hashlib.blake2b(np.packbits(self._allowed).tobytes(), digest_size=16).hexdigest()}"
        stored = None if anew else self.kept.get(place)
        if stored is None and not anew and self._allowed is None:
            stored = self._stored(place)
        if stored is None or (self._allowed is None and stored.is_stale(len(self.state))):
            rows, source = self._members(options)
            stored = self._measured(scoring, self.state.members(rows), rows, source, progress)
            if self._allowed is None:
                self._keep(stored, progress)
        self.kept.pop(place, None)
        self.kept[place] = stored
        for oldest in list(self.kept)[:-_MOST_KEPT]:  # other threads may be here, too
            self.kept.pop(oldest, None)
        return stored

    def member_scores(self, options: NoveltyOptions, progress: Progress = SILENT) -> DoubleArray:
        """(n,) scores of all that is compared with, each judged as if it were not stored, in the order of rows."""
        rows, scoring = self._rows, self.scoring(options)
        if not len(rows):
            return np.zeros(0)
        parameters = self.known_scores(options, progress=progress).parameters
        return scoring.score(self.state.members(rows), parameters, rows, progress).scores

    def _measured(
        self, scoring: Scoring, known: Queries, own: IntArray | None, source: str, progress: Progress
    ) -> KnownScores:
        options, size, key = scoring.options, len(self._rows), self._key(scoring.options)
        parameters = scoring.fit(self._drawn(options))
        if not len(known) or (own is not None and size < 2):
            return KnownScores(np.zeros(0), key, size, source, parameters)
        scored = scoring.score(known, parameters, own, progress)
        return KnownScores.of(scored.scores, key, size, source, parameters)

    def _drawn(self, options: NoveltyOptions) -> IntArray:
        """Up to `sample` random members."""
        rows = self._rows
        rng = np.random.default_rng(options.seed)
        return rows if len(rows) <= options.sample else np.sort(rng.choice(rows, options.sample, replace=False))

    def _members(self, options: NoveltyOptions) -> tuple[IntArray, str]:
        """Members to ask: any, by exact distances.

        A trained network treats what it was trained on in another way than unseen relatives of it - it spreads points
        apart, and reads them back better - so where its output is the score those are asked that training never saw.
        """
        training = self.state.model.training
        if options.source == EXACT or not training:
            return self._drawn(options), MEMBERS
        found = self.state.find(training.get("held_out", []))
        unseen = np.intersect1d(found[found >= 0], self._rows)
        if len(unseen) >= FEWEST_UNSEEN:
            return unseen[: options.sample], UNSEEN
        if options.method != "reconstruction":
            return self._drawn(options), TRAINED
        raise ParameterError(
            f"{len(unseen)} stored sequences are known to have been kept out of training, at least {FEWEST_UNSEEN} "
            "are needed to judge a reconstruction: give known sequences (known=..., --known FILE)"
        )

    def _stored(self, key: str) -> KnownScores | None:
        with self.handle.store() as store:
            content = store.blob(_BLOB + key)
        return None if content is None else KnownScores.from_bytes(bytes(content))

    def _keep(self, measured: KnownScores, progress: Progress) -> None:
        """Write into the index where that can be done; else this process alone remembers."""
        try:
            self.handle.keep(_BLOB + measured.key, measured.to_bytes())
        except (IndexLockedError, ReadOnlyIndexError, StorageFullError, OSError) as error:
            progress.note(f"the calibration of novelty is not kept in the index: {error}")
