"""Ctrl-C and SIGTERM while the main thread is in code that no exception ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT

HASHING = "hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)"
"""Minutes of C without the GIL: what a kernel is to Python."""
SCRIPT = """
import hashlib, sys, time
from seqsearch.cli import interrupts
from seqsearch.files import atomic_write, unfinished
from pathlib import Path
interrupts.LEAVING = 0.3
interrupts.install()
folder = Path(sys.argv[1])
(folder / "half").mkdir()
(folder / "half" / "written").touch()
with atomic_write(folder / "x.txt") as file, unfinished(folder / "half"):
    file.write(b"half")
    print("ready", flush=True)
    WORK
"""


def started(work: str, folder: Path) -> subprocess.Popen[str]:
    """A process that is at `work`, with a file half-written."""

    def heed() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    script = SCRIPT.replace("WORK", work)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        env=environment,
        preexec_fn=heed,
        **told,  # type: ignore[call-overload]
    )
    assert command.stdout.readline() == "ready\n"
    time.sleep(0.1)
    return command  # type: ignore[no-any-return]


@pytest.mark.parametrize(("number", "code", "word"), [(2, 130, "interrupted"), (15, 143, "terminated")])
def test_a_kernel_is_ended_and_nothing_is_left(number: int, code: int, word: str, tmp_path: Path) -> None:
    command = started(HASHING, tmp_path)
    start = time.monotonic()
    command.send_signal(number)
    assert command.wait(timeout=30) == code
    assert time.monotonic() - start < 5  # half a second where nobody else is at work
    assert command.communicate()[1] == f"seqsearch: {word}\n"
    assert not list(tmp_path.iterdir())


def test_a_way_out_that_never_ends_is_cut_short(tmp_path: Path) -> None:
    work = f"try: time.sleep(60)\n    finally: {HASHING}"
    command = started(work, tmp_path)
    command.send_signal(signal.SIGINT)
    assert command.communicate()[1] == "seqsearch: interrupted\n"
    assert command.returncode == 130
    assert not list(tmp_path.iterdir())


def test_handlers_of_a_server_are_left_alone(tmp_path: Path) -> None:
    work = "import signal; signal.signal(15, lambda *_: print('mine', flush=True)); time.sleep(1.0); sys.exit(7)"
    command = started(work, tmp_path)
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=30) == 7
    assert command.communicate()[0] == "mine\n"
