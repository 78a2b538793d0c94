"""Programs as whole processes, with their own wall time and peak memory.

Linux counts what a parent held when it started a program into the program's peak, so that a small process starts it.
That one looks ten times a second at what the program and its children hold together without mapped files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STARTER = """\
import os, resource, subprocess, sys, threading, time
most = 0
over = threading.Event()
def anonymous(session):
    total = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getsid(int(name)) == session:
                with open(f"/proc/{name}/status") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith(("RssAnon:", "RssShmem:")))
        except OSError:
            continue
    return total
def watch(session):
    global most
    while not over.wait(.1):
        most = max(most, anonymous(session))
start = time.perf_counter()
child = subprocess.Popen(sys.argv[2:], start_new_session=True)
watcher = threading.Thread(target=watch, args=(child.pid,))
watcher.start()
code = child.wait()
seconds = time.perf_counter() - start
over.set()
watcher.join()
with open(sys.argv[1], "w") as file:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, most, file=file)
sys.exit(code)
"""


@dataclass
class Usage:
    """What the programs since `reset` took: seconds of the wall and of processors together, the largest peak in bytes,
    and `anonymous`, the largest without mapped files (0 where a program ends within a tenth of a second).
    """

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    anonymous: int = 0

    def reset(self) -> None:
        self.seconds, self.cpu, self.peak, self.anonymous = 0.0, 0.0, 0, 0


USAGE = Usage()


def run(*arguments: Any) -> str:
    """Run a program and add to `USAGE`; its standard output. Raises RuntimeError with the end of what it said."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "usage"
        command = [sys.executable, "-I", "-S", "-c", _STARTER, str(told), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-400:]}")
        seconds, cpu, kilobytes, anonymous = told.read_text().split()
    USAGE.seconds += float(seconds)
    USAGE.cpu += float(cpu)
    USAGE.peak = max(USAGE.peak, 1024 * int(kilobytes))
    USAGE.anonymous = max(USAGE.anonymous, 1024 * int(anonymous))
    return done.stdout
