"""What can be asked of novelty: the methods in one table, and the options, checked before any work starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from ...errors import ParameterError
from ...registry import call
from ..guarantees import MARGINAL, PROVED, require_guarantee
from ..strands import BOTH, PLUS, require_strand

EXACT, EMBEDDING = "exact", "embedding"
SMOOTHED, CONSERVATIVE = "smoothed", "conservative"


@dataclass(frozen=True)
class Method:
    """One score: what it looks at, and how many neighbours by default (0: it looks at none)."""

    name: str
    summary: str
    k: int = 0

    @property
    def measures(self) -> bool:
        """Whether it is made of distances to neighbours, exact or of embeddings."""
        return self.k > 0


METHODS = {
    method.name: method
    for method in (
        Method("nearest", "distance to the nearest stored sequence", 1),
        Method("mean", "mean distance to the k nearest", 10),
        Method("kth", "distance to the k-th nearest", 10),
        Method("lof", "local outlier factor: how much thinner the sequences lie here than around the k nearest", 20),
        Method("shells", "16-bit codes: minus the log of a kernel density over Hamming shells, one look-up a query"),
        Method("reconstruction", "mean error per element when the model's decoder reads the embedding back"),
    )
}


class NoveltyFields(TypedDict, total=False):
    """The fields of `NoveltyOptions` by name."""

    method: str
    by: str | None
    k: int | None
    fpr: float
    bh: bool
    ties: str
    sample: int
    seed: int
    strand: str
    guarantee: str | None


@dataclass(frozen=True)
class NoveltyOptions:
    """`method`: one of `METHODS`; `by`: "exact" distances (verified) or those of "embedding"s, for methods made of
    distances; `k`: neighbours; `fpr`: share of known sequences that may be called novel; `bh`: `fpr` is the false
    discovery rate over all queries instead (Benjamini and Hochberg); `ties`: "smoothed" p-values are uniform for known
    sequences, "conservative" ones never too small; `sample`: members asked to calibrate; `seed`: of every random draw;
    `strand`: "both" looks for the reverse complements of DNA and RNA as well, of queries and of members; `guarantee`:
    what exact distances rest on at least, as in `search`: "proved" compares queries and members with everything.
    """

    method: str = "nearest"
    by: str | None = None
    k: int | None = None
    fpr: float = 0.01
    bh: bool = False
    ties: str = SMOOTHED
    sample: int = 20_000
    seed: int = 0
    strand: str = PLUS
    guarantee: str | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(f"no novelty method {self.method!r}: choose one of {', '.join(METHODS)}")
        measures = METHODS[self.method].measures
        if self.by not in (None, EXACT, EMBEDDING):
            raise ParameterError(f"by must be {EXACT} or {EMBEDDING}, not {self.by!r}")
        if self.ties not in (SMOOTHED, CONSERVATIVE):
            raise ParameterError(f"ties must be {SMOOTHED} or {CONSERVATIVE}, not {self.ties!r}")
        for name, value in (("by", self.by), ("k", self.k)):
            if value is not None and not measures:
                raise ParameterError(f"{name} means nothing to the method {self.method}")
        if self.k is not None and self.k < 1:
            raise ParameterError(f"k must be at least 1, not {self.k}")
        if self.method == "nearest" and self.k not in (None, 1):
            raise ParameterError(f"the method nearest has k 1, not {self.k}: mean and kth look at more")
        if not 0 < self.fpr < 1:
            raise ParameterError(f"fpr must be above 0 and below 1, not {self.fpr}")
        require_strand(self.strand)
        require_guarantee(self.guarantee)
        if self.guarantee is not None and self.source != EXACT:
            raise ParameterError(f"guarantee {self.guarantee!r} is of exact distances, which {self.asked} does not use")
        if self.strand == BOTH and not measures:
            raise ParameterError(f"the method {self.method} knows no strands: nearest, mean, kth and lof do")
        if self.sample < 1:
            raise ParameterError(f"sample must be at least 1, not {self.sample}")

    @classmethod
    def of(cls, options: Mapping[str, object]) -> NoveltyOptions:
        """From fields by name. Raises ParameterError for a name there is not."""
        return call(cls, "novelty", **options)

    @property
    def neighbours(self) -> int:
        """k, by default that of the method."""
        return METHODS[self.method].k if self.k is None else self.k

    @property
    def source(self) -> str:
        """Where the distances come from: "exact", "embedding", or "" for a method that measures none."""
        return (self.by or EXACT) if METHODS[self.method].measures else ""

    @property
    def asked(self) -> str:
        """The method, and its distances where it is made of any."""
        return f"{self.method} by {self.source}" if self.source else self.method

    @property
    def key(self) -> str:
        """Names the score: equal keys, comparable scores."""
        both = "both strands" if self.strand == BOTH else ""
        how = self.guarantee if self.guarantee in (PROVED, MARGINAL) else ""
        return " ".join(part for part in (self.method, self.source, str(self.neighbours or ""), both, how) if part)
