"""Is it as fast as the last release? Five timings, old and new in turn, in one run.

    python benchmarks/quick.py v0.2.0 [--rounds 5] [--only search] [--output quick.jsonl]
    python benchmarks/quick.py seqsearch-0.2.0-py3-none-any.whl

The base is a tag or commit of this repository, or a wheel; its package is laid into build/bench and run beside the
working tree by the same interpreter, in processes of its own. A first round of each does not count (kernels compile
in it). `build`: 10,000 V4 genes without learning; `search`: 1,000 queries at recall .99, in one batch; `exact`: 200 by
proof; `one`: a query alone, the mean of 200 (milliseconds); `dtw`: 200 of 5,000 series by proof. Each builds an index
of its own. `ratio` is new over old of the processor time, the median over rounds beside one another, `least` and `most`
its spread; "slower" or "faster" where all of that lies beyond 3%. Wall times are rows, too.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = ("build", "search", "exact", "one", "dtw")
NOISE = 0.03

_CHILD = """
import json, shutil, sys, time
import numpy as np
import seqsearch as ss

folder, cases = sys.argv[1], sys.argv[2].split(",")
ss.use_threads(int(sys.argv[3]))
took = {}

def timed(name, work, times=1):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    took[name] = ((time.perf_counter() - wall) / times, (time.process_time() - cpu) / times)

if {"build", "search", "exact", "one"} & set(cases):
    genes = ss.read("greengenes:v4")[:11000]
    queries, refs = genes[::11], genes[np.flatnonzero(np.arange(11000) % 11 != 0)]
    path = folder + "/genes.ss"
    def build():
        shutil.rmtree(path, ignore_errors=True)
        try:
            ss.SequenceIndex.build(path, refs, learn="none", seed=0).close()
        except (TypeError, ss.SeqsearchError):  # before there was such a level
            ss.SequenceIndex.build(path, refs, encoder="kmer", seed=0).close()
    if "build" in cases:
        timed("build", build)
    else:
        build()
    with ss.SequenceIndex.open(path) as index:
        index.search(queries[:64], 10), index.search(queries[:1], 10), index.search(queries[:8], 10, exact=True)
        if "search" in cases:
            timed("search", lambda: index.search(queries, 10), 5)
        if "exact" in cases:
            timed("exact", lambda: index.search(queries[:200], 10, exact=True))
        if "one" in cases:
            alone = iter([queries[n : n + 1] for n in range(300)])
            timed("one", lambda: index.search(next(alone), 10), 200)
if "dtw" in cases:
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.normal(size=(5200, 128, 1)), axis=1)
    stored, asked = ss.as_sequences(walks[200:]), ss.as_sequences(walks[:200])
    dtw = ss.distance_named("dtw", window=0.1)
    dtw.exact(asked[:2], stored, k=10)
    timed("dtw", lambda: dtw.exact(asked, stored, k=10))
print(json.dumps({"version": ss.__version__, "took": took}))
"""


def laid_out(base: str, folder: Path) -> Path:
    """A folder that holds the package of a wheel, or of a commit. Raises SystemExit for what is neither."""
    if base.endswith(".whl"):
        target = folder / Path(base).stem
        if not target.exists():
            with zipfile.ZipFile(base) as wheel:
                wheel.extractall(target)
        return target
    named = subprocess.run(
        ["git", "rev-parse", "--short", "--verify", f"{base}^{{commit}}"], cwd=ROOT, capture_output=True, text=True
    )
    if named.returncode:
        sys.exit(f"{base} is no wheel, tag or commit: name the last release, as v0.2.0 (git tag lists them)")
    target = folder / named.stdout.strip()
    if not target.exists():
        packed = subprocess.run(["git", "archive", base, "seqsearch"], cwd=ROOT, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(target, filter="data")
    return target


def run(package: Path, cases: list[str], folder: Path, threads: int) -> dict[str, list[float]]:
    """Seconds of each case in one process, by the wall and of the processor."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(folder), ",".join(cases), str(threads)],
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{package}: {done.stderr.strip()}")
    took: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])["took"]
    return took


def row(case: str, old: list[list[float]], new: list[list[float]]) -> dict[str, object]:
    """What came of one case: `old` and `new`, (rounds, 2) seconds."""
    ratios = [after[1] / before[1] for before, after in zip(old, new, strict=True)]
    least, most = min(ratios), max(ratios)
    verdict = "slower" if least > 1 + NOISE else "faster" if most < 1 - NOISE else "as before"
    unit, scale = ("ms", 1e3) if case == "one" else ("s", 1)
    told = {
        f"{when}_{what}_{unit}": round(scale * statistics.median(one[at] for one in rounds), 4)
        for when, rounds in (("old", old), ("new", new))
        for at, what in enumerate(("wall", "cpu"))
    }
    ratio = {"ratio": round(statistics.median(ratios), 3), "least": round(least, 3), "most": round(most, 3)}
    return {"case": case, **ratio, "verdict": verdict, **told, "rounds": len(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("base", help="the last release: a tag, a commit or a wheel")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help=f"some of {', '.join(CASES)}, with commas between")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    cases = options.only.split(",") if options.only else list(CASES)
    unknown = set(cases) - set(CASES)
    if unknown or options.rounds < 1:
        parser.error(f"--only takes some of {', '.join(CASES)}; --rounds at least 1")
    work = ROOT / "build" / "bench"
    packages = {"old": laid_out(options.base, work), "new": ROOT}
    for when, package in packages.items():
        print(f"{when}: {package}; the first round does not count", file=sys.stderr, flush=True)
        run(package, cases, work / f"{when}-work", options.threads)
    took: dict[str, list[dict[str, list[float]]]] = {"old": [], "new": []}
    for number in range(options.rounds):
        order = ("old", "new") if number % 2 == 0 else ("new", "old")
        for when in order:
            took[when].append(run(packages[when], cases, work / f"{when}-work", options.threads))
    rows = [row(case, *([one[case] for one in took[when]] for when in ("old", "new"))) for case in cases]
    for one in rows:
        print("  ".join(f"{name}={value}" for name, value in one.items()))
    if options.output:
        options.output.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    sys.exit(any(one["verdict"] == "slower" for one in rows))


if __name__ == "__main__":
    main()
