"""Learning the linear scores of words in a window: softmax regression by stochastic descent, each row at its own rate.

There are some hundred thousand features and as many words, so a dozen passes of stochastic descent cost less than a
step of L-BFGS over all (AdaGrad: Duchi, Hazan and Singer, JMLR 12, 2011; one rate a row, as rows are of one feature).
While learning, every feature is left out now and then, so that the rarer ones that say the same are learnt too (Sutton,
Sindelar and McCallum, Reducing weight undertraining in structured discriminative learning, NAACL 2006).
"""

from __future__ import annotations

import numpy as np

from ...arrays import JSON, AnyArray, FloatArray, IntArray
from ...encoders import windows
from ...encoders.blend import direct_head
from ...encoders.grams import Keys, found_among
from ...encoders.inputs import InputSpec
from ...encoders.model import Model
from ...encoders.windows import WindowReading
from ...encoders.words import WordReading
from ...jit import kernel
from ...sequences import TEXT
from .labels import UNKNOWN, Examples

PASSES = 10
RATE = 0.1
LEFT_OUT = 0.25  # of the features, while learning
FEWEST = 2  # words a feature was found at
_MOST_FEATURES = 1 << 20
_MOST_VALUES = 1 << 25  # of features and labels together


def window_model(examples: Examples, labels: int, weights: FloatArray, seed: int) -> Model:
    """Learn the labels of words by what stands in a window around them; `weights`: (K,) how much each label counts."""
    reading = WindowReading()
    there = np.flatnonzero(examples.wanted != UNKNOWN)
    wanted = examples.wanted[there]
    keys = reading.keys(examples.sequences)[there]
    known = _frequent(keys, min(_MOST_FEATURES, max(1, _MOST_VALUES // labels)))
    places = found_among(keys.ravel(), known).reshape(keys.shape)
    table, squares = np.zeros((len(known) + 1, labels), np.float32), np.zeros(len(known) + 1, np.float32)
    rng = np.random.default_rng(seed)
    for number in range(PASSES):
        order, state = rng.permutation(len(wanted)), int(rng.integers(1, 1 << 62))
        descend(table, squares, places, wanted, weights, order, RATE * (1 - number / PASSES), LEFT_OUT, state)
    spec = InputSpec(TEXT.name, reading=WordReading((), 0))
    found: dict[str, AnyArray] = {windows.KEYS: known, windows.TABLE: table[:-1].astype(np.float16)}
    settings: JSON = {"reading": reading.to_json()}
    return Model(windows.FAMILY, spec, settings, {**found, **direct_head(labels, table[-1])}, labels)


def _frequent(keys: Keys, most: int) -> Keys:
    """(M,) ascending features that were found at `FEWEST` words, the most frequent where there are too many."""
    known, seen = np.unique(keys, return_counts=True)
    known, seen = known[seen >= FEWEST], seen[seen >= FEWEST]
    if len(known) > most:
        known = np.sort(known[np.argsort(-seen, kind="stable")[:most]])
    return known


@kernel()
def descend(
    table: FloatArray,
    squares: FloatArray,
    places: IntArray,
    wanted: IntArray,
    weights: FloatArray,
    order: IntArray,
    rate: float,
    left_out: float,
    state: int,
) -> None:
    """One pass over m examples, in `order`: steps down the gradient of the log loss, each row's of its own length.

    `places`: (m, F) rows of each example; `wanted`: (m,) labels. The steps are added to `table`, (M + 1, K), whose last
    row every example has; `squares`, (M + 1,), sums the mean squares of the gradients of each row; `weights`: (K,) of
    the labels; `state`: of the draws of what is left out, above 0.
    """
    width, labels = places.shape[1], table.shape[1]
    scores = np.empty(labels, np.float32)
    there = np.empty(width + 1, np.int64)
    random = np.uint64(state)
    limit = np.uint64(left_out * 2.0**32)
    for i in order:
        used = 1
        there[0] = len(table) - 1
        for f in range(width):
            random ^= random << np.uint64(13)
            random ^= random >> np.uint64(7)
            random ^= random << np.uint64(17)
            if places[i, f] >= 0 and (random >> np.uint64(32)) >= limit:
                there[used] = places[i, f]
                used += 1
        scores[:] = 0
        for j in range(used):
            row = there[j]
            for k in range(labels):
                scores[k] += table[row, k]
        highest = scores[0]
        for k in range(1, labels):
            highest = max(highest, scores[k])
        total = np.float32(0)
        for k in range(labels):
            scores[k] = np.exp(scores[k] - highest)
            total += scores[k]
        square = np.float32(0)
        for k in range(labels):
            scores[k] = weights[wanted[i]] * (scores[k] / total - np.float32(k == wanted[i]))
            square += scores[k] * scores[k]
        square /= np.float32(labels)
        for j in range(used):
            row = there[j]
            squares[row] += square
            step = np.float32(rate) / np.sqrt(squares[row] + np.float32(1e-2))
            for k in range(labels):
                table[row, k] -= step * scores[k]
