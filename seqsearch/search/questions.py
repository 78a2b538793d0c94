"""What can be asked of sequences that lie somewhere: in an index, or in memory without one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Unpack

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Distance, Neighbours, Ranges
from ..distances.neighbours import require_count
from ..encoders.vector_rows import VectorsLike
from ..errors import MismatchError, ParameterError
from ..progress import Watching, watched
from ..registry import call
from ..sequences import Sequences, SequencesLike
from .asking import queries_of, require_two_strands, stored_queries
from .budget import Budget
from .calibration import FEWEST_TO_COMPARE
from .conditions import Where
from .guarantees import MARGINAL, NONE, guarantees
from .identity import DISTANCE, IDENTITY, looked_at, require_order
from .novelty import KnownScores, NoveltyOptions, NoveltyResults
from .novelty.options import NoveltyFields
from .pipeline import Found, Limits, Queries, Trace
from .records import Records
from .results import Explanation, RangeResults, Results
from .state import State
from .strands import (
    BOTH,
    PLUS,
    Finder,
    nearest_of_strands,
    nearest_unless_turned,
    other_strand,
    require_strand,
    reverse_complement,
    turned_round,
    united,
)
from .unlike_lengths import unlike_lengths
from .wanted import EVERYTHING, BudgetOptions, Choice, Wanted, unusual

if TYPE_CHECKING:
    from .novelty.detector import NoveltyDetector


class Questions(Records):
    """Searches, counts and novelty over the records of a holder: each answer is of one of its states.

    `SequenceIndex` and `References` are asked the same; the one may propose candidates, the other compares with
    everything.
    """

    _known: dict[str, KnownScores]

    @property
    def name(self) -> str:
        """What it is called in messages: an index by its folder."""
        return self._handle.path

    # -- looking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        with self._handle.store() as store:
            return len(store)

    def __contains__(self, record_id: object) -> bool:
        with self._handle.store() as store:
            return record_id in store

    def holds(self, ids: Iterable[str]) -> BoolArray:
        """(m,) which of many ids are there."""
        with self._handle.store() as store:
            held: BoolArray = store.find(ids) >= 0
            return held

    @property
    def distance(self) -> Distance:
        """The exact distance that decides. Raises MismatchError where there is none: of two kinds of series."""
        if self._handle.distance is None:
            raise MismatchError(f"{self.name}: queries and stored series are of two kinds: none compares them exactly")
        return self._handle.distance

    @property
    def finds_parts(self) -> bool:
        """Whether distances are to parts of what is stored, which hits then tell."""
        distance = self._handle.distance
        return distance is not None and distance.partial

    @property
    def alphabet_name(self) -> str | None:
        """The alphabet queries are read with; None for series."""
        with self._handle.store() as store:
            return store.alphabet.name if store.alphabet is not None else None

    @property
    def columns(self) -> dict[str, str]:
        """The columns beside the sequences: their names and kinds (int, float, bool, date, datetime, text, list)."""
        with self._handle.store() as store:
            return dict(store.columns().fields)

    @property
    def sequences(self) -> Sequences:
        """The stored sequences, in the order they came."""
        with self._handle.store() as store:
            return store.sequences(np.flatnonzero(store.live()))

    def state(self, progress: Watching = False) -> AbstractContextManager[State]:
        """A context in which several questions are answered from one committed `State`; changes wait for its end."""
        return self._handle.state(watched(progress))

    # -- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        vectors: VectorsLike | None = None,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        sort_by: str = "distance",
        min_coverage: float | None = None,
        progress: Watching = False,
        **budget: Unpack[BudgetOptions],
    ) -> Results:
        """The k nearest stored sequences of each query, with their exact distances.

        `vectors`: (Q, D) numbers, or the path of an .npy file: those of the queries, where the index holds vectors that
        were made elsewhere; stored sequences need none, nor does a comparison with everything.
        The budget: `recall` asks for a measured recall (default: the one the index was built for), `candidates` for a
        number of candidates (with `ef` of a graph, or `lists` of compressed lists), `exact` for a comparison with
        everything. `guarantee`: what each answer must rest on at least, "proved" (everything by proof), "group" (the
        default: a recall measured on queries that are predicted as far from everything), "marginal" (on all queries
        together); `Results.guarantee` says what each rests on.
        `ids` or `where` restrict the answers, always to exactly min(k, matching) of them.
        `where`: a condition on the columns, and on id, label, description and length: 'genus = "Bacteroides" and year
        >= 2019', or {"genus": ["Bacteroides"], "year": (2019, None)}; see `seqsearch.search.conditions`. Where nothing
        fulfils it `Results.warnings` says so.
        `strand`: "both" searches for the reverse complements of DNA and RNA queries as well, and each stored sequence
        counts on its nearer strand.
        `sort_by`: "identity" takes the k hits of the highest identity, of 5 k (at least 50) near ones, that align at
        least the share `min_coverage` of the shorter sequence's letters; there may be fewer of these than k.
        Raises MismatchError for queries of another kind, ParameterError, ConditionError, UnknownIdError for unknown
        `ids`, and MissingVectorsError.
        """
        require_count(k)
        wanted = call(Wanted, "search", **budget)
        self._require_strand(strand, None if wanted.by_proof else vectors, needed=not wanted.by_proof)
        require_order(sort_by, min_coverage, self._handle.distance)
        with_points = self._asked(queries, vectors, needed=not wanted.by_proof)
        with self._handle.state(watched(progress)) as state:
            choice = state.choice(k if sort_by == DISTANCE or state.shares else looked_at(k), wanted)
            (allowed, unmet), trace = state.asked(ids, where), Trace()
            limits: Limits = {"allowed": allowed, "trace": trace, "progress": watched(progress)}

            def found(asked: Queries, own: Limits) -> Found:
                whole: Limits = {**limits, **own}
                return state.neighbours(asked, k, choice.budget, **whole)

            minus: BoolArray | None = None
            proved, backwards = np.zeros(len(with_points), np.bool_), np.zeros(0, np.int64)
            if sort_by == IDENTITY:  # of which no recall was measured
                answer, minus = _most_identical(state, with_points, k, choice.budget, min_coverage, strand, limits)
            else:
                near, minus, backwards = _nearest(strand, with_points, found)
                answer, proved = Neighbours(near.rows, near.distances), near.proved
            measured = allowed is None and sort_by != IDENTITY
            rests = guarantees(proved, choice.guarantee if measured else NONE)
            rests[backwards] = MARGINAL if measured else NONE
            calibrated, unlike = choice.budget is not None and allowed is None, None
            if calibrated and len(with_points) >= FEWEST_TO_COMPARE:
                unlike = unusual(state.calibration, answer.distances.min(axis=1))
            cautions = cautions_of(state, with_points, answer, choice, turned=strand == PLUS and allowed is None)
        distance = state.distance
        sure = None if distance is None else distance.confidence(answer.distances)
        alignable, aligner = (False, None) if distance is None else (distance.alignable, distance.aligner)
        asked = with_points.sequences
        parts = distance if distance is not None and distance.partial else None
        told = (*cautions, *unmet)
        how = Explanation(choice.reason, told, unlike, calibrated, alignable, aligner, parts, trace)
        return Results(asked.ids, state.targets, answer, minus, sure, how, asked, rests)

    def count(self, where: Where | None = None, *, ids: Iterable[str] | None = None) -> int:
        """How many stored sequences fulfil a condition, as `search` takes it, exactly.

        Raises ConditionError, UnknownIdError.

        >>> import seqsearch as ss
        >>> names = ss.as_sequences(["anna", "hanna", "otto"], columns={"born": [1950, 1999, None]})
        >>> index = ss.SequenceIndex.build("names.ss", names, encoder="kmer")
        >>> index.count("born > 1960"), index.count({"born": (None, 1999)}), index.count("born is missing")
        (1, 2, 1)
        >>> hit = index.search("ana", k=1, where="born > 1960")[0][0]
        >>> hit.id, hit["born"]
        ('2', 1999)
        """
        with self._handle.state() as state:
            mask = state.allowed(ids, where)
            return len(state) if mask is None else int(np.count_nonzero(mask))

    def matching(self, where: Where, *, ids: Iterable[str] | None = None) -> Sequences:
        """The stored sequences that fulfil a condition, as `search` takes it, in the order they came.

        Raises ConditionError, UnknownIdError.

        >>> import seqsearch as ss
        >>> names = ss.as_sequences(["anna", "hanna", "otto"], columns={"born": [1950, 1999, None]})
        >>> ss.References(names).matching("born is not missing").texts()
        ['anna', 'hanna']
        """
        with self._handle.state() as state:
            mask = state.allowed(ids, where)
            return state.targets[np.flatnonzero(state.live if mask is None else mask)]

    def _asked(
        self, given: SequencesLike, vectors: VectorsLike | None, what: str = "queries", *, needed: bool = True
    ) -> Queries:
        """Sequences of the argument `what`, with vectors where they have some: given ones, or those stored of them."""
        encoder, sequences = self._handle.encoder, self._taken(given, what)
        if vectors is None and needed and encoder.own is not None:
            with self._handle.store() as store:
                known = stored_queries(store, encoder, sequences)
            if known is not None:
                return known
        return queries_of(encoder, sequences, vectors, what, needed)

    def _require_strand(self, strand: str, vectors: VectorsLike | None, *, needed: bool = True) -> None:
        """Raise ParameterError for a strand that cannot be asked for; `needed`: whether points will be."""
        require_strand(strand)
        if strand == BOTH and needed:
            require_two_strands(self._handle.encoder, vectors is not None)

    def within(
        self,
        queries: SequencesLike,
        radius: float | AnyArray,
        *,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Watching = False,
    ) -> RangeResults:
        """All stored sequences within the exact distance `radius` (one, or one a query), by proof, nearest first.

        `ids`, `where` and `strand` as in `search`. Raises ParameterError for a negative radius, and as `search`.
        """
        require_strand(strand)
        queries = self._taken(queries, "queries")
        with self._handle.state(watched(progress)) as state:
            state.encoder.require(queries)
            (allowed, cautions), exact, minus = state.asked(ids, where), state.exact, None

            def found(asked: Sequences) -> Ranges:
                return exact.lossless.ranges(asked, radius, allowed=allowed, progress=watched(progress))

            ranges = found(queries)
            if strand == BOTH:
                ranges, minus = united(ranges, found(reverse_complement(queries)))
            cautions = (*cautions, *unlike_lengths(state, queries))
        parts = exact.distance if exact.distance.partial else None
        able, aligner = exact.distance.alignable, exact.distance.aligner
        how = Explanation(EVERYTHING, cautions, alignable=able, aligner=aligner, parts=parts)
        return RangeResults(queries.ids, state.targets, ranges, minus, how, queries)

    def novelty(
        self,
        queries: SequencesLike,
        *,
        vectors: VectorsLike | None = None,
        known: SequencesLike | KnownScores | None = None,
        known_vectors: VectorsLike | None = None,
        where: Where | None = None,
        progress: Watching = False,
        **options: Unpack[NoveltyFields],
    ) -> NoveltyResults:
        """How new each query is: its score, and the p-value that a known sequence would score as high.

        `known`: sequences like those that are to count as known, none of them stored, or what `known_scores` made of
        them; None takes members, each judged as if it were not stored. `vectors`, `known_vectors`: those of both, where
        the index holds vectors that were made elsewhere, as in `search`. What members score is kept in the index, and
        measured anew when it has changed by more than a fifth. `options`: the fields of `NoveltyOptions` (method, by,
        k, fpr, bh, ties, sample, seed, strand).
        `where`: a condition as in `search`: is a query new among the sequences that fulfil it? It is compared with them
        alone, and so are they, for the p-values, each with the others.
        In an empty index, and where nothing fulfils the condition, every score is infinite and, with nothing to
        compare, none is called novel.
        Raises ParameterError, ConditionError, MismatchError for queries of another kind, MissingVectorsError.
        """
        self._require_strand(options.get("strand", PLUS), vectors)
        asked, compared = self._asked(queries, vectors), self._known_of(known, known_vectors)
        with self._handle.state(watched(progress)) as state:
            detector = self._detector(state, where)
            return detector.novelty(asked, NoveltyOptions.of(options), compared, watched(progress))

    def known_scores(
        self,
        *,
        known: SequencesLike | None = None,
        known_vectors: VectorsLike | None = None,
        where: Where | None = None,
        anew: bool = False,
        progress: Watching = False,
        **options: Unpack[NoveltyFields],
    ) -> KnownScores:
        """What `novelty` compares with, as there; `anew`: measured now, whatever is kept. Raises as `novelty`."""
        compared = None if known is None else self._asked(known, known_vectors, "known")
        with self._handle.state(watched(progress)) as state:
            return self._detector(state, where).known_scores(
                NoveltyOptions.of(options), compared, watched(progress), anew=anew
            )

    def member_scores(self, *, progress: Watching = False, **options: Unpack[NoveltyFields]) -> DoubleArray:
        """(n,) how new each stored sequence would be if it were not stored, in the order of `sequences`.

        Raises as `novelty`."""
        with self._handle.state(watched(progress)) as state:
            return self._detector(state).member_scores(NoveltyOptions.of(options), watched(progress))

    def _known_of(
        self, known: SequencesLike | KnownScores | None, vectors: VectorsLike | None
    ) -> Queries | KnownScores | None:
        if known is None or isinstance(known, KnownScores):
            if vectors is not None:
                raise ParameterError("known_vectors say nothing without known sequences")
            return known
        return self._asked(known, vectors, "known")

    def _detector(self, state: State, where: Where | None = None) -> NoveltyDetector:
        from .novelty.detector import NoveltyDetector

        return NoveltyDetector(state, self._handle, self._known, where)


def cautions_of(state: State, queries: Queries, answer: Neighbours, choice: Choice, *, turned: bool) -> tuple[str, ...]:
    """What to beware of in an answer, a sentence each; `turned`: see whether queries lie on the other strand."""
    cautions = choice.warnings + unlike_lengths(state, queries.sequences)
    if choice.budget is not None:
        cautions += state.told_short(queries.sequences)
    return cautions + (_turned(state, queries, answer, choice.budget) if turned else ())


def _turned(state: State, queries: Queries, answer: Neighbours, budget: Budget | None) -> tuple[str, ...]:
    """A warning where queries far from everything are near on the other strand."""
    if state.distance is None or not state.distance.alignable:
        return ()

    def nearest(asked: Queries) -> DoubleArray:
        return state.neighbours(asked, 1, budget).distances[:, 0]

    told = turned_round(queries, answer.distances[:, 0], nearest)
    return () if told is None else (told,)


def _nearest(strand: str, queries: Queries, found: Finder) -> tuple[Found, BoolArray | None, IntArray]:
    """The nearest of queries, which of them are on the minus strand, and the queries, (t,), that lie backwards."""
    if strand != BOTH:
        near, backwards = nearest_unless_turned(queries, found)
        return near, None, backwards
    both, minus = nearest_of_strands(strand, queries, found)
    assert isinstance(both, Found)
    return both, minus, np.zeros(0, np.int64)


def _most_identical(
    state: State, queries: Queries, k: int, budget: Budget | None, coverage: float | None, strand: str, limits: Limits
) -> tuple[Neighbours, BoolArray | None]:
    """The k hits of the highest identity, and which of them are on the minus strand where both were searched."""
    best, minus = state.most_identical(queries, k, budget, coverage or 0.0, **limits), None
    if strand == BOTH:
        best, minus = best.better(state.most_identical(other_strand(queries), k, budget, coverage or 0.0, **limits))
    return Neighbours(best.rows, best.distances), minus
