"""Reported distances computed again by libraries of others: python-Levenshtein, and edlib for parts of sequences.

They share no code with the kernels here, so where both agree, neither is wrong in the same way. They judge only:
nothing is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, IntArray
from ..distances import Distance, distance_named
from ..errors import ParameterError
from ..extras import CHECK, imported
from ..progress import SILENT, Progress, Watching, watched
from ..registry import Registry
from ..search import Answers
from ..search.strands import BOTH, PLUS, reverse_complement
from ..sequences import Alphabet, Sequences

_SHOWN = 5  # of the pairs that disagree
_NEAR = 1e-9  # of the distance itself, where it is no whole number


@dataclass(frozen=True)
class Judge:
    """A library that computes a distance: `library`, as it is called; `module`, what is imported, and its `extra`.

    `distance(module, parameters, query, target, alphabet)`: of two sequences of codes. Of DNA and RNA on `both` strands
    the nearer counts.
    """

    library: str
    module: str
    extra: str
    distance: Callable[[ModuleType, JSON, AnyArray, AnyArray, Alphabet], float]


JUDGES: Registry[Judge] = Registry("judge of distances", "seqsearch.judges")
"""Name of a distance -> who computes it again; other packages add theirs by entry points of the group
`seqsearch.judges`."""


def _symbols(codes: AnyArray) -> bytes | list[int]:
    """What is compared symbol by symbol, whatever the alphabet: bytes, or code points and integer tokens as numbers."""
    return codes.tobytes() if codes.dtype == np.uint8 else codes.tolist()


def _edit(library: ModuleType, parameters: JSON, query: AnyArray, target: AnyArray, alphabet: Alphabet) -> float:
    return float(library.distance(_symbols(query), _symbols(target)))


def _weighted(library: ModuleType, parameters: JSON, query: AnyArray, target: AnyArray, alphabet: Alphabet) -> float:
    weights = parameters["insertion"], parameters["deletion"], parameters["substitution"]
    return float(library.distance(_symbols(query), _symbols(target), weights=weights))


def _indel(library: ModuleType, parameters: JSON, query: AnyArray, target: AnyArray, alphabet: Alphabet) -> float:
    return float(library.distance(_symbols(query), _symbols(target), weights=(1, 1, 2)))


def _infix(library: ModuleType, parameters: JSON, query: AnyArray, target: AnyArray, alphabet: Alphabet) -> float:
    found = library.align(alphabet.decode(query), alphabet.decode(target), mode="HW", task="distance")
    return float(found["editDistance"])


for _name, _judge in (
    ("edit", Judge("python-Levenshtein", "Levenshtein", CHECK, _edit)),
    ("weighted-edit", Judge("python-Levenshtein", "Levenshtein", CHECK, _weighted)),
    ("indel", Judge("python-Levenshtein", "Levenshtein", CHECK, _indel)),
    ("infix", Judge("edlib", "edlib", CHECK, _infix)),
):
    JUDGES.register(_name, _judge)


def judge_of(distance: Distance) -> Judge:
    """Who computes a distance again. Raises ParameterError, which says which can be, where nobody does."""
    if distance.name not in JUDGES:
        raise ParameterError(
            f"the distances of {distance.name} cannot be checked: no other library here computes it; those of "
            f"{', '.join(JUDGES)} can"
        )
    judge = JUDGES[distance.name]
    if distance.parameters().get("wildcards"):
        raise ParameterError(
            f"the distances of {distance.name} with wildcards cannot be checked: {judge.library} has none"
        )
    return judge


def check_distances(answers: Answers, distance: Distance | str, progress: Watching = False) -> Verdicts:
    """Compute every distance in some answers again by a library that shares no code with ours: python-Levenshtein, of
    infix edlib; how many were `checked`, how many are `wrong`, and `str` says it.

    `distance`: the one that they were found by (`index.distance`), or its name. Raises ParameterError for one that
    nobody else here computes and for answers that were pickled, MissingExtraError without the extra `check`.

    >>> import seqsearch as ss
    >>> hits = ss.References(["anna", "hanna", "otto"]).search(["ana", "oto"], k=2)
    >>> print(ss.check_distances(hits, "edit"))
    4 reported distances computed again with python-Levenshtein: all agree
    """
    if isinstance(distance, str):
        distance = distance_named(distance)
    if answers.asked is None:
        raise ParameterError("these answers were pickled, without their queries: check those that a search gave")
    judging = Judging(distance, answers.asked, PLUS if answers.minus is None else BOTH)
    judging.add_answers(answers)
    return judging.verdicts(watched(progress))


@dataclass
class Verdicts:
    """What a judge found: `checked` distances, and those that `disagree`, a sentence each (the first few), `wrong` of
    them in all."""

    library: str
    checked: int = 0
    wrong: int = 0
    disagree: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.wrong:
            return f"{self.checked:,} reported distances computed again with {self.library}: all agree"
        told = "\n".join(f"  {each}" for each in self.disagree)
        return f"{self.wrong:,} of {self.checked:,} reported distances are not those of {self.library}:\n{told}"


class Judging:
    """Distances of `queries` to `targets` as they were reported, each pair judged once however often it was.

    `strand`: "both" where the nearer of the two strands of a query was reported. Raises ParameterError for distances
    that nobody judges, MissingExtraError for a library that is not installed.
    """

    def __init__(self, distance: Distance, queries: Sequences, strand: str = "plus") -> None:
        self._judge, self._distance = judge_of(distance), distance
        self._library = imported(self._judge.module, self._judge.extra)
        self._strands = [queries, reverse_complement(queries)] if strand == BOTH else [queries]
        self._reported: dict[tuple[int, int], set[float]] = {}
        self._targets: Sequences | None = None

    def add(self, targets: Sequences, owners: IntArray, rows: IntArray, distances: DoubleArray) -> None:
        """(h,) reported distances of queries `owners` to `rows` of targets, which are always the same; rows below 0 are
        none."""
        self._targets = targets
        there = rows >= 0
        pairs = zip(owners[there].tolist(), rows[there].tolist(), strict=True)
        for pair, told in zip(pairs, distances[there].tolist(), strict=True):
            self._reported.setdefault(pair, set()).add(told)

    def add_answers(self, answers: Answers) -> None:
        """All hits of answers to the queries."""
        table = answers.table()
        self.add(answers.targets, table.owners, table.rows, table.distances)

    def verdicts(self, progress: Progress = SILENT) -> Verdicts:
        """Compute all of them again."""
        found = Verdicts(self._judge.library)
        with progress.task("checking distances", len(self._reported)) as task:
            for (owner, row), reported in self._reported.items():
                true = self._true(owner, row)
                for told in sorted(reported):
                    found.checked += 1
                    if abs(told - true) > _NEAR * max(1.0, true):
                        found.wrong += 1
                        if found.wrong <= _SHOWN:
                            found.disagree += (self._disagreement(owner, row, told, true),)
                task.advance()
        return found

    def _true(self, owner: int, row: int) -> float:
        assert self._targets is not None
        target = self._targets[row]
        assert target.alphabet is not None
        about, judge = (self._library, self._distance.parameters()), self._judge.distance
        return min(judge(*about, one[owner].data, target.data, target.alphabet) for one in self._strands)

    def _disagreement(self, owner: int, row: int, told: float, true: float) -> str:
        assert self._targets is not None
        return f"{self._strands[0].ids[owner]} and {self._targets.ids[row]}: {told:g} reported, {true:g} computed"
