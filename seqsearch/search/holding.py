"""What questions need of whatever holds the sequences: their records, and a state that answers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from ..arrays import AnyArray, BoolArray, IntArray
from ..distances import Distance
from ..progress import SILENT, Progress
from ..sequences import Alphabet, Sequences
from ..sequences.columns import Columns
from .calibration import Calibration
from .encoding import OneModel, TwoTowers
from .state import State
from .wanted import Choice, Wanted


class Rows(Protocol):
    """Records by their rows, as a `StoreReader` has them: `find` gives (m,) rows, -1 for an id that is not there, where
    `rows_of` raises UnknownIdError; `vectors` are (m, ...); `blob` is None where nothing is kept under a name."""

    @property
    def rows(self) -> int: ...

    @property
    def alphabet(self) -> Alphabet | None: ...

    def __len__(self) -> int: ...

    def __contains__(self, record_id: object) -> bool: ...

    def live(self) -> BoolArray: ...

    def sequences(self, rows: AnyArray | list[int] | None = None) -> Sequences: ...

    def columns(self) -> Columns: ...

    def find(self, ids: Iterable[str]) -> IntArray: ...

    def rows_of(self, ids: Iterable[str]) -> IntArray: ...

    def vectors(self, rows: AnyArray | list[int] | None = None) -> AnyArray: ...

    def blob(self, name: str) -> bytes | None: ...


class Holding(Protocol):
    """Sequences, how they are compared, and the states that answer over them, as a `Handle` has them.

    `path`: what messages call it; `keep`: a blob, for later questions, where there is a place for it.
    """

    @property
    def path(self) -> str: ...

    @property
    def encoder(self) -> OneModel | TwoTowers: ...

    @property
    def distance(self) -> Distance | None: ...

    def store(self) -> AbstractContextManager[Rows]: ...

    def state(self, progress: Progress = SILENT) -> AbstractContextManager[State]: ...

    def calibration(self) -> Calibration: ...

    def choice(self, k: int, wanted: Wanted) -> Choice: ...

    def keep(self, name: str, content: bytes) -> None: ...
