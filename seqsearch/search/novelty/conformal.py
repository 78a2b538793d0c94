"""From scores to p-values: the scores of known sequences say how unusual a score is (conformal prediction).

Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005); for outliers Bates et al., Testing for
outliers with conformal p-values, Annals of Statistics 51 (2023), who show that Benjamini-Hochberg holds over them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from ...arrays import JSON, AnyArray, DoubleArray
from ...errors import CorruptIndexError, MismatchError, ParameterError
from ...sequences import Sequences
from ..calibration import STALE_SHARE

CONFORMAL_VERSION = 1
MEMBERS, TRAINED = "members", "members, on most of which the encoder was trained"
UNSEEN, GIVEN = "members kept out of training", "given sequences"


@dataclass(frozen=True, eq=False)
class KnownScores:
    """`scores`, (m,) ascending, of known sequences; `key`: what was scored; `size`: sequences stored at that time;
    `source`: where the known ones came from; `parameters`: what the method fitted to the data.
    """

    scores: DoubleArray
    key: str
    size: int
    source: str
    parameters: dict[str, float]

    @classmethod
    def of(cls, scores: DoubleArray, key: str, size: int, source: str, parameters: dict[str, float]) -> KnownScores:
        """From scores in any order."""
        return cls(np.sort(scores), key, size, source, parameters)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"KnownScores({self.key!r}, n={len(self)}, of {self.source}, {self.size} stored)"

    def p_values(self, scores: DoubleArray, shares: DoubleArray | None = None) -> DoubleArray:
        """(Q,) share of known sequences, and the query itself, with a score at least as high.

        `shares`, (Q,) numbers from 0 to 1, one of each query: that part of the ties counts. Uniform shares make the
        p-values of known sequences exactly uniform (smoothed); None counts all ties, so that they are never too small.
        """
        above = len(self.scores) - np.searchsorted(self.scores, scores, side="right")
        equal = len(self.scores) - above - np.searchsorted(self.scores, scores, side="left")
        part = 1.0 if shares is None else shares
        return np.asarray((above + part * (equal + 1)) / (len(self.scores) + 1))

    def require(self, key: str) -> None:
        """Raise MismatchError unless these are scores of the same kind."""
        if key != self.key:
            raise MismatchError(f"the known sequences were scored by {self.key!r}, the queries are by {key!r}")

    def threshold(self, fpr: float) -> float:
        """The score above which a (conservative) p-value is at most `fpr`; infinity where there are too few scores."""
        allowed = int(np.floor(fpr * (len(self.scores) + 1) + 1e-9)) - 1  # known ones that may score as high
        if allowed < 0:
            return float("inf")
        if allowed >= len(self.scores):
            return float("-inf")
        return float(self.scores[len(self.scores) - 1 - allowed])

    def is_stale(self, size: int) -> bool:
        """True when the index has grown or shrunk by more than a fifth since."""
        return abs(size - self.size) > STALE_SHARE * max(1, self.size)

    def to_bytes(self) -> bytes:
        """As safetensors, with the rest as JSON in its metadata."""
        from safetensors.numpy import save

        rest = {name: value for name, value in asdict(self).items() if name != "scores"}
        metadata = {"seqsearch": json.dumps({"version": CONFORMAL_VERSION, **rest})}
        return save({"scores": self.scores}, metadata=metadata)

    @classmethod
    def from_bytes(cls, content: bytes) -> KnownScores | None:
        """The inverse; None for another version. Raises CorruptIndexError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            length = int.from_bytes(content[:8], "little")
            rest: JSON = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["seqsearch"])
            if rest.pop("version") != CONFORMAL_VERSION:
                return None
            return cls(scores=load(content)["scores"], **rest)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CorruptIndexError(f"a calibration of novelty cannot be read: {error}") from None


def benjamini_hochberg(p_values: DoubleArray) -> DoubleArray:
    """(Q,) q-values: the least false discovery rate at which each query is called novel.

    Benjamini and Hochberg, Controlling the false discovery rate, J. R. Statist. Soc. B 57 (1995). Raises
    ParameterError for a p-value outside 0 to 1.
    """
    if len(p_values) and not ((p_values >= 0) & (p_values <= 1)).all():
        raise ParameterError("p-values lie from 0 to 1")
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    out = np.empty(len(p_values))
    out[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(out, 1.0)


def shares_of(sequences: Sequences, seed: int) -> DoubleArray:
    """(n,) numbers from 0 to 1 as if drawn uniformly, each a function of `seed` and of the sequence alone.

    So one sequence has one p-value, whatever else is asked with it.
    """
    data: AnyArray = np.ascontiguousarray(sequences.data)
    raw, width = memoryview(data.tobytes()), data.itemsize * int(np.prod(data.shape[1:], dtype=np.int64))
    bounds, key = (sequences.offsets * width).tolist(), seed.to_bytes(16, "little", signed=True)
    drawn = (hashlib.blake2b(raw[start:stop], digest_size=8, key=key).digest() for start, stop in pairwise(bounds))
    numbers = np.frombuffer(b"".join(drawn), "<u8").astype(np.float64)
    return np.asarray(numbers / 2.0**64)
