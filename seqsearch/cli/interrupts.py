"""Ctrl-C and SIGTERM, answered at once: also where the main thread is within a kernel, which no exception can end.

The main thread gets an exception, as usual, and cleans up on its way out. A thread beside it, which kernels do not hold
up because they run without the GIL, watches: where the exception cannot be raised in time, or the way out takes too
long, it removes what is half-written and ends the process.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WORDS = {130: "interrupted", 143: "terminated"}
PATIENCE = 0.5
"""Seconds that the main thread has to begin its way out."""
LEAVING = 3.0
"""Seconds that it has to get there."""

_heard = threading.Event()


class Terminated(BaseException):
    """SIGTERM: what is under way is ended as by an interrupt, so that nothing half-written stays."""


def install() -> None:
    """Heed both signals; Ctrl-C only where whoever started the process does: a shell's jobs in the background do not.

    Only for a process that is ours.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)  # a byte for each signal, when it comes
    os.register_at_fork(after_in_child=_forget)
    threading.Thread(target=_watch, args=(reading,), daemon=True, name="interrupts").start()


def _forget() -> None:
    """A forked child must not tell its parent's thread."""
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # who asks twice need not wait
    _heard.set()
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _watch(reading: int) -> None:
    while told := os.read(reading, 1):
        number = told[0]
        # a server that has handlers of its own ends as it likes
        if number in CODES and (signal.getsignal(number) is _leave or _heard.is_set()):
            _end(CODES[signal.Signals(number)])


def _end(code: int) -> None:
    """End the process, unless its main thread does in time."""
    from ..files import remove_unfinished

    if _heard.wait(PATIENCE):
        threading.Event().wait(LEAVING)
    remove_unfinished()
    with suppress(OSError):
        os.write(2, f"seqsearch: {WORDS[code]}\n".encode())
    os._exit(code)
