"""Every format version ever released still loads."""

import shutil
from pathlib import Path

import lmdb
import numpy as np
import pytest
from make_golden import IDS, make, records
from store_cases import same

from seqsearch.store import Store

GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name)
def golden(request, tmp_path):
    """A copy: opening leaves lock files."""
    return Path(shutil.copytree(request.param, tmp_path / "index"))


def test_a_golden_index_loads(golden):
    sequences, vectors = records()
    with Store.open(golden) as store:
        assert store.verify().problems == []
        left = [i for i in range(22) if IDS[i] not in ("id3", "id5", "größe", "id7")]
        order = [*left, 7, 3]
        rows = store.rows_of([IDS[i] for i in order])
        assert np.all(np.diff(rows) > 0)
        assert len(store) == len(order)
        assert same(store.sequences(rows), sequences[order])
        expected = vectors[order] + (np.array(order) == 7)[:, None]
        assert np.array_equal(store.vectors(rows), expected)
        assert (store.config, store.generation) == ({"golden": True}, 2)
        assert store.document("model") == {"name": "golden", "numbers": [1, 2.5]}
        assert store.blob("weights") == bytes(range(256))
        record = store.snapshot("graph")
        assert record is not None
        assert record.parameters == {"M": 16}
        assert store.snapshot_file("graph").read_bytes() == b"golden graph"
        assert [(kind, len(changed)) for kind, changed in store.log_since(record.lsn)] == [("add", 1)]


def test_a_golden_index_can_be_changed(golden):
    sequences, vectors = records()
    with Store.open(golden, write=True) as store:
        store.append(sequences[5:6], vectors[5:6])
        store.compact()
        assert store.verify().problems == []
        assert "id5" in store


def values(path):
    """Every key and value; the pages around them are LMDB's affair."""
    with lmdb.open(str(path), subdir=False, readonly=True, lock=False) as env, env.begin() as transaction:
        return dict(transaction.cursor())


def test_this_version_writes_what_is_golden(tmp_path):
    """A change of format must not happen unnoticed: it asks for a new version and a new golden index."""
    make(tmp_path / "index")
    assert values(tmp_path / "index" / "data-2.mdb") == values(GOLDEN[-1] / "data-2.mdb")
