"""What is published, into a folder: a source distribution, a wheel for every machine, and one with machine code.

    python tools/dist.py dist

Both wheels are made from the source distribution, unpacked, so that nothing of this working copy gets into them. The
last is for the Python that runs this and every x86 processor with AVX2; on others the first is taken, whose kernels are
compiled where they are first used. Done in build/dist, where machine code is kept for the next time.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEVEL = "x86-64-v3"
BUILD = (sys.executable, "-m", "hatchling", "build")
WARM_UP = (sys.executable, "-c", "from seqsearch.cli import main; main()", "warm-up", "--level", LEVEL)


def main(target: Path) -> None:
    """Make all three, and tell their sizes."""
    target.mkdir(parents=True, exist_ok=True)
    made = ROOT / "build" / "dist"
    for old in (*made.glob("*.tar.gz"), *made.glob("*.whl")):
        old.unlink()
    subprocess.run([*BUILD, "-t", "sdist", "-d", str(made)], cwd=ROOT, check=True)
    source = next(made.glob("*.tar.gz"))
    tree = _unpacked(source, made)
    environment = os.environ | {"PYTHONPATH": str(tree)}
    environment.pop("NUMBA_CACHE_DIR", None)
    with _put_aside(tree / "seqsearch" / "_kernels"):
        subprocess.run([*BUILD, "-t", "wheel", "-d", str(made)], cwd=tree, env=environment, check=True)
    if platform.machine().lower() in ("x86_64", "amd64"):
        subprocess.run(WARM_UP, cwd=tree, env=environment, check=True)
        subprocess.run([*BUILD, "-t", "wheel", "-d", str(made)], cwd=tree, env=environment, check=True)
    wheels = sorted(made.glob("*.whl"), key=lambda file: not file.name.endswith("none-any.whl"))
    for file in (source, *wheels):  # the one with machine code is the newest
        shutil.copy(file, target)
        print(f"{target / file.name}: {file.stat().st_size / 1e6:.1f} MB")


def _unpacked(source: Path, made: Path) -> Path:
    """The tree of a source distribution; machine code of an earlier one stays, and is used where its kernel is the
    same."""
    tree, kept = made / "tree", made / "kernels"
    if (tree / "seqsearch" / "_kernels").is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        (tree / "seqsearch" / "_kernels").rename(kept)
    shutil.rmtree(tree, ignore_errors=True)
    with tarfile.open(source) as archive:
        archive.extractall(made, filter="data")
    (made / source.name.removesuffix(".tar.gz")).rename(tree)
    if kept.is_dir():
        kept.rename(tree / "seqsearch" / "_kernels")
    return tree


@contextmanager
def _put_aside(folder: Path) -> Iterator[None]:
    """Without a folder, if it is there."""
    aside = folder.parents[1] / f"{folder.name}.aside"
    if folder.is_dir():
        folder.rename(aside)
    try:
        yield
    finally:
        if aside.is_dir():
            aside.rename(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
