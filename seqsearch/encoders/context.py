"""Series read in the context of their record: of the patient, machine or tape that they were cut from.

What is odd about a piece often shows only beside the others of its record. Each series becomes, channel by channel, one
in units of its record (the median taken out, divided by the deviation), what sets it apart from the record's median
series, and how far it is apart; none of this needs a label. Pieces cut around events overlap where events follow fast,
and by how much says how soon: two channels say by which share of its length a series overlaps the one before and the
one after, and two how far that is from what is usual in the record (the rhythm of heartbeats: de Chazal, O'Dwyer and
Reilly, IEEE TBME 51, 2004, use the intervals themselves).
"""

from __future__ import annotations

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..errors import MismatchError
from ..jit import kernel
from ..sequences import Sequences

LEAST_OVERLAP = 0.02  # of the length: as many equal values in a row hardly come by chance
_MOST_OVERLAP = 0.95
RHYTHM = 4  # channels


def channels_in_context(features: int) -> int:
    """Channels that so many become."""
    return 3 * features + RHYTHM


def names_records(sequences: Sequences) -> bool:
    """Whether every series is of one length and says (as description) which record it was cut from."""
    lengths = sequences.lengths
    even = len(lengths) > 0 and bool((lengths == lengths[0]).all()) and int(lengths[0]) > 0
    return even and sequences.alphabet is None and all(sequences.descriptions)


def records_of(sequences: Sequences) -> IntArray:
    """(n,) a number for the record of each."""
    _, numbers = np.unique(np.array(list(sequences.descriptions), dtype=np.str_), return_inverse=True)
    return numbers.astype(np.int64)


def in_context(sequences: Sequences) -> Sequences:
    """The series beside the others of their records that are among `sequences`, which stand there in order of time.

    (T, F) become (T, 3 F + 4). Raises MismatchError for series of several lengths or without a record.
    """
    if len(sequences) and not names_records(sequences):
        raise MismatchError(
            "the model reads series in the context of their record: they have to be equally long, and each has to name "
            "its record (an array 'record' or 'group' beside the values)"
        )
    steps, features = int(sequences.lengths.max(initial=0)), sequences.features
    values = sequences.data.reshape(len(sequences), steps, features)
    out = np.empty((len(sequences), steps, channels_in_context(features)), np.float32)
    records = records_of(sequences)
    for record in range(int(records.max(initial=-1)) + 1):
        rows = np.flatnonzero(records == record)
        out[rows] = _beside_each_other(values[rows])
    return Sequences(
        out.reshape(-1, out.shape[2]),
        sequences.offsets,
        sequences.ids,
        None,
        sequences.descriptions,
        sequences.labels,
        sequences.columns,
    )


def _beside_each_other(values: FloatArray) -> FloatArray:
    """(n, T, 3 F + 4) of the (n, T, F) series of one record in order."""
    middle = np.median(values, axis=(0, 1))
    spread = values.reshape(-1, values.shape[2]).std(axis=0)
    own = (values - middle) / np.where(spread > 0, spread, 1.0)
    apart = own - np.median(own, axis=0)
    after = overlaps(np.ascontiguousarray(values)) / values.shape[1]
    before = np.concatenate([[0.0], after[:-1]])
    rhythm = np.stack([before, after, before - np.median(before), after - np.median(after)], axis=1)
    beside = np.broadcast_to(rhythm[:, None, :], (*values.shape[:2], RHYTHM))
    found: FloatArray = np.concatenate([own, apart, np.abs(apart), beside], axis=2).astype(np.float32)
    return found


@kernel()
def overlaps(values: FloatArray) -> DoubleArray:
    """(n,) steps by which each of (n, T, F) series overlaps the next: the end of one is the beginning of the other,
    value by value; 0 where there is no overlap between `LEAST_OVERLAP` and most of the length, or only of one value."""
    count, steps, features = values.shape
    found = np.zeros(count)
    least = max(4, int(np.ceil(LEAST_OVERLAP * steps)))
    for i in range(count - 1):
        for reach in range(int(_MOST_OVERLAP * steps), least - 1, -1):
            first = steps - reach
            same = True
            varied = False
            for t in range(reach):
                for f in range(features):
                    if values[i, first + t, f] != values[i + 1, t, f]:
                        same = False
                        break
                    if values[i + 1, t, f] != values[i + 1, 0, f]:
                        varied = True
                if not same:
                    break
            if same and varied:
                found[i] = reach
                break
    return found
