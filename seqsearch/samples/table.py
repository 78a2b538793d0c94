"""`SampleTable`: how often each feature was counted in each sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import DuplicateIdError, EmptyInputError, InputError, MismatchError, UnknownIdError
from ..sequences.strings import offsets_of


@dataclass(frozen=True, eq=False)
class SampleTable:
    """Counts of n features in S samples, by sample: those of sample s are `values[offsets[s]:offsets[s + 1]]`, of the
    features `columns[offsets[s]:offsets[s + 1]]`, each once and above 0.

    `name`: of the table, for messages. Counts need not be whole: shares and weights count alike.
    """

    samples: tuple[str, ...]
    features: tuple[str, ...]
    offsets: IntArray
    columns: IntArray
    values: DoubleArray
    name: str = "table"

    @classmethod
    def of(cls, counts: AnyArray | Sequence[Sequence[float]], samples: Iterable[str], features: Iterable[str]) -> Self:
        """Of an array (S, n), a row a sample. Raises what `of_entries` raises, MismatchError for another shape.

        >>> from seqsearch.samples import SampleTable
        >>> SampleTable.of([[3, 0, 1], [0, 2, 2]], ["gut", "soil"], ["a", "b", "c"]).shares("gut")
        {'a': 0.75, 'c': 0.25}
        """
        whole, names, known = np.asarray(counts, np.float64), tuple(samples), tuple(features)
        if whole.shape != (len(names), len(known)):
            raise MismatchError(f"counts of shape {whole.shape} for {len(names)} samples of {len(known)} features")
        rows, columns = np.nonzero(whole)
        return cls.of_entries(names, known, rows, columns, whole[rows, columns])

    @classmethod
    def of_entries(
        cls,
        samples: Sequence[str],
        features: Sequence[str],
        rows: IntArray,
        columns: IntArray,
        values: DoubleArray,
        name: str = "table",
    ) -> Self:
        """Of single counts: values[i] of features[columns[i]] in samples[rows[i]]; what is 0 is left out.

        Raises InputError naming sample, feature and value of a count that is negative or no finite number,
        DuplicateIdError for a sample or a feature that comes twice, EmptyInputError for none.
        """
        for noun, names in (("sample", samples), ("feature", features)):
            if not len(names):
                raise EmptyInputError(f"the table has no {noun}", path=name)
            _require_distinct(noun, names, name)
        values = np.asarray(values, np.float64)
        for at in np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[:1].tolist():
            sample, feature = samples[rows[at]], features[columns[at]]
            problem = f"column {sample!r}: a count is 0 or more, not {values[at]:g}"
            raise InputError(problem, path=name, record_id=feature)
        kept = values > 0
        rows, columns, values = rows[kept], columns[kept], values[kept]
        order = np.lexsort((columns, rows))
        counts = np.bincount(rows, minlength=len(samples))
        return cls(tuple(samples), tuple(features), offsets_of(counts), columns[order], values[order], name)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def totals(self) -> DoubleArray:
        """(S,) sums of the counts of each sample."""
        return summed(self._rows, self.values, len(self))

    @property
    def masses(self) -> DoubleArray:
        """(n,) the mean share of each feature, over samples that are not empty."""
        totals = self.totals
        shares = self.values / totals[self._rows]
        return summed(self.columns, shares, len(self.features)) / max(1, int(np.count_nonzero(totals)))

    @property
    def _rows(self) -> IntArray:
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def sample(self, row: int) -> tuple[IntArray, DoubleArray]:
        """Features of a sample, (m,), and their shares, (m,), which sum to 1; none of an empty one. Raises IndexError
        for a row that there is not."""
        some = slice(self.offsets[row], self.offsets[row + 1])
        values = self.values[some]
        return self.columns[some], values / max(float(values.sum()), 1e-300)

    def shares(self, sample: str) -> dict[str, float]:
        """The share of each feature of a sample, by name. Raises UnknownIdError."""
        if sample not in self.samples:
            raise UnknownIdError(f"{self.name}: there is no sample {sample!r}")
        columns, shares = self.sample(self.samples.index(sample))
        return {self.features[column]: share for column, share in zip(columns.tolist(), shares.tolist(), strict=True)}

    def with_features(self, kept: IntArray) -> SampleTable:
        """Of some features only, by their (m,) rows; what other ones counted is gone. Raises IndexError."""
        place = np.full(len(self.features), -1, np.int64)
        place[kept] = np.arange(len(kept))
        there = place[self.columns] >= 0
        counts = np.bincount(self._rows[there], minlength=len(self))
        names = tuple(self.features[row] for row in kept.tolist())
        return SampleTable(
            self.samples, names, offsets_of(counts), place[self.columns[there]], self.values[there], self.name
        )

    def made_of(self, samples: Sequence[str], parts: Sequence[tuple[IntArray, DoubleArray]]) -> SampleTable:
        """Other samples of the same features: (m,) features of each, and their counts. Raises ValueError for none."""
        columns, values = (np.concatenate([part[place] for part in parts]) for place in range(2))
        offsets = offsets_of(np.array([len(part[0]) for part in parts], np.int64))
        return SampleTable(tuple(samples), self.features, offsets, columns, values, self.name)

    def with_samples(self, kept: IntArray) -> SampleTable:
        """Some of the samples, by their (m,) rows. Raises IndexError."""
        parts = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in kept.tolist()]
        places = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        offsets = offsets_of(np.diff(self.offsets)[kept])
        names = tuple(self.samples[row] for row in kept.tolist())
        return SampleTable(names, self.features, offsets, self.columns[places], self.values[places], self.name)


def summed(places: IntArray, values: DoubleArray, count: int) -> DoubleArray:
    """(count,) sums of the values, (m,), of each place."""
    return np.bincount(places, values, count).astype(np.float64)


def _require_distinct(noun: str, names: Sequence[str], table: str) -> None:
    seen: set[str] = set()
    for number, each in enumerate(names, start=1):
        if not each:
            raise InputError(f"the {noun} has no name", path=table, record=number)
        if each in seen:
            raise DuplicateIdError(f"this {noun} comes twice", path=table, record=number, record_id=each)
        seen.add(each)
