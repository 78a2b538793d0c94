"""Sequences as JSON and back, for the client."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray
from ..distances import AlignedPath, Aligner
from ..sequences import Sequence, Sequences, alphabet_named
from ..sequences.coercion import columns_from
from ..sequences.columns import Value
from ..sequences.strings import Strings

_READ = {"date": dt.date.fromisoformat, "datetime": dt.datetime.fromisoformat}


def payload(queries: Sequences) -> list[JSON]:
    """Queries as they are sent."""
    if queries.alphabet is not None:
        pairs = zip(queries.ids, written(queries), strict=True)
        return [{"id": name, "sequence": text} for name, text in pairs]
    return [{"id": one.id, "values": _series(one.data)} for one in queries]


def written(sequences: Sequences) -> list[str]:
    """Letters as they came: of a folded alphabet those that were folded."""
    assert sequences.alphabet is not None
    if sequences.alphabet.folds and len(sequences.descriptions.data):
        return list(sequences.descriptions)
    return sequences.texts()


def beside(sequences: Sequences) -> Iterator[JSON]:
    """Records as they are sent, with labels and columns."""
    for sent, record in zip(payload(sequences), sequences, strict=True):
        columns = {name: value_json(value) for name, value in record.columns.items()}
        yield sent | {"label": record.label, "columns": columns}


def records_of(found: list[JSON], alphabet: str | None, columns: Mapping[str, str], features: int) -> Sequences:
    """Records as they come, as a set; `columns`: those of the index, and their kinds."""
    ids = [one["id"] for one in found]
    labels = [one["label"] for one in found]
    if alphabet is not None:
        made = Sequences.from_texts([one["sequence"] for one in found], alphabet_named(alphabet), ids, labels)
    elif found:
        made = Sequences.from_arrays([_array(one["values"]) for one in found], None, ids, labels, layout="ntf")
    else:
        made = Sequences.from_arrays([np.zeros((1, features), np.float32)])[:0]
    if found and any(one["description"] for one in found):
        made.descriptions = Strings.of(one["description"] for one in found)
    if not columns:
        return made
    values = {
        f"{name}:{kind}": [_value(one["columns"].get(name), kind) for one in found] for name, kind in columns.items()
    }
    return made.beside(columns_from(values, len(found)))


class RemoteAligner:
    """An aligner whose E-values are among the `letters` that the service holds, not among those that came."""

    def __init__(self, aligner: Aligner, letters: int) -> None:
        self._aligner, self._letters = aligner, letters

    def align(self, query: Sequence, target: Sequence) -> AlignedPath:
        """See `Aligner.align`."""
        return self._aligner.align(query, target)

    def bit_scores(self, scores: AnyArray) -> DoubleArray | None:
        """See `Aligner.bit_scores`."""
        return self._aligner.bit_scores(scores)

    def e_values(self, scores: AnyArray, lengths: AnyArray, total: int) -> DoubleArray | None:
        """See `Aligner.e_values`; `total` is that of the service."""
        return self._aligner.e_values(scores, lengths, self._letters)


def value_json(value: object) -> object:
    """A value of a column, as it is sent."""
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _value(value: object, kind: str) -> Value:
    read = _READ.get(kind)
    return read(value) if read is not None and isinstance(value, str) else value  # type: ignore[return-value]


def _series(data: AnyArray) -> list[object]:
    numbers: list[object] = (data[:, 0] if data.shape[1] == 1 else data).astype(np.float64).tolist()
    return numbers


def _array(values: list[object]) -> AnyArray:
    return np.asarray(values, np.float32)
