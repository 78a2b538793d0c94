"""Whole indexes and matcher folders of format 1, written before there were pipelines: they open and answer as then.

`golden/v1` was written by the version before `format_version` stood in the settings; `expected.json` holds what it
answered. Never write these files anew: that they are old is what they are for.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsearch import SequenceIndex, threads
from seqsearch.cli.main import run
from seqsearch.errors import CorruptIndexError, FormatVersionError, IndexExistsError, NotAnIndexError
from seqsearch.search.pairs import convert_matcher
from seqsearch.sequences import DNA, Sequences

GOLDEN = Path(__file__).parent / "golden" / "v1"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
ASKED = {"search": {}, "exact": {"exact": True}, "recall_90": {"recall": 0.9}, "candidates_20": {"candidates": 20}}


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(GOLDEN / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def queries(name: str) -> Sequences:
    if name in ("dna", "bits"):
        return Sequences.from_texts(EXPECTED["queries"]["dna"], DNA)
    return Sequences.from_arrays([np.array(series) for series in EXPECTED["queries"][name]])


@pytest.mark.parametrize("name", ["dna", "bits", "series"])
def test_an_index_of_format_1_answers_as_it_did(name: str, tmp_path: Path) -> None:
    wanted = EXPECTED[name]
    with threads.using(1), SequenceIndex.open(unpacked(f"{name}.ss", tmp_path)) as index:
        for which, budget in ASKED.items():
            found = index.search(queries(name), 5, **budget)  # type: ignore[arg-type]
            assert found.rows.tolist() == wanted[which]["rows"], which
            np.testing.assert_allclose(found.distances, wanted[which]["distances"], rtol=1e-12)
            assert [[hit.id for hit in hits] for hits in found] == wanted[which]["ids"]
        info = json.loads(json.dumps(index.info()))
        assert sum(info.pop("bytes_by_part").values()) == info.pop("bytes")
        assert info == wanted["info"]
        assert index.verify().problems == []


@pytest.mark.parametrize("name", ["dna", "bits", "series"])
def test_an_index_of_format_1_goes_on(name: str, tmp_path: Path) -> None:
    asked = queries(name)
    with SequenceIndex.open(unpacked(f"{name}.ss", tmp_path)) as index:
        index.add(asked)
        assert (index.search(asked, 1, exact=True).distances == 0).all()
        index.remove(list(asked.ids)[:3])
        index.compact()
        index.calibrate(sample=20)
        assert index.verify().problems == []


@pytest.mark.parametrize("name", ["matcher", "matcher-exact"])
def test_a_matcher_is_converted_and_answers_as_it_did(name: str, tmp_path: Path) -> None:
    wanted, old, new = EXPECTED[name], unpacked(f"{name}.match", tmp_path), tmp_path / "new.ss"
    with pytest.raises(FormatVersionError, match=r"`seqsearch convert .*\.match -o NEW\.ss`"):
        SequenceIndex.open(old)
    assert run(["convert", str(old), "-o", str(new), "-q"]) == 0
    with pytest.raises(IndexExistsError, match=r"new\.ss"):
        convert_matcher(old, new)
    with threads.using(1), SequenceIndex.open(new) as index:
        found = index.search(queries(name), 5)
        assert found.rows.tolist() == wanted["rows"]
        np.testing.assert_allclose(found.distances, wanted["scores"], rtol=1e-6)
        if wanted["confidence"] is None:
            assert found.confidence is None
        else:
            np.testing.assert_allclose(found.confidence, wanted["confidence"], atol=1e-6)
        budget, _ = index.budget(5)
        assert budget is not None
        assert list(budget.keeps) == wanted["keeps"]
        assert index.verify().problems == []
        index.add(Sequences.from_arrays([s.data for s in index.sequences[:2]], ids=["again1", "again2"]))
        assert len(index) == 42


def test_folders_that_are_no_sound_matchers(tmp_path: Path) -> None:
    place, new = unpacked("matcher.match", tmp_path), tmp_path / "new.ss"
    with pytest.raises(NotAnIndexError, match="holds no matcher"):
        convert_matcher(tmp_path, new)
    weights = next(place.glob("towers-*"))
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CorruptIndexError, match="towers-.* is damaged: its content has another digest"):
        convert_matcher(place, new)
    weights.unlink()
    with pytest.raises(CorruptIndexError, match="towers-.* cannot be read"):
        convert_matcher(place, new)
    document = json.loads((place / "matcher.json").read_text(encoding="utf-8"))
    (place / "matcher.json").write_text(json.dumps({**document, "version": 9}), encoding="utf-8")
    with pytest.raises(FormatVersionError, match="matcher version 9 is newer"):
        convert_matcher(place, new)
    (place / "matcher.json").write_text("{", encoding="utf-8")
    with pytest.raises(CorruptIndexError, match=r"matcher\.json cannot be read"):
        convert_matcher(place, new)
    assert not new.exists()
