from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_kernels_compile_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Neither beside the source nor in the home folder: in a folder of the process, which goes with it."""
    program = """
import os
os.access = lambda path, mode: False
from seqsearch.jit import kernel
from seqsearch.kernel_cache import writable_folder

@kernel()
def twice(number):
    return 2 * number

assert twice(4) == 8
assert os.listdir(writable_folder())
print(writable_folder())
"""
    path = tmp_path / "program.py"
    path.write_text(program)
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    said = subprocess.run([sys.executable, path], capture_output=True, text=True, env=environment)
    assert said.returncode == 0, said.stderr
    assert not os.path.exists(said.stdout.strip())
