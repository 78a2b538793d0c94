"""Memory as Linux counts it: peaks, and the part that is no file of the page cache."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.02  # seconds between two looks
_FIELDS = ("RssAnon", "RssShmem")


def _kilobytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status has no {name}")


def peak_bytes() -> int:
    """Peak resident memory of this process since `forget_peak`, mapped files included."""
    return 1024 * _kilobytes("VmHWM")


def forget_peak() -> None:
    """Let the peak count from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def anonymous_bytes() -> int:
    """What this process holds itself now: mapped files, which the system may drop at any time, are not counted."""
    return 1024 * sum(_kilobytes(name) for name in _FIELDS)


class AnonymousPeak:
    """A context in which the greatest `anonymous_bytes` is watched, fifty times a second: `bytes`."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.bytes = max(self.bytes, anonymous_bytes())

    def __enter__(self) -> Self:
        self.bytes = anonymous_bytes()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.bytes = max(self.bytes, anonymous_bytes())
