"""Programs as whole processes, with their own wall time and peak memory.

Linux counts what a parent held when it started a program into the program's peak, so that a small process starts it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STARTER = """\
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[2:])
seconds = time.perf_counter() - start
with open(sys.argv[1], "w") as file:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, file=file)
sys.exit(code)
"""


@dataclass
class Usage:
    """What the programs since `reset` took: seconds of the wall and of processors together, the largest peak."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0

    def reset(self) -> None:
        self.seconds, self.cpu, self.peak = 0.0, 0.0, 0


USAGE = Usage()


def run(*arguments: Any) -> str:
    """Run a program and add to `USAGE`; its standard output. Raises RuntimeError with the end of what it said."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "usage"
        command = [sys.executable, "-I", "-S", "-c", _STARTER, str(told), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-400:]}")
        seconds, cpu, kilobytes = told.read_text().split()
    USAGE.seconds += float(seconds)
    USAGE.cpu += float(cpu)
    USAGE.peak = max(USAGE.peak, 1024 * int(kilobytes))
    return done.stdout
