"""Does the service hold what it promises? How fast it answers, and whether it is right while all goes wrong.

    python benchmarks/service.py --output results/service.jsonl            # all parts, some 6 minutes on 2 cores
    python benchmarks/service.py --part latency --rate 100 --seconds 30

latency: single queries at a fixed rate, from the moment when each was due; throughput: many clients, each with a
connection, against the same searches in one process, on the same core; soak: clients, a writer in another process and a
reader that is killed, each answer compared with the exact truth of a state that was committed; crash: the service is
killed -9 while records and jobs come, and nothing acknowledged may be lost; fuzz: requests of all kinds of nonsense.
Client and service share the machine: the service runs on the first core in `throughput`, clients on the second.

The index: the V4 region of Greengenes, 1,000 sequences held out, `--learn none`; built once into --work.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import numpy as np
from harness.measuring import Ledger
from harness.web import Connection, Served, request, search_request

import seqsearch as ss
from seqsearch.distances import distance_named

PARTS = ("latency", "throughput", "soak", "crash", "fuzz")
K = 10
TOKEN, READ = "a-token-that-may-write-0123456789", "a-token-that-may-read-9876543210"


def main() -> None:
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options.output)
    for part in options.part or PARTS:
        row = globals()[part](options)
        for earlier in [row for row in ledger.rows if row["part"] == part]:
            ledger.rows.remove(earlier)
        if ledger.path is not None:
            ledger.path.write_text("".join(json.dumps(each) + "\n" for each in ledger.rows), "utf-8")
        ledger.add({"part": part, **row})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--index", type=Path, help="an index of V4, with V4.queries.fasta beside it")
    parser.add_argument("--work", type=Path, default=Path("service-work"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0, help="of latency and throughput")
    parser.add_argument("--soak-seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second of latency")
    parser.add_argument("--clients", type=int, default=64, help="of throughput")
    parser.add_argument("--batch", type=int, default=50, help="queries of a request of throughput")
    parser.add_argument("--readers", type=int, default=32, help="clients of the soak")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000, help="of fuzz")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def genes(options: argparse.Namespace) -> tuple[Path, list[str]]:
    """The index, and letters of sequences it never saw."""
    place = options.index or options.work / "v4.ss"
    queries = place.with_name(f"{place.name.removesuffix('.ss')}.queries.fasta")
    if not place.exists():
        everything = ss.read("greengenes:v4")
        order = np.random.default_rng(0).permutation(len(everything))
        ss.write_fasta(queries, everything[np.sort(order[:1000])])
        ss.SequenceIndex.build(place, everything[np.sort(order[1000:])], learn="none", recall=0.99).close()
    return place, ss.read(queries).texts()


# -- how fast ---------------------------------------------------------------------------------------------------------


def latency(options: argparse.Namespace) -> dict[str, Any]:
    """Single queries, one every 1 / rate seconds, whether or not the last one was answered."""
    place, queries = genes(options)
    with Served(place, log=options.work / "latency.log") as served:
        asked = [
            search_request(place.name.removesuffix(".ss"), {"queries": [{"sequence": one}], "k": K}) for one in queries
        ]
        asyncio.run(_at_rate(served.port, asked, options.rate, 2.0))
        before = served.seconds()
        took, statuses = asyncio.run(_at_rate(served.port, asked, options.rate, options.seconds))
        busy = (served.seconds() - before) / options.seconds
    p50, p99, most = (1000 * float(np.quantile(took, share)) for share in (0.5, 0.99, 1.0))
    return {
        "data": place.name,
        "rate": options.rate,
        "requests": len(took),
        "p50_ms": p50,
        "p99_ms": p99,
        "max_ms": most,
        "cores_of_service": busy,
        "failed": sum(count for status, count in statuses.items() if status != 200),
    }


async def _at_rate(port: int, asked: list[bytes], rate: float, seconds: float) -> tuple[list[float], Counter[int]]:
    idle = [Connection(port) for _ in range(32)]
    took, statuses, running = list[float](), Counter[int](), set[asyncio.Task[None]]()
    start = time.perf_counter() + 0.05

    async def one(content: bytes, due: float) -> None:
        connection = idle.pop() if idle else Connection(port)
        status, _ = await connection.ask(content)
        took.append(time.perf_counter() - due)
        statuses[status] += 1
        idle.append(connection)

    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(one(asked[number % len(asked)], due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    for connection in idle:
        connection.close()
    return took, statuses


def throughput(options: argparse.Namespace) -> dict[str, Any]:
    """Clients that ask again as soon as they are answered; and the same searches in one process, on the same core."""
    place, queries = genes(options)
    first, *others = sorted(os.sched_getaffinity(0))
    inside = _inside(place, {first}, options.seconds / 3)
    name, batch = place.name.removesuffix(".ss"), options.batch
    asked = []
    for start in range(0, len(queries), batch):
        some = [{"sequence": one} for one in queries[start : start + batch]]
        asked.append(search_request(name, {"queries": some, "k": K}))
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(others) or {first})
    try:
        with Served(place, "--threads", 1, cores={first}, log=options.work / "throughput.log") as served:
            asyncio.run(_as_fast(served.port, asked, options.clients, 2.0))
            answered, statuses = asyncio.run(_as_fast(served.port, asked, options.clients, options.seconds))
    finally:
        os.sched_setaffinity(0, everywhere)
    outside = answered * batch / options.seconds
    return {
        "data": place.name,
        "clients": options.clients,
        "batch": batch,
        "qps": outside,
        "in_process_qps": inside,
        "share": outside / inside,
        "service_cores": 1,
        "client_cores": max(1, len(others)),
        "failed": sum(count for status, count in statuses.items() if status != 200),
    }


def _inside(place: Path, cores: set[int], seconds: float) -> float:
    """Queries a second of one process on these cores, all queries at once."""
    done = subprocess.run(
        [sys.executable, "-c", _INSIDE, str(place), str(seconds), ",".join(map(str, cores))],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


_INSIDE = """
import os, sys, time
os.sched_setaffinity(0, set(map(int, sys.argv[3].split(","))))
import seqsearch as ss
ss.use_threads(1)
index = ss.SequenceIndex.open(sys.argv[1])
queries = ss.read(sys.argv[1].removesuffix(".ss") + ".queries.fasta")
index.search(queries, 10)
start, done = time.perf_counter(), 0
while time.perf_counter() - start < float(sys.argv[2]):
    index.search(queries, 10)
    done += len(queries)
print(done / (time.perf_counter() - start))
"""


async def _as_fast(port: int, asked: list[bytes], clients: int, seconds: float) -> tuple[int, Counter[int]]:
    end, statuses = time.perf_counter() + seconds, Counter[int]()

    async def client(number: int) -> None:
        connection = Connection(port)
        while time.perf_counter() < end:
            status, _ = await connection.ask(asked[number % len(asked)])
            if time.perf_counter() < end:
                statuses[status] += 1
            number += clients
        connection.close()

    await asyncio.gather(*map(client, range(clients)))
    return statuses[200], statuses


# -- whether it is right ----------------------------------------------------------------------------------------------


@dataclass
class Commit:
    """A state: ids that are there after a change; seconds (monotonic) before the change began and when it was done."""

    ids: frozenset[str]
    began: float
    done: float


@dataclass
class Seen:
    """An answer: of which query, when it was asked for and came, and the ids and distances in it."""

    query: int
    asked: float
    came: float
    hits: list[tuple[str, float]] = field(default_factory=list)


def soak(options: argparse.Namespace) -> dict[str, Any]:
    """Clients, a writer in another process, a reader that is killed: every answer is that of a committed state."""
    rng = np.random.default_rng(options.seed)
    everything = ss.read("greengenes:v4")
    chosen = everything[np.sort(rng.choice(len(everything), 3400, replace=False))]
    base, spare, queries = chosen[:3000], chosen[3000:3300], chosen[3300:3364]
    place = options.work / "soak.ss"
    shutil.rmtree(place, ignore_errors=True)
    ss.SequenceIndex.build(place, base, learn="none", recall=0.99).close()
    stored = chosen[:3300]
    truth = _matrix(queries, stored)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    writer = context.Process(target=_write, args=(place, spare.texts(), list(spare.ids), options.seed, there))
    with Served(place, log=options.work / "soak.log") as served:
        writer.start()
        here.recv()
        end = time.monotonic() + options.soak_seconds
        reader = context.Process(target=_read, args=(place, queries.texts()), daemon=True)
        reader.start()
        seen, statuses, killed = asyncio.run(_readers(served.port, queries.texts(), options.readers, end, reader))
        here.send("stop")
        commits: list[Commit] = here.recv()
        writer.join()
    first = Commit(frozenset(base.ids), 0.0, 0.0)
    wrong = _wrong(seen, [first, *commits], truth, list(stored.ids))
    return {
        "seconds": options.soak_seconds,
        "clients": options.readers,
        "answers": len(seen),
        "commits": len(commits),
        "readers_killed": killed,
        "wrong": wrong,
        "status_5xx": sum(count for status, count in statuses.items() if status >= 500 or status == 0),
        "status_429": statuses[429],
    }


def _matrix(queries: ss.Sequences, stored: ss.Sequences) -> np.ndarray:
    """(Q, n) exact distances."""
    q, n = len(queries), len(stored)
    rows, columns = np.repeat(np.arange(q), n), np.tile(np.arange(n), q)
    return distance_named("edit").pairs(queries, rows, stored, columns).reshape(q, n)


def _write(place: Path, texts: list[str], names: list[str], seed: int, pipe: Pipe) -> None:
    """Add and remove some of the spare sequences until told to stop; then send all commits."""
    rng, commits = random.Random(seed), list[Commit]()
    with ss.SequenceIndex.open(place) as index:
        there = frozenset(index.sequences.ids)
        base = sorted(there)
        pipe.send("ready")
        while not pipe.poll():
            inside = [name for name in names if name in there]
            outside = [row for row, name in enumerate(names) if name not in there]
            if outside and (not inside or rng.random() < 0.5):
                rows = rng.sample(outside, min(len(outside), rng.randint(1, 20)))
                some = ss.as_sequences([texts[row] for row in rows], "dna", ids=[names[row] for row in rows])
                after, began = there | set(some.ids), time.monotonic()
                index.add(some)
            else:
                gone = rng.sample(inside, rng.randint(1, len(inside)))
                after, began = there - set(gone), time.monotonic()
                index.remove(gone)
            commits.append(Commit(after, began, time.monotonic()))
            there = after
            time.sleep(rng.uniform(0.0, 0.2))
        assert set(base) <= there
    pipe.recv()
    pipe.send(commits)


def _read(place: Path, texts: list[str]) -> None:
    """A reader that is killed while it searches."""
    index = ss.SequenceIndex.open(place)
    while True:
        index.refresh()
        index.search(texts[:8], K)


async def _readers(
    port: int, texts: list[str], clients: int, end: float, reader: Any
) -> tuple[list[Seen], Counter[int], int]:
    seen, statuses, killed = list[Seen](), Counter[int](), 0

    async def client(number: int) -> None:
        rng, connection = random.Random(number), Connection(port)
        while time.monotonic() < end:
            some = [rng.randrange(len(texts)) for _ in range(rng.choice((1, 1, 1, 4)))]
            body = {"queries": [{"sequence": texts[one]} for one in some], "k": K, "exact": True}
            asked = time.monotonic()
            status, answer = await connection.ask(search_request("soak", body))
            came = time.monotonic()
            statuses[status] += 1
            if status != 200:
                await asyncio.sleep(0.1)
                continue
            for one, result in zip(some, json.loads(answer)["results"], strict=True):
                hits = [(hit["target"], float(hit["distance"])) for hit in result["hits"]]
                seen.append(Seen(one, asked, came, hits))
        connection.close()

    async def killer() -> None:
        nonlocal killed
        await asyncio.sleep((end - time.monotonic()) / 2)
        reader.kill()
        killed += 1

    await asyncio.gather(killer(), *map(client, range(clients)))
    return seen, statuses, killed


_STALE = 0.25
"""Seconds for which an answer may be of the state before: readers look for commits fifty times a second, and a turn of
the engine may have begun before."""


def _wrong(seen: list[Seen], commits: list[Commit], truth: np.ndarray, names: list[str]) -> int:
    """Answers that are those of no state which was committed between question (less what may be stale) and answer."""
    row = {name: at for at, name in enumerate(names)}
    masks = [np.isin(np.array(names, object), list(commit.ids)) for commit in commits]
    nearest = [np.sort(np.where(mask, truth, np.inf), axis=1)[:, :K] for mask in masks]
    wrong = 0
    for one in seen:
        fits = False
        for at, commit in enumerate(commits):
            ended = commits[at + 1].done if at + 1 < len(commits) else np.inf
            if commit.began > one.came or ended + _STALE < one.asked:
                continue
            distances = [apart for _, apart in one.hits]
            rows = [row.get(name, -1) for name, _ in one.hits]
            fits = (
                len(set(rows)) == K
                and min(rows) >= 0
                and bool(masks[at][rows].all())
                and bool((truth[one.query, rows] == distances).all())
                and bool((nearest[at][one.query] == distances).all())
            )
            if fits:
                break
        wrong += not fits
    return wrong


def crash(options: argparse.Namespace) -> dict[str, Any]:
    """Killed -9 while records and jobs come: what was acknowledged is there after a restart."""
    rng = np.random.default_rng(options.seed)
    everything = ss.read("greengenes:v4")
    chosen = everything[np.sort(rng.choice(len(everything), 2600, replace=False))]
    place, jobs = options.work / "crash.ss", options.work / "jobs"
    for old in (place, jobs):
        shutil.rmtree(old, ignore_errors=True)
    ss.SequenceIndex.build(place, chosen[:2000], learn="none", recall=0.9).close()
    texts = chosen[2000:].texts()
    known, finished, lost_writes, lost_jobs, unfinished = list[str](), dict[str, bytes](), 0, 0, 0
    served = Served(place, "--writable", "--jobs", jobs, log=options.work / "crash.log")
    submitted: set[str] = set()
    try:
        for number in range(options.kills):
            delay = random.Random(options.seed + number).uniform(0.5, 3.0)
            asyncio.run(_changes(served, texts, number, delay, known, submitted, finished))
            served.start()
            lost_writes += asyncio.run(_missing(served.port, known))
            changed = asyncio.run(_results(served.port, finished))
            lost_jobs += sum(changed[job] != result for job, result in finished.items())
        unfinished = asyncio.run(_left(served.port, submitted))
    finally:
        served.stop()
    with ss.SequenceIndex.open(place) as index:
        sound = index.verify().ok
    return {
        "kills": options.kills,
        "writes": len(known),
        "lost_writes": lost_writes,
        "jobs": len(submitted),
        "jobs_seen_finished": len(finished),
        "lost_jobs": lost_jobs,
        "unfinished_jobs": unfinished,
        "index_sound": sound,
    }


async def _changes(
    served: Served,
    texts: list[str],
    turn: int,
    seconds: float,
    known: list[str],
    submitted: set[str],
    finished: dict[str, bytes],
) -> None:
    """Records and jobs, until the service is killed."""
    end = time.monotonic() + seconds

    async def records() -> None:
        connection, number = Connection(served.port), 0
        while True:
            name = f"new{turn}-{number}"
            body = json.dumps({"records": [{"id": name, "sequence": texts[number % len(texts)]}]}).encode()
            status, _ = await connection.ask(request("POST", "/v1/indexes/crash/records", body))
            if status == 0:
                return
            if status == 201:
                known.append(name)
            number += 1

    async def jobs() -> None:
        connection = Connection(served.port)
        while True:
            body = json.dumps({"index": "crash", "queries": [{"sequence": one} for one in texts[:40]], "k": 3})
            status, answer = await connection.ask(request("POST", "/v1/jobs", body.encode()))
            if status == 0:
                return
            if status == 202:
                submitted.add(json.loads(answer)["id"])
            await asyncio.sleep(0.05)
            for job in [job for job in submitted if job not in finished][:5]:
                status, answer = await connection.ask(request("GET", f"/v1/jobs/{job}"))
                if status == 200 and json.loads(answer)["status"] == "done":
                    status, answer = await connection.ask(request("GET", f"/v1/jobs/{job}/result?format=json"))
                    if status == 200:
                        finished[job] = answer

    async def killer() -> None:
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        await asyncio.to_thread(served.kill)

    await asyncio.gather(records(), jobs(), killer())


async def _missing(port: int, known: list[str]) -> int:
    connection = Connection(port)
    body = json.dumps({"ids": known, "records": False}).encode()
    _, answer = await connection.ask(request("POST", "/v1/indexes/crash/records/lookup", body))
    connection.close()
    return sum(not held for held in json.loads(answer)["held"])


async def _results(port: int, finished: dict[str, bytes]) -> dict[str, bytes]:
    connection, found = Connection(port), {}
    for job in finished:
        found[job] = (await connection.ask(request("GET", f"/v1/jobs/{job}/result?format=json")))[1]
    connection.close()
    return found


async def _left(port: int, submitted: set[str]) -> int:
    """Jobs that are not done within a minute."""
    connection, left, end = Connection(port), set(submitted), time.monotonic() + 60
    while left and time.monotonic() < end:
        for job in list(left):
            status, answer = await connection.ask(request("GET", f"/v1/jobs/{job}"))
            if status == 200 and json.loads(answer)["status"] == "done":
                left.discard(job)
        await asyncio.sleep(0.1)
    connection.close()
    return len(left)


# -- nonsense ---------------------------------------------------------------------------------------------------------


def fuzz(options: argparse.Namespace) -> dict[str, Any]:
    """Requests of all kinds of nonsense, with and without a token: no 500, no growth, nothing without a token."""
    rng = np.random.default_rng(options.seed)
    everything = ss.read("greengenes:v4")
    chosen = everything[np.sort(rng.choice(len(everything), 1000, replace=False))]
    place, tokens = options.work / "fuzz.ss", options.work / "tokens.txt"
    for old in (place, options.work / "fuzz-jobs"):
        shutil.rmtree(old, ignore_errors=True)
    ss.SequenceIndex.build(place, chosen, learn="none", recall=0.9).close()
    tokens.write_text(f"write {TOKEN}\nread {READ}\n")
    told = ("--token-file", tokens, "--writable", "--jobs", options.work / "fuzz-jobs", "--max-body", 1 << 20)
    with Served(place, *told, log=options.work / "fuzz.log") as served:
        nonsense = Nonsense(random.Random(options.seed), chosen[:50].texts(), list(chosen[:50].ids))
        asyncio.run(_thrown(served.port, nonsense, options.requests // 10))  # until all is loaded
        before = served.anonymous()
        start = time.perf_counter()
        statuses, unguarded, held = Counter[int](), 0, [before]
        for _ in range(4):
            some, without = asyncio.run(_thrown(served.port, nonsense, options.requests // 4))
            statuses, unguarded = statuses + some, unguarded + without
            held.append(served.anonymous())
        took = time.perf_counter() - start
        alive = served.process.poll() is None
    return {
        "requests": options.requests,
        "seconds": took,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "status_500": statuses[500],
        "answered_without_token": unguarded,
        "growth_mb": (held[-1] - before) / 2**20,
        "growth_by_quarter_mb": [round((after - earlier) / 2**20, 1) for earlier, after in itertools.pairwise(held)],
        "alive": alive,
    }


async def _thrown(port: int, nonsense: Nonsense, count: int) -> tuple[Counter[int], int]:
    statuses, unguarded, left = Counter[int](), 0, iter(range(count))

    async def client() -> None:
        nonlocal unguarded
        connection = Connection(port)
        for _ in left:
            content, guarded = nonsense.request()
            status, _ = await connection.ask(content)
            statuses[status] += 1
            unguarded += guarded and status not in (0, 400, 401, 413)
        connection.close()

    await asyncio.gather(*(client() for _ in range(8)))
    return statuses, unguarded


class Nonsense:
    """Requests that are wrong in one way or many, and some that are right."""

    def __init__(self, rng: random.Random, texts: list[str], names: list[str]) -> None:
        self.rng, self.texts, self.names = rng, texts, names
        self.asks = ("search", "search", "novelty", "classify", "align", "embed", "records", "records/lookup", "jobs")

    def request(self) -> tuple[bytes, bool]:
        """The bytes, and whether it comes without a right token to what asks for one."""
        rng = self.rng
        wrong = (None, "", "wrong" * 5, TOKEN[:-1], "ü" * 20)
        token = rng.choice(wrong) if rng.random() < 0.2 else rng.choice((TOKEN, TOKEN, READ))
        ask = rng.choice(self.asks)
        method, path = rng.choice(("POST", "POST", "PUT", "DELETE")) if ask == "records" else "POST", self.path(ask)
        if not path.startswith("/v1/indexes/fuzz/" + ask) and path != "/v1/jobs":
            method = "GET"
        if rng.random() < 0.1:
            method = rng.choice(("GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "QUERY"))
        body, kind = self.body(ask)
        return request(method, path, body, kind, token), token not in (TOKEN, READ) and path.startswith("/v1")

    def path(self, ask: str) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            return "/v1/jobs" if ask == "jobs" else f"/v1/indexes/fuzz/{ask}"
        name = rng.choice(("fuzz",) * 8 + ("nothing", "..", "%2e%2e", "fuzz%00", "a" * 500))
        one = rng.choice([*self.names, "nothing", "%ff%fe", "../../etc/passwd", "a/b", "%0a", "x" * 2000])
        paths = ["/v1/indexes", f"/v1/indexes/{name}/info", f"/v1/indexes/{name}/records/{one}", "/v1/jobs"]
        paths += [f"/v1/jobs/{rng.randbytes(16).hex()}", f"/v1/jobs/{one}/result?format={one}", "/v1", "//v1/indexes"]
        paths += [f"/v1/indexes/{name}/records?label={one}&limit={self.number()}&offset={self.number()}"]
        paths += [f"/v1/indexes/{name}/search?k={self.number()}&columns={one}&exact={one}", "/v1/%2e%2e/", "/metrics"]
        paths += ["/", "/index.html", "/../setup.py", "/%2e%2e/%2e%2e/app.py", "/openapi.json", "/healthz", "/readyz"]
        return rng.choice(paths).replace(" ", "%20")

    def number(self) -> object:
        return self.rng.choice((0, 1, 2, 5, 10, -1, 10**6, 10**30, 1.5, 1e308, "1e999", "NaN", True, None, "", "ten"))

    def body(self, ask: str) -> tuple[bytes, str]:
        """A body and the type it is sent as."""
        rng, kind = self.rng, "application/json"
        if rng.random() < 0.05:
            kind = rng.choice(("text/x-fasta", "text/plain", "", "application/json; charset=x", "x/y"))
        made = json.dumps(self.fields(ask), ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
        change = rng.random()
        if change < 0.05:
            return made[: rng.randrange(len(made) + 1)], kind
        if change < 0.12:
            broken = bytearray(made)
            for _ in range(rng.randint(1, 5)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            return bytes(broken), kind
        if change < 0.15:
            odd = (b"", b"[" * 5000, b'{"a":' * 3000, b"null", b"\xff\xfe\x00", rng.randbytes(300))
            return rng.choice(odd), kind
        if change < 0.25:
            fasta = "".join(f">{name}\n{self.letters()}\n" for name in self.names[:3])
            return fasta.encode("utf-8", "replace"), "text/x-fasta"
        return made, kind

    def letters(self) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            return rng.choice(self.texts)
        return rng.choice(
            ("", "ACGT", "acgtn", "AC GT", "ACGU", "MKVLAAGIV", "\u0000", "é" * 9, "N" * 200, "A" * 5000, "\ud800")
        )

    def value(self) -> object:
        rng = self.rng
        plain: list[object] = [
            self.number(),
            self.letters(),
            rng.choice(self.names),
            [],
            {},
            [1, "a", None],
            {"a": [1]},
        ]
        return rng.choice(plain)

    def fields(self, ask: str) -> dict[str, object]:
        """Those of a question, most of them right."""
        rng = self.rng
        ids = [*self.names, "", "\u0000", None]
        count = rng.choice((0, 1, 1, 1, 3, 30))
        queries = [{"id": rng.choice(ids), "sequence": self.letters()} for _ in range(count)]
        made: dict[str, object] = {"queries": queries}
        if rng.random() < 0.2:
            made = {"fasta": "\n".join(self.letters() for _ in range(3))}
        if ask in ("search", "jobs"):
            made["k"] = rng.choice((1, 3, 10))
            made |= rng.choice(({}, {}, {"alignment": True}, {"novelty": True}, {"records": True}, {"strand": "both"}))
            if rng.random() < 0.2:
                made |= {"exact": "within", "max_distance": rng.choice((0, 3, 20, 1e9))}
        if ask == "jobs":
            made["index"] = "fuzz"
        elif ask == "align":
            made = {"query": {"sequence": self.letters()}, "targets": rng.choices(self.names, k=3)}
        elif ask == "records":
            new = {"id": f"new{rng.random()}", "sequence": self.letters(), "label": "x", "columns": {}}
            made = {"records": [new]} if rng.random() < 0.7 else {"ids": rng.choices([*self.names, "no", ""], k=2)}
        elif ask == "records/lookup":
            made = {"ids": rng.choices([*self.names, "nothing", ""], k=rng.choice((0, 1, 5)))}
        if rng.random() < 0.15:
            odd = ("label = x", "length > 100", "(((", "a" * 3000, "not " * 900 + "x = 1", "id in (1", "\u0000")
            made["where"] = rng.choice(odd)
        names = ("recall", "candidates", "exact", "max_distance", "strand", "where", "columns", "alignment", "novelty")
        names += ("records", "k", "method", "fpr", "abstain", "weighting", "queries", "fasta", "values", "ids", "label")
        for name in rng.sample(names, rng.choice((0, 0, 0, 0, 0, 1, 2))):
            made[name] = self.value()
        return made


if __name__ == "__main__":
    main()
