"""The store against a dict, over any sequence of changes, with a reader that looks whenever it likes."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store_cases import dna, points

from seqsearch.errors import DuplicateIdError, UnknownIdError
from seqsearch.store import Store, StoreBuilder

NAMES = [f"n{i}" for i in range(12)] + ["", "é" * 300]
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)


class StoreMachine(RuleBasedStateMachine):
    """`model` is what the writer holds, `seen` what the reader last looked at: id -> (text, vector)."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "index"
        self.model = {}
        self.seen = {}
        self.draws = 0

    def _records(self, names):
        self.draws += 1
        sequences, vectors = dna(names, self.draws), points(len(names), self.draws)
        return sequences, vectors, dict(zip(names, zip(sequences.texts(), vectors.tolist(), strict=True), strict=True))

    @initialize(names=SOME)
    def build(self, names):
        sequences, vectors, content = self._records(names)
        builder = StoreBuilder(self.path)
        builder.append(sequences, vectors)
        self.writer = builder.finish()
        self.model |= content
        self.reader = Store.open(self.path)
        self.seen = dict(self.model)
        self.replayed = (self.writer.generation, self.writer.lsn, set(range(self.writer.rows)))

    @rule(names=SOME)
    def append(self, names):
        sequences, vectors, content = self._records(names)
        before = self.writer.lsn
        taken = [name for name in names if name in self.model]
        if taken:
            with pytest.raises(DuplicateIdError, match=r"already") as caught:
                self.writer.append(sequences, vectors)
            assert caught.value.record_id == taken[0]
            assert self.writer.lsn == before
        else:
            self.writer.append(sequences, vectors)
            self.model |= content

    @rule(names=SOME)
    def delete(self, names):
        missing = [name for name in names if name not in self.model]
        if missing:
            with pytest.raises(UnknownIdError) as caught:
                self.writer.delete(names)
            assert repr(missing[0]) in str(caught.value)
        else:
            self.writer.delete(names)
            for name in names:
                del self.model[name]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def update(self, data):
        names = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=4, unique=True))
        sequences, vectors, content = self._records(names)
        self.writer.update(sequences, vectors)
        for name in names:
            del self.model[name]
        self.model |= content

    @rule()
    def compact(self):
        self.writer.compact()
        assert self.writer.rows == len(self.model)
        assert self.writer.rows == len(self.writer)

    @rule(number=st.integers(0, 5))
    def document(self, number):
        self.writer.put_document("note", number)
        assert self.reader.document("note") == number or self.reader.generation != self.writer.generation

    @rule()
    def snapshot(self):
        record = self.writer.write_snapshot("graph", lambda path: path.write_bytes(b"graph"))
        assert self.writer.snapshot("graph") == record
        assert self.writer.snapshot_file("graph").read_bytes() == b"graph"

    @rule(write_first=st.booleans())
    def reopen(self, write_first):
        self.writer.close()
        if write_first:
            self.reader.close()
            self.writer = Store.open(self.path, write=True)
            self.reader = Store.open(self.path)
        else:
            self.reader.close()
            self.reader = Store.open(self.path)
            self.writer = Store.open(self.path, write=True)
        self.seen = dict(self.model)

    @rule()
    def refresh(self):
        changed = (self.reader.generation, self.reader.lsn) != (self.writer.generation, self.writer.lsn)
        assert self.reader.refresh() == changed
        self.seen = dict(self.model)

    @rule()
    def replay(self):
        generation, lsn, live = self.replayed
        operations = self.writer.log_since(lsn) if generation == self.writer.generation else None
        if operations is None:
            assert generation != self.writer.generation
            live = set(np.flatnonzero(self.writer.live()).tolist())
        else:
            for kind, rows in operations:
                live = live - set(rows.tolist()) if kind == "delete" else live | set(rows.tolist())
        assert live == set(np.flatnonzero(self.writer.live()).tolist())
        self.replayed = (self.writer.generation, self.writer.lsn, live)

    @rule()
    def verify(self):
        assert self.writer.verify().problems == []

    def _content(self, store):
        rows = np.flatnonzero(store.live())
        sequences = store.sequences(rows)
        return dict(zip(sequences.ids, zip(sequences.texts(), store.vectors(rows).tolist(), strict=True), strict=True))

    @invariant()
    def the_writer_holds_the_model(self):
        if hasattr(self, "writer"):
            assert self._content(self.writer) == self.model
            assert len(self.writer) == len(self.model)
            found = self.writer.find(NAMES)
            assert {name for name, row in zip(NAMES, found, strict=True) if row >= 0} == set(self.model)

    @invariant()
    def the_reader_shows_what_it_last_saw(self):
        if hasattr(self, "reader"):
            assert self._content(self.reader) == self.seen
            assert all((name in self.reader) == (name in self.seen) for name in NAMES)

    def teardown(self):
        for name in ("writer", "reader"):
            if hasattr(self, name):
                getattr(self, name).close()
        shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestStoreMachine = StoreMachine.TestCase
