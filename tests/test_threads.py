"""The number of threads, and processes: a child has right answers or an error, never a signal, never a wait."""

import pickle
import subprocess
import sys
import textwrap

import pytest

from seqsearch import threads
from seqsearch.errors import ForkError, MissingExtraError, ParameterError, SymbolError


def test_the_number_is_asked_for_at_each_call():
    with threads.using(1):
        assert threads.count() == 1
        with threads.using(None):
            assert threads.count() == threads.available()
        assert threads.count() == 1
    with pytest.raises(ParameterError, match="threads must be at least 1, not 0"):
        threads.use(0)


COMMON = """
    import multiprocessing, sys
    import numpy as np
    from seqsearch.distances import DTWDistance, EditDistance, distance_named
    from seqsearch.errors import ForkError
    from seqsearch.sequences import DNA, Sequences

    rng = np.random.default_rng(0)
    genes = Sequences.from_texts(["".join(rng.choice(list("ACGT"), 40)) for _ in range(40)], DNA)
    beats = Sequences.from_arrays(list(rng.standard_normal((12, 30)).astype(np.float32)))

    def edit():
        return float(EditDistance().matrix(genes[:9], genes).sum())

    def dtw():
        return float(DTWDistance().matrix(beats[:3], beats).sum())

    def exact():
        return float(distance_named("edit").exact(genes[:5], genes, 3).distances.sum())

    def kmers():
        from seqsearch.encoders.model import kmer_model
        return float(kmer_model(genes, 3).vectors(genes).sum())

    def network():
        import torch
        from seqsearch import threads
        threads.torch_threads()
        return float((torch.ones(300, 300) @ torch.ones(300, 300)).sum())

    WORK = {work.__name__: work for work in (edit, dtw, exact, kmers, network)}

    def answered(name):
        try:
            return WORK[name]()
        except ForkError as error:
            return str(error)

    def child(name, answers):
        answers.put((name, answered(name)))

    def asked(method, names):
        context = multiprocessing.get_context(method)
        answers = context.SimpleQueue()
        found = {}
        for name in names:
            process = context.Process(target=child, args=(name, answers))
            process.start()
            process.join(60)
            if process.exitcode != 0:
                process.kill()
                found[name] = f"exit code {process.exitcode}"
            else:
                found.update([answers.get()])
        return found
"""


def run(code: str, *arguments: str) -> str:
    whole = textwrap.dedent(COMMON) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", whole, *arguments], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", ["edit", "dtw", "network"])
def test_a_child_forked_after_threads_were_started_is_told(first):
    code = """
        answered(sys.argv[1])
        found = asked("fork", WORK)
        assert all('start processes by "spawn"' in str(answer) for answer in found.values()), found
        print(len(found))
    """
    assert run(code, first) == "5\n"


def test_a_child_of_such_a_child_is_told_too():
    code = """
        def middle(answers):
            answers.put(asked("fork", ["edit", "network"]))

        edit()
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()
        process = context.Process(target=middle, args=(answers,))
        process.start()
        found = answers.get()
        process.join(60)
        assert all("was forked" in str(answer) for answer in found.values()), found
        print(len(found))
    """
    assert run(code) == "2\n"


def test_children_forked_before_have_right_answers():
    code = """
        before = asked("fork", WORK)
        assert before == {name: work() for name, work in WORK.items()}, before
        print(len(before))
    """
    assert run(code) == "5\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_spawned_children_have_right_answers(tmp_path, method):
    script = tmp_path / "script.py"
    code = """
        if __name__ == "__main__":
            here = {name: work() for name, work in WORK.items()}
            there = asked(sys.argv[1], WORK)
            assert here == there, (here, there)
            print(len(there))
    """
    script.write_text(textwrap.dedent(COMMON) + textwrap.dedent(code))
    done = subprocess.run([sys.executable, script, method], capture_output=True, text=True, timeout=110, check=False)
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr


def test_errors_come_home_from_another_process():
    for error in (
        MissingExtraError("mido", "music"),
        SymbolError("symbol '?'", path="a.fa", line=3, record=2, record_id="x"),
        ForkError("forked"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))


@pytest.mark.parametrize("items", [0, 1, 7, 8, 100])
@pytest.mark.parametrize("number", [1, 2])
def test_blocks_are_all_done_once(items, number):
    done = []
    with threads.using(number):
        threads.in_blocks(items, 8, lambda first, last: done.append((first, last)))
    assert sorted(row for first, last in done for row in range(first, last)) == list(range(items))
    assert all(0 < last - first <= 8 for first, last in done)


def test_an_error_in_a_block_is_raised():
    def work(first, last):
        if first == 40:
            raise KeyError(first)

    with threads.using(2), pytest.raises(KeyError, match="40"):
        threads.in_blocks(10_000, 8, work)
