"""A build that was interrupted anywhere is gone on with by the next one of the same, and ends as if nothing was."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqsearch import threads
from seqsearch.errors import DuplicateIdError, IndexExistsError, StorageFullError
from seqsearch.learning.plan import TrainingPlan
from seqsearch.search import SequenceIndex, build_rows
from seqsearch.sequences import DNA, Sequences, Strings
from seqsearch.store import Store, StoreBuilder
from seqsearch.store.environment import Environment

ROOT = Path(__file__).parents[2]
COUNT, PART = 400, 90


class Killed(BaseException):
    """What the process dies of."""


class Watcher:
    """Progress that counts the times it is told something, dies at one of them, and keeps the notes."""

    def __init__(self, dies_at=None):
        self.told, self.dies_at, self.notes, self.steps = 0, dies_at, [], {}

    def tell(self):
        self.told += 1
        if self.told == self.dies_at:
            raise Killed

    @contextmanager
    def task(self, description, total=None):
        watcher = self
        self.steps.setdefault(description, [])

        class Task:
            def advance(self, steps=1):
                watcher.steps[description].append(steps)
                watcher.tell()

            def say(self, text):
                pass

        self.tell()
        yield Task()
        self.tell()

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Many steps of few rows, on one thread: then one seed gives one graph."""
    monkeypatch.setattr(build_rows, "ROWS", 100)
    monkeypatch.setattr(build_rows, "SEALED", 150)
    before = threads.count()
    threads.use(1)
    yield
    threads.use(before)


def records(count=COUNT, seed=3):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGT"), rng.integers(20, 40))) for _ in range(count)]
    return Sequences.from_texts(texts, DNA, labels=[str(i % 3) for i in range(count)])


RECORDS = records()
OPTIONS = {"encoder": "kmer", "index": "hnsw", "seed": 5}


def build(path, dies_at=None, given=RECORDS, **options):
    watcher = Watcher(dies_at)
    parts = (given[start : start + PART] for start in range(0, len(given), PART))
    with SequenceIndex.build(path, parts, progress=watcher, **OPTIONS | options):
        pass
    return watcher


def contents(path):
    """Everything an index holds and answers."""
    with Store.open(path) as store:
        stored = store.sequences()
        rows = [stored.data.tobytes(), stored.offsets.tobytes(), list(stored.ids), list(stored.labels)]
        documents = [store.document(name) for name in ("settings", "calibration", "health", "model")]
        made = [store.blob("weights"), store.vectors().tobytes()]
        for name in ("candidates", "sequences"):
            record = store.snapshot(name)
            made.append(None if record is None else (record.digest, record.lsn))
        assert store.verify().ok
        position = store.generation, store.lsn, store.config
    with SequenceIndex.open(path) as index:
        found = index.search(records(20, seed=9), k=5)
        answers = [[(hit.id, hit.distance) for hit in hits] for hits in found]
    assert not (path / "building").exists()
    return rows, documents, made, position, answers


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "i.ss"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_rows, "ROWS", 100)
        patch.setattr(build_rows, "SEALED", 150)
        before = threads.count()
        threads.use(1)
        told = build(path).told
        threads.use(before)
    return contents(path), told


def folders(home):
    return sorted(name for name in os.listdir(home) if name.startswith("."))


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_killed_at_every_step(tmp_path, undisturbed, first):
    expected, told = undisturbed
    for step in range(first, told + 1, 4):
        path = tmp_path / f"{step}.ss"
        with pytest.raises(Killed):
            build(path, dies_at=step)
        assert not path.exists()
        assert len(folders(tmp_path)) == 1
        resumed = build(path)
        assert any("going on with an interrupted build" in note for note in resumed.notes)
        assert contents(path) == expected, f"killed at step {step}"
        assert folders(tmp_path) == []


@pytest.mark.parametrize("first", [1, 2, 3, 4])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_commit(tmp_path, undisturbed, monkeypatch, when, first):
    """Also those at the very end, when the index is finished and has yet to come to its path."""
    expected, _ = undisturbed
    write, left = Environment.write, 0

    def written(self, work, room=0):
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            raise Killed
        done = write(self, work, room)
        if left == 0:
            raise Killed
        return done

    monkeypatch.setattr(Environment, "write", written)
    for commit in range(first, 100, 4):
        left, path = commit, tmp_path / f"{commit}.ss"
        try:
            build(path)
        except Killed:
            left = 0
            build(path)
        else:
            break
        assert contents(path) == expected, f"killed {when} commit {commit}"
        assert folders(tmp_path) == []
    assert commit > 12


def test_killed_again_and_again(tmp_path, undisturbed):
    path, kills = tmp_path / "i.ss", 0
    while True:
        try:
            build(path, dies_at=8 + kills)
        except Killed:
            kills += 1
            assert len(folders(tmp_path)) == 1
            continue
        break
    assert kills > 3
    assert contents(path) == undisturbed[0]


def test_killed_while_it_moves_to_its_path(tmp_path, undisturbed, monkeypatch):
    def killed(*arguments):
        raise Killed

    for place, name in (("os.rename", "before"), ("seqsearch.store.leftovers.remove", "after")):
        path = tmp_path / f"{name}.ss"
        with monkeypatch.context() as patch:
            patch.setattr(place, killed)
            with pytest.raises(Killed):
                build(path)
        if name == "before":
            build(path)
        else:
            with Store.open(path, write=True):  # the next writer clears up
                pass
        assert contents(path) == undisturbed[0]


def test_a_process_that_is_killed(tmp_path, undisturbed):
    path = tmp_path / "i.ss"
    code = """
        import os, signal, sys
        sys.path.insert(0, "tests/search")
        from pathlib import Path
        import test_resume
        from seqsearch import threads
        threads.use(1)
        test_resume.build_rows.ROWS, test_resume.build_rows.SEALED = 100, 150
        test_resume.Watcher.tell = lambda self: (
            setattr(self, "told", self.told + 1),
            self.told == int(sys.argv[2]) and os.kill(os.getpid(), signal.SIGKILL),
        )
        test_resume.build(Path(sys.argv[1]))
    """
    for step in (3, 11):
        died = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), path, str(step)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert len(folders(tmp_path)) == 1
    resumed = build(path)
    assert resumed.notes[0].startswith("going on with an interrupted build: 400 records, the model")
    assert contents(path) == undisturbed[0]


def test_training_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    plan = replace(TrainingPlan(), steps=40, check=10, batch=32)
    monkeypatch.setattr(TrainingPlan, "of_effort", classmethod(lambda cls, effort: plan))
    options = {"encoder": "mlp", "index": "exact"}
    whole = build(tmp_path / "whole.ss", **options)
    before = sum(len(steps) for name, steps in whole.steps.items() if name != "training")
    with pytest.raises(Killed):
        build(tmp_path / "i.ss", dies_at=before // 2 + 25, **options)
    resumed = build(tmp_path / "i.ss", **options)
    first = resumed.steps["training"][0]
    assert 0 < first < 40
    assert first % 10 == 0
    assert contents(tmp_path / "i.ss") == contents(tmp_path / "whole.ss")


def test_a_record_has_changed(tmp_path, undisturbed):
    _, told = undisturbed
    names = list(RECORDS.ids)
    names[333] = "another"
    changed = Sequences(RECORDS.data, RECORDS.offsets, Strings.of(names), DNA, RECORDS.descriptions, RECORDS.labels)
    path = tmp_path / "i.ss"
    with pytest.raises(Killed):
        build(path, dies_at=told - 2)
    notes = build(path, given=changed).notes
    assert notes[1] == "record 334 (another) is not that of the interrupted build: this one starts anew"
    build(tmp_path / "whole.ss", given=changed)
    assert contents(path) == contents(tmp_path / "whole.ss")


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (COUNT + 50, "there are more records than the 400 of the interrupted build: this one starts anew"),
        (COUNT - 50, "there are 350 records, the interrupted build had 400: this one starts anew"),
    ],
)
def test_records_come_or_go(tmp_path, undisturbed, count, note):
    _, told = undisturbed
    others = records(500)[:count]
    path = tmp_path / "i.ss"
    with pytest.raises(Killed):
        build(path, dies_at=told - 2, given=records(500)[:COUNT])
    assert build(path, given=others).notes[1] == note
    build(tmp_path / "whole.ss", given=others)
    assert contents(path) == contents(tmp_path / "whole.ss")


def test_other_options_begin_anew(tmp_path, undisturbed):
    path = tmp_path / "i.ss"
    with pytest.raises(Killed):
        build(path, dies_at=10, recall=0.5)
    notes = build(path).notes
    assert notes == ["the remains of an interrupted build are removed: it had another recall"]
    assert contents(path) == undisturbed[0]


def test_no_resuming(tmp_path, undisturbed):
    path = tmp_path / "i.ss"
    with pytest.raises(Killed):
        build(path, dies_at=12)
    assert build(path, resume=False).notes == []
    assert contents(path) == undisturbed[0]
    assert folders(tmp_path) == []


def test_two_builders_at_once(tmp_path, undisturbed):
    """The remains go to one of them; the other begins by itself, and finds the path taken in the end."""
    path = tmp_path / "i.ss"
    with pytest.raises(Killed):
        build(path, dies_at=12)
    began = []

    class Second(Watcher):
        def tell(self):
            super().tell()
            if self.told == 3:
                began.append(build(path).notes)

    with pytest.raises(IndexExistsError):
        SequenceIndex.build(path, [RECORDS], progress=Second(), **OPTIONS)
    assert began == [[]]
    assert contents(path) == undisturbed[0]
    assert folders(tmp_path) == []


def test_damaged_remains_begin_anew(tmp_path, undisturbed):
    path = tmp_path / "i.ss"
    for place in ("records", "candidates"):
        with pytest.raises(Killed):
            build(path, dies_at=undisturbed[1] - 2)
        (folder,) = folders(tmp_path)
        file = tmp_path / folder / ("data-1.mdb" if place == "records" else "building/candidates")
        raw, letters = file.read_bytes(), RECORDS[200].data.tobytes()
        if place == "records":
            file.write_bytes(raw.replace(letters, letters[::-1]))
            wanted = "what an interrupted build left is damaged, this one starts anew: the checksum of"
        else:
            file.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
            wanted = "; building the candidate index again"
        notes = build(path).notes
        assert any(wanted in note for note in notes), notes
        assert contents(path) == undisturbed[0]
        shutil.rmtree(path)


def test_what_ends_a_build_for_good(tmp_path):
    """A bad record leaves nothing; a full disk leaves what is done."""
    path = tmp_path / "i.ss"
    with pytest.raises(DuplicateIdError):
        SequenceIndex.build(path, [RECORDS, RECORDS], **OPTIONS)
    assert os.listdir(tmp_path) == []
    watcher = Watcher()

    def full(self, *arguments):
        raise StorageFullError("no space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoreBuilder, "set_vectors", full)
        with pytest.raises(StorageFullError):
            SequenceIndex.build(path, [RECORDS], progress=watcher, **OPTIONS)
    assert watcher.notes == [f"{path}: what is done is kept: the same build goes on from there"]
    assert build(path).notes == ["going on with an interrupted build: 400 records, the model, 0 vectors are there"]


def test_an_index_that_is_replaced(tmp_path, undisturbed):
    path = tmp_path / "i.ss"
    build(path, recall=0.5)
    with pytest.raises(Killed):
        build(path, dies_at=15, overwrite=True)
    build(path, overwrite=True)
    rows, documents, _, position, answers = contents(path)
    assert (rows, documents, answers) == (undisturbed[0][0], undisturbed[0][1], undisturbed[0][4])
    assert position[0] == 2
    assert folders(tmp_path) == []
