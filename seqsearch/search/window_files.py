"""The windows of an index: what they are made by, in the store, and their points, in a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from ..arrays import JSON, IntArray
from ..encoders.model import Model
from ..errors import CorruptIndexError, MismatchError, NotAnIndexError, ParameterError, UnknownIdError
from ..files import read_tensors, write_tensors
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import Store
from .relatives import Relatives
from .windows import WindowIndex, WindowSettings

WINDOWS, RELATIVES = "windows", "relatives"
WINDOW_WEIGHTS = "windows-weights"
_TAUGHT = 1 << 14  # rows at most, that the candidate index of windows learns from


class _Keeping(Protocol):
    def put_document(self, name: str, content: JSON) -> None: ...

    def put_blob(self, name: str, content: bytes) -> None: ...


def keep_windows(settings: WindowSettings, model: Model, store: _Keeping) -> None:
    """Put into an index what its windows are made by."""
    store.put_document(WINDOWS, {"settings": settings.to_json(), "model": model.document()})
    store.put_blob(WINDOW_WEIGHTS, model.weight_bytes())


def windows_of(store: Store, progress: Progress) -> WindowIndex | None:
    """The windows of an index: of the snapshot and what came since, else made anew; None where it has none.

    Raises CorruptIndexError and FormatVersionError where what they are made by cannot be read.
    """
    document, weights = store.document(WINDOWS), store.blob(WINDOW_WEIGHTS)
    if not isinstance(document, dict):
        return None
    if weights is None:
        raise CorruptIndexError(f"{store.path}: the weights of the encoder of windows are missing")
    model, settings = Model.restore(document["model"], weights), WindowSettings(**document["settings"])
    return _of_snapshot(store, settings, model, progress) or made_anew(store, settings, model, progress)


def made_anew(store: Store, settings: WindowSettings, model: Model, progress: Progress) -> WindowIndex:
    """The windows of all live rows."""
    live, lengths = np.flatnonzero(store.live()), _lengths(store, 0, progress)
    made = WindowIndex.empty(settings, model, lengths)
    teach(made, live, store.sequences)
    made.add(live, store.sequences, progress)
    made.relate(live, store.sequences, progress)
    return made


def teach(windows: WindowIndex, rows: IntArray, sequences: Callable[[IntArray], Sequences]) -> None:
    """Let the candidate index of windows learn from some of these rows."""
    rng = np.random.default_rng([windows.settings.seed, 3])
    some = rows if len(rows) <= _TAUGHT else np.sort(rng.choice(rows, _TAUGHT, replace=False))
    windows.train(sequences(some))


def _of_snapshot(store: Store, settings: WindowSettings, model: Model, progress: Progress) -> WindowIndex | None:
    record = store.snapshot(WINDOWS)
    if record is None or record.parameters != settings.to_json():
        return None
    try:
        file = store.snapshot_file(WINDOWS, proved=False)
        made = WindowIndex.load(file, settings, model, _lengths(store, 0, progress))
        made.relatives = _relatives(store, settings, record.lsn, progress)
        live = np.flatnonzero(store.live())
        if caught_up(made, store, record.lsn) and made.holds(live):
            if made.relatives is None:
                made.relate(live, store.sequences, progress)
            return made
        progress.note(f"{store.path}: the windows are not those of the stored sequences; making them anew")
    except (CorruptIndexError, MismatchError, NotAnIndexError, ParameterError, UnknownIdError) as error:
        progress.note(f"{error}; making the windows anew")
    return None


def _relatives(store: Store, settings: WindowSettings, lsn: int, progress: Progress) -> Relatives | None:
    """Those of the snapshot that was written with that of the windows; None where it is of no use."""
    record = store.snapshot(RELATIVES)
    if not settings.relatives or record is None or record.lsn != lsn:
        return None
    try:
        _, arrays = read_tensors(Path(store.snapshot_file(RELATIVES)).read_bytes())
        made = Relatives(arrays["rows"], arrays["shifts"])
        made.require_sound(settings.relatives)
    except (CorruptIndexError, NotAnIndexError, KeyError, ValueError, OSError) as error:
        progress.note(f"{error}; looking for relatives anew")
        return None
    return made.resized(store.rows)


def caught_up(windows: WindowIndex, store: Store, lsn: int) -> bool:
    """Take in what was committed since; False where the log does not reach back that far."""
    operations = store.log_since(lsn)
    if operations is None:
        return False
    if store.rows > len(windows):
        windows.extend(_lengths(store, len(windows), SILENT))
    for operation in operations:
        if operation.kind == "add":
            windows.add(operation.rows, store.sequences)
        else:
            windows.remove(operation.rows)
    return True


def _lengths(store: Store, first: int, progress: Progress) -> IntArray:
    """The lengths of all rows from the first on."""
    return store.targets(progress).lengths_of(np.arange(first, store.rows))


def write_windows(windows: WindowIndex, writer: Store, lsn: int) -> None:
    """Write the snapshot, unless there is one of this commit."""
    record = writer.snapshot(WINDOWS)
    if record is None or record.lsn != lsn:
        library, said = windows.index.library, windows.settings.to_json()
        relatives = windows.relatives
        if relatives is not None:
            writer.write_snapshot(RELATIVES, partial(_write_relatives, relatives), lsn=lsn)
        writer.write_snapshot(WINDOWS, windows.save, parameters=said, library=library, lsn=lsn)


def _write_relatives(relatives: Relatives, path: Path) -> None:
    path.write_bytes(write_tensors(relatives._asdict(), {}))
