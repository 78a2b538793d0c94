"""What is published, into a folder: a source distribution, a wheel for every machine, and one with machine code.

    python tools/dist.py dist

Both wheels are made from the source distribution, unpacked, so that nothing of this working copy gets into them. The
last is for the Python that runs this and every x86 processor with AVX2; on others the first is taken, whose kernels are
compiled where they are first used.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEVEL = "x86-64-v3"
BUILD = (sys.executable, "-m", "hatchling", "build")
WARM_UP = (sys.executable, "-c", "from seqsearch.cli import main; main()", "warm-up", "--level", LEVEL)


def main(target: Path) -> None:
    """Make all three, and tell their sizes."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="seqsearch-dist-") as folder:
        made = Path(folder)
        subprocess.run([*BUILD, "-t", "sdist", "-d", str(made)], cwd=ROOT, check=True)
        source = next(made.glob("*.tar.gz"))
        with tarfile.open(source) as archive:
            archive.extractall(made, filter="data")
        tree = made / source.name.removesuffix(".tar.gz")
        environment = os.environ | {"PYTHONPATH": str(tree)}
        environment.pop("NUMBA_CACHE_DIR", None)
        subprocess.run([*BUILD, "-t", "wheel", "-d", str(made)], cwd=tree, env=environment, check=True)
        if platform.machine().lower() in ("x86_64", "amd64"):
            subprocess.run(WARM_UP, cwd=tree, env=environment, check=True)
            subprocess.run([*BUILD, "-t", "wheel", "-d", str(made)], cwd=tree, env=environment, check=True)
        wheels = sorted(made.glob("*.whl"), key=lambda file: not file.name.endswith("none-any.whl"))
        for file in (source, *wheels):  # the one with machine code is the newest
            shutil.copy(file, target)
            print(f"{target / file.name}: {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
