"""What a search frees is not given back to the kernel, to be asked for again by the next one."""

import subprocess
import sys
import textwrap

import pytest

CODE = """
    import resource, sys
    import numpy as np
    from seqsearch.memory import keep_freed

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    if sys.argv[1] == "kept":
        keep_freed()
    for _ in range(4):
        before = faults()
        arrays = [np.ones(1 << 17) for _ in range(12)]  # a MB each
        del arrays
    print(faults() - before)
"""


def _faults(how: str) -> int:
    command = [sys.executable, "-c", textwrap.dedent(CODE), how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_arrays_that_were_freed_are_there_for_the_next():
    if _faults("freed") < 1000:
        pytest.skip("this C library keeps what is freed by itself")
    assert _faults("kept") < 100
