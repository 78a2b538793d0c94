"""Can an index be trusted? Processes killed while they write, files damaged at random, readers beside a writer.

    python benchmarks/reliability.py --kills 500 --corruptions 1000 --seconds 60 --output reliability.jsonl

Every part drives a `Target`: how to build, open, change and read out one kind of index. `StoreTarget` is the store by
itself; another front door needs only these few methods.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seqsearch.errors import CorruptIndexError, SeqsearchError
from seqsearch.sequences import DNA, Sequences
from seqsearch.store import Store, StoreBuilder

Items = dict[str, str]  # id -> letters
Handle = Any
DIM = 16


class Target(Protocol):
    """One kind of index, as the parts below see it."""

    name: str

    def build(self, path: Path, items: Items) -> None:
        """A new index of `items`, closed."""

    def open(self, path: Path, *, write: bool) -> Handle:
        """An open index; it has `close()`."""

    def add(self, handle: Handle, items: Items) -> None: ...

    def remove(self, handle: Handle, ids: list[str]) -> None: ...

    def compact(self, handle: Handle) -> None: ...

    def snapshot(self, handle: Handle) -> None:
        """Write whatever is derived from the rows."""

    def refresh(self, handle: Handle) -> None: ...

    def contents(self, handle: Handle) -> Items:
        """Everything the index holds, read through every way it has to be read; AssertionError when they disagree."""

    def facts(self, handle: Handle) -> Any:
        """What else a build makes, which must not depend on whether it was killed and gone on with."""


def vector_of(letters: str) -> np.ndarray:
    """A vector that only these letters have, so that a vector under a wrong record is noticed."""
    seed = int.from_bytes(hashlib.blake2b(letters.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).normal(size=DIM).astype(np.float32)


class StoreTarget:
    """The store by itself."""

    name = "store"
    graph = b"a graph made from the rows " * 2000

    def build(self, path: Path, items: Items) -> None:
        with StoreBuilder(path, config={"made": "here"}) as builder:
            builder.append(*self._columns(items))
            builder.put_document("model", {"weights": 3, "name": "x" * 300})
            builder.put_blob("weights", bytes(range(256)) * 300)
            builder.finish(self.snapshot).close()  # what is derived is there when the index appears, or neither is

    def _columns(self, items: Items) -> tuple[Sequences, np.ndarray]:
        vectors = np.array([vector_of(letters) for letters in items.values()], np.float32).reshape(-1, DIM)
        return Sequences.from_texts(items.values(), DNA, items), vectors

    def open(self, path: Path, *, write: bool) -> Store:
        return Store.open(path, write=write)

    def add(self, handle: Store, items: Items) -> None:
        handle.append(*self._columns(items))

    def remove(self, handle: Store, ids: list[str]) -> None:
        handle.delete(ids)

    def compact(self, handle: Store) -> None:
        handle.compact()

    def snapshot(self, handle: Store) -> None:
        handle.write_snapshot("graph", lambda path: path.write_bytes(self.graph), library="none 1.0")
        handle.save_sequences()

    def refresh(self, handle: Store) -> None:
        handle.refresh()

    def contents(self, handle: Store) -> Items:
        rows = np.flatnonzero(handle.live())
        sequences, vectors = handle.sequences()[rows], handle.vectors()[rows]
        ids, texts = list(sequences.ids), sequences.texts()
        assert len(set(ids)) == len(ids) == len(handle), "an id is live twice"
        expected = np.array([vector_of(letters) for letters in texts], np.float32).reshape(-1, DIM)
        assert np.array_equal(vectors, expected), "a vector is not that of its record"
        mapped = handle.targets()  # from the files as far as they reach and hold
        assert mapped.digest() == handle.sequences().digest(), "the mapped sequences are not those of the database"
        assert list(mapped.ids.take(rows)) == ids, "the mapped ids are not those of the database"
        some = rows[:: max(1, len(rows) // 20)]
        assert handle.sequences(some).texts() == handle.sequences()[some].texts(), "gathering reads something else"
        assert np.array_equal(handle.vectors(some), handle.vectors()[some]), "gathering reads something else"
        assert np.array_equal(handle.rows_of(ids[::7]), rows[::7]), "an id leads to another row"
        assert handle.document("model") == {"weights": 3, "name": "x" * 300}, "a document changed"
        assert handle.blob("weights") == bytes(range(256)) * 300, "a blob changed"
        assert handle.config == {"made": "here"}, "the configuration changed"
        try:
            if handle.snapshot("graph") is not None:
                assert handle.snapshot_file("graph").read_bytes() == self.graph, "a snapshot changed"
        except (CorruptIndexError, FileNotFoundError):
            if not handle.outdated and handle.snapshot_file("graph").read_bytes() != self.graph:
                raise
        return dict(zip(ids, texts, strict=True))

    def facts(self, handle: Store) -> Any:
        return handle.document("model"), handle.generation, handle.lsn


def random_items(rng: random.Random, count: int, prefix: str) -> Items:
    """`count` records of 30 to 120 letters."""
    return {f"{prefix}{i}": "".join(rng.choices("ACGT", k=rng.randint(30, 120))) for i in range(count)}


# -- kill -9 -----------------------------------------------------------------------------------------------------------


def kill_rounds(target: Target, folder: Path, rounds: int, seed: int) -> dict[str, Any]:
    """A child changes the index until it is killed; what it acknowledged must be there, what it began whole or not."""
    rng = random.Random(seed)
    path = folder / "killed"
    state = random_items(rng, 300, "start")
    target.build(path, state)
    counts: Counter[str] = Counter()
    for number in range(rounds):
        lines = _killed_child(target, path, state, rng, number)
        before, after, acknowledged = _replayed(state, lines)
        counts["acknowledged"] += acknowledged
        try:
            with target.open(path, write=rng.random() < 0.5) as handle:
                found = target.contents(handle)
        except (SeqsearchError, AssertionError) as error:
            counts["failed"] += 1
            print(f"round {number}: {error}", file=sys.stderr)
            break
        if found not in (before, after):
            counts["lost"] += 1
            print(f"round {number}: {len(found)} items, {len(before)} acknowledged", file=sys.stderr)
            break
        counts["in flight kept" if found == after != before else "in flight dropped or none"] += 1
        state = found
    return {"part": "kill -9", "target": target.name, "rounds": rounds, **counts}


def _killed_child(target: Target, path: Path, state: Items, rng: random.Random, number: int) -> list[str]:
    """The lines that a child printed before it was killed at a random moment."""
    seed, wait = rng.randrange(2**32), rng.random() ** 2 * 0.25
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            _change_for_ever(target, path, dict(state), random.Random(seed), number, writing)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as lines:
        first = lines.readline()  # the child has the index open
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        rest = lines.read()
    _, status = os.waitpid(child, 0)
    if not first or os.WIFEXITED(status):
        raise RuntimeError(f"round {number}: the child ended by itself")
    return rest.split("\n")


def _change_for_ever(target: Target, path: Path, state: Items, rng: random.Random, number: int, out: int) -> None:
    handle = target.open(path, write=True)
    os.write(out, b"open\n")
    step = 0
    while True:
        step += 1
        kind = rng.choices(["add", "remove", "compact", "snapshot"], [6, 5, 1, 1])[0]
        if kind == "remove" and len(state) < 50:
            kind = "add"
        gone = rng.sample(sorted(state), rng.randint(1, 40)) if kind == "remove" else []
        come = random_items(rng, rng.choice([1, 5, 30, 80]), f"r{number}s{step}n") if kind == "add" else {}
        os.write(out, (json.dumps({"begin": kind, "come": come, "gone": gone}) + "\n").encode())
        if kind == "add":
            target.add(handle, come)
        elif kind == "remove":
            target.remove(handle, gone)
        elif kind == "compact":
            target.compact(handle)
        else:
            target.snapshot(handle)
        os.write(out, b'{"done": true}\n')
        state = _changed(state, come, gone)


def _changed(state: Items, come: Items, gone: list[str]) -> Items:
    left = set(gone)
    return {key: value for key, value in state.items() if key not in left} | come


def _replayed(state: Items, lines: list[str]) -> tuple[Items, Items, int]:
    """The state after the last acknowledged change, after the one in flight, and how many were acknowledged."""
    after, acknowledged = state, 0
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue  # cut off by the kill: nothing had begun
        if "done" in said:
            state, acknowledged = after, acknowledged + 1
        else:
            after = _changed(state, said["come"], said["gone"])
    return state, after, acknowledged


def kill_builds(target: Target, folder: Path, rounds: int, seed: int) -> dict[str, Any]:
    """A child that builds is killed: at the path there is nothing, or the complete index. The next child finds what it
    left, and goes on with it where the target can; what it ends with is what a build makes that nobody disturbs."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    items = random_items(rng, 400, "b")
    started = time.perf_counter()
    target.build(folder / "whole", items)
    usual = time.perf_counter() - started
    with target.open(folder / "whole", write=False) as handle:
        expected = items, target.facts(handle)
    path = folder / "built"
    for _ in range(rounds):
        remains = any(folder.glob(".built.building-*"))
        child = os.fork()
        if child == 0:
            target.build(path, items)
            os._exit(0)
        time.sleep(rng.random() ** 2 * usual * 3)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not path.exists():
            counts["nothing there"] += 1
            continue
        with target.open(path, write=False) as handle:
            right = (target.contents(handle), target.facts(handle)) == expected
        counts["complete" if right else "wrong"] += 1
        counts["complete after a kill"] += right and remains
        shutil.rmtree(path)
    return {"part": "kill -9 while building", "target": target.name, "rounds": rounds, **counts}


# -- damaged files -----------------------------------------------------------------------------------------------------


def corruption_rounds(target: Target, folder: Path, rounds: int, seed: int) -> dict[str, Any]:
    """Damage a copy of an index; a child reads and changes it. Detected or harmless: no signal, no wrong answer."""
    rng = random.Random(seed)
    pristine, other, older = folder / "pristine", folder / "other", folder / "older"
    truth = random_items(rng, 700, "c")
    target.build(pristine, truth)
    target.build(other, random_items(rng, 700, "d"))
    with target.open(pristine, write=True) as handle:
        for step in range(6):
            more = random_items(rng, 40, f"more{step}n")
            target.add(handle, more)
            truth |= more
            gone = rng.sample(sorted(truth), 20)
            target.remove(handle, gone)
            truth = _changed(truth, {}, gone)
            if step == 3:
                shutil.copytree(pristine, older)
        target.snapshot(handle)
    with target.open(pristine, write=False) as handle:
        assert target.contents(handle) == truth
    counts: Counter[str] = Counter()
    failures: list[str] = []
    for number in range(rounds):
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(pristine, copy)
        what = _damage(copy, other, older, rng)
        kind = what.split()[0]
        outcome = _outcome(target, copy, truth, number)
        counts[f"{kind}: {outcome}" if outcome in ("detected", "harmless") else "bad"] += 1
        counts[outcome if outcome in ("detected", "harmless") else "bad outcomes"] += 1
        if outcome not in ("detected", "harmless"):
            failures.append(f"round {number}: {what}: {outcome}")
            print(failures[-1], file=sys.stderr)
            shutil.copytree(copy, folder / f"bad-{number}", dirs_exist_ok=True)
    return {
        "part": "corruption",
        "target": target.name,
        "rounds": rounds,
        **counts,
        "failures": failures[:20],
        "no signal, no wrong answer": not failures,
    }


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def _damage(copy: Path, other: Path, older: Path, rng: random.Random) -> str:
    """Damage one file and say how."""
    files = _files(copy)
    path = rng.choices(files, [max(path.stat().st_size, 1) ** 0.5 for path in files])[0]
    kind = rng.choice(
        ["bit", "bits", "structure", "structure", "truncate", "zero", "garbage", "pages", "swap", "remove"]
    )
    raw = bytearray(path.read_bytes())
    size, page = len(raw), 4096
    pages = max(1, size // page)
    at = rng.randrange(size)
    if kind == "structure":  # aim at what LMDB walks: meta, branch and leaf pages
        path = max(files, key=lambda file: file.stat().st_size if file.suffix == ".mdb" else 0)
        raw = bytearray(path.read_bytes())
        walked = [i for i in range(len(raw) // page) if raw[i * page + 10] in (1, 2, 8) and raw[i * page + 11] == 0]
        start = rng.choice(walked) * page
        at = start + rng.choice([rng.randrange(page), rng.randrange(16, 200), rng.randrange(24)])
        for _ in range(rng.choice([1, 1, 2])):
            raw[min(at + rng.randrange(4), len(raw) - 1)] ^= 1 << rng.randrange(8)
    elif kind == "bit":
        raw[at] ^= 1 << rng.randrange(8)
    elif kind == "bits":
        for _ in range(rng.randint(2, 200)):
            raw[rng.randrange(size)] ^= 1 << rng.randrange(8)
    elif kind == "truncate":
        del raw[rng.choice([at, at // page * page, rng.randrange(min(size, 3 * page))]) :]
    elif kind == "zero":
        start = rng.randrange(pages) * page
        stop = min(size, start + page * rng.choice([1, 1, 2, 8]))
        raw[start:stop] = bytes(stop - start)
    elif kind == "garbage":
        stop = min(size, at + rng.choice([1, 8, 100, 5000]))
        raw[at:stop] = rng.randbytes(stop - at)
    elif kind == "pages":
        one, two = (rng.randrange(pages) * page for _ in range(2))
        raw[one : one + page], raw[two : two + page] = raw[two : two + page], raw[one : one + page]
    elif kind == "swap":
        source = rng.choice([other, older])
        name = path.relative_to(copy)
        same = source / name
        if not same.exists():
            same = rng.choice(_files(source))
        raw = bytearray(same.read_bytes())
        kind = f"swap-{source.name}"
    else:
        path.unlink()
        return f"remove {path.relative_to(copy)}"
    path.write_bytes(raw)
    return f"{kind} {path.relative_to(copy)} at {at}"


def _outcome(target: Target, copy: Path, truth: Items, number: int) -> str:
    """What a child makes of a damaged index: "detected", "harmless", or what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        said = "harmless"
        try:
            signal.alarm(60)
            _use(target, copy, truth, random.Random(number))
        except SeqsearchError as error:
            said = "detected" if str(copy) in str(error) else f"no path in: {error}"
        except AssertionError as error:
            said = f"WRONG ANSWER: {error}"
        except BaseException:
            said = traceback.format_exc()
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as words:
        said = words.read()
    _, status = os.waitpid(child, 0)
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else said


def _use(target: Target, path: Path, truth: Items, rng: random.Random) -> None:
    """Read everything, then change it in every way, reading everything again in between."""
    with target.open(path, write=False) as handle:
        assert target.contents(handle) == truth, "the contents are not what was committed"
    with target.open(path, write=True) as handle:
        steps: list[Callable[[], Items]] = [
            lambda: _added(target, handle, truth, rng),
            lambda: _removed(target, handle, truth, rng),
            lambda: _compacted(target, handle, truth),
        ]
        rng.shuffle(steps)
        for step in [*steps, *steps[:2]]:
            truth = step()
            assert target.contents(handle) == truth, "the contents are not what was committed"
    with target.open(path, write=False) as handle:
        assert target.contents(handle) == truth, "the contents are not what was committed"


def _added(target: Target, handle: Handle, truth: Items, rng: random.Random) -> Items:
    more = random_items(rng, rng.choice([1, 50, 300]), f"late{len(truth)}n")
    target.add(handle, more)
    return truth | more


def _removed(target: Target, handle: Handle, truth: Items, rng: random.Random) -> Items:
    gone = rng.sample(sorted(truth), 30)
    target.remove(handle, gone)
    return _changed(truth, {}, gone)


def _compacted(target: Target, handle: Handle, truth: Items) -> Items:
    target.compact(handle)
    return truth


# -- one writer, many readers ------------------------------------------------------------------------------------------


def beside_each_other(target: Target, folder: Path, seconds: float, readers: int, seed: int) -> dict[str, Any]:
    """One process writes, others read all the time: each reading must be exactly one committed state.

    The state is in the ids: batch b is the records b.0 .. b.9, added together and removed together, so that what is
    read must consist of whole batches, and of a run of consecutive ones.
    """
    path = folder / "shared"
    target.build(path, _batch(0))
    until = time.monotonic() + seconds
    reading, writing = os.pipe()
    children = [_fork(lambda: _write_batches(target, path, until, seed), writing)]
    children += [_fork(lambda: _read_batches(target, path, until), writing) for _ in range(readers)]
    os.close(writing)
    with os.fdopen(reading) as words:
        said = [json.loads(line) for line in words.read().splitlines()]
    codes = [os.waitpid(child, 0)[1] for child in children]
    errors = [line["error"] for line in said if "error" in line]
    return {
        "part": "one writer, many readers",
        "target": target.name,
        "seconds": seconds,
        "readers": readers,
        **{name: sum(line.get(name, 0) for line in said) for name in ("commits", "readings", "states")},
        "errors": errors[:5],
        "sound": not errors and not any(codes),
    }


def _fork(work: Callable[[], dict[str, Any]], out: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            said = work()
        except BaseException:
            said = {"error": traceback.format_exc()}
        os.write(out, (json.dumps(said) + "\n").encode())
        os._exit(0)
    return child


def _batch(number: int) -> Items:
    return random_items(random.Random(number), 10, f"{number}.")


def _write_batches(target: Target, path: Path, until: float, seed: int) -> dict[str, Any]:
    """Adds a batch, and removes the oldest while there are more than 20; compacts now and then."""
    rng = random.Random(seed)
    first, last, commits = 0, 0, 0
    with target.open(path, write=True) as handle:
        while time.monotonic() < until:
            last += 1
            target.add(handle, _batch(last))
            commits += 1
            if last - first > 20:
                target.remove(handle, list(_batch(first)))
                first, commits = first + 1, commits + 1
            if rng.random() < 0.02:
                target.compact(handle)
                commits += 1
            if rng.random() < 0.05:
                target.snapshot(handle)
                commits += 1
    return {"commits": commits}


def _read_batches(target: Target, path: Path, until: float) -> dict[str, Any]:
    readings, newest, states = 0, -1, set()
    with target.open(path, write=False) as handle:
        while time.monotonic() < until:
            found = target.contents(handle)
            present = sorted({int(key.split(".")[0]) for key in found})
            expected: Items = {}
            for number in present:
                expected |= _batch(number)
            assert found == expected, "half a batch"
            assert present == list(range(present[0], present[-1] + 1)), f"batches {present}"
            assert present[-1] >= newest, "time ran backwards"
            newest = present[-1]
            states.add((present[0], present[-1]))
            readings += 1
            target.refresh(handle)
    return {"readings": readings, "states": len(states)}


def main(target: Target, arguments: list[str] | None = None) -> int:
    """Run the parts asked for; 1 when any of them found something wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--builds", type=int, default=50)
    parser.add_argument("--corruptions", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="append rows as JSON lines")
    parser.add_argument("--folder", type=Path, help="work here and leave it; by default a temporary folder")
    asked = parser.parse_args(arguments)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="reliability-"))
    folder.mkdir(exist_ok=True)
    parts: list[Callable[[], dict[str, Any]]] = []
    if asked.kills:
        parts.append(lambda: kill_rounds(target, folder, asked.kills, asked.seed))
    if asked.builds:
        parts.append(lambda: kill_builds(target, folder, asked.builds, asked.seed))
    if asked.corruptions:
        parts.append(lambda: corruption_rounds(target, folder, asked.corruptions, asked.seed))
    if asked.seconds:
        parts.append(lambda: beside_each_other(target, folder, asked.seconds, asked.readers, asked.seed))
    wrong = 0
    for part in parts:
        started = time.perf_counter()
        row = part() | {"wall_s": round(time.perf_counter() - started, 1)}
        print(json.dumps(row, indent=1))
        bad = [row.get(name) for name in ("failed", "lost", "wrong", "bad outcomes", "errors")]
        wrong += any(bad)
        if asked.output:
            with asked.output.open("a") as file:
                file.write(json.dumps(row) + "\n")
    if asked.folder is None:
        shutil.rmtree(folder)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(StoreTarget()))
