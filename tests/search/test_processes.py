"""Handles in other processes: a forked child opens the index anew, and one that cannot go on is told so (trial E9)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, write_fasta
from tests.families import families

ROOT = Path(__file__).parents[2]
PROGRAM = """
import multiprocessing, sys
sys.path.insert(0, {root!r})
import seqsearch as ss
from seqsearch.errors import ForkError
from seqsearch.sequences import DNA

def ask(texts):
    queries = ss.Sequences.from_texts(texts, DNA)
    try:
        return [[(hit.id, hit.distance) for hit in hits] for hits in index.search(queries, 3)]
    except ForkError as error:
        return str(error)

index = ss.SequenceIndex.open({path!r})
if __name__ == "__main__":
    queries = {queries!r}
    context = multiprocessing.get_context({method!r})
    if {before!r}:
        here = ask(queries)
    with context.Pool(2) as pool:
        there = pool.map(ask, [queries] * 3)
    here = ask(queries)
    index.remove(["s0"])
    assert index.verify().ok, "the parent goes on"
    print("error" if isinstance(there[0], str) else "answers" if there == [here] * 3 else "wrong", flush=True)
    if isinstance(there[0], str):
        print(there[0])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("before", [False, True], ids=["unused", "used"])
def test_children_answer_or_are_told(method: str, before: bool, tmp_path: Path) -> None:
    stored = families(30, 10, 40)
    path, script = str(tmp_path / "i.ss"), tmp_path / "program.py"
    SequenceIndex.build(path, stored, encoder="kmer", index="hnsw").close()
    queries = families(5, 1, 40, seed=2).texts()
    script.write_text(PROGRAM.format(root=str(ROOT), path=path, queries=queries, method=method, before=before))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    outcome, *message = ended.stdout.splitlines()
    if method == "fork" and before:
        assert outcome == "error"
        assert "spawn" in message[0]
    else:
        assert outcome == "answers"


def test_another_process_changes_what_this_one_searches(tmp_path: Path) -> None:
    stored, path = families(30, 10, 40), tmp_path / "i.ss"
    more = families(1, 3, 40, seed=2, prefix="new")
    write_fasta(tmp_path / "more.fasta", more)
    with SequenceIndex.build(path, stored, encoder="kmer", index="hnsw") as index:
        assert len(index.search(more, 1)) == 3
        code = "from seqsearch.cli import main; main()"
        added = subprocess.run(
            [sys.executable, "-c", code, "add", str(path), str(tmp_path / "more.fasta"), "-q"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert added.returncode == 0, added.stderr
        assert "new0" not in index
        assert index.refresh()
        assert (index.search(more, 1, exact=True).distances == 0).all()


POOL = """
import asyncio, multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, {root!r})
import seqsearch as ss

def ask(index, texts):
    return index.search(texts, 3)

if __name__ == "__main__":
    queries = {queries!r}
    with ss.SequenceIndex.open({path!r}) as index:
        here = ask(index, queries)
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            there = list(pool.map(ask, [index] * 3, [queries] * 3))
        async def in_threads():
            return await asyncio.gather(*(asyncio.to_thread(ask, index, queries) for _ in range(3)))
        answers = there + asyncio.run(in_threads())
        expected = [[(hit.id, hit.distance, hit.sequence.text) for hit in hits] for hits in here]
        assert all([[(h.id, h.distance, h.sequence.text) for h in hits] for hits in got] == expected for got in answers)
        print("answers")
"""


def test_an_index_is_handed_to_processes_and_threads(tmp_path: Path) -> None:
    path, script = str(tmp_path / "i.ss"), tmp_path / "program.py"
    SequenceIndex.build(path, families(30, 10, 40), encoder="kmer", index="hnsw").close()
    queries = families(5, 1, 40, seed=2).texts()
    script.write_text(POOL.format(root=str(ROOT), path=path, queries=queries))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout) == (0, "answers\n"), ended.stderr
