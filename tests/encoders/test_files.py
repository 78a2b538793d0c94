from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch.encoders.model import Model, kmer_model, unlearned_model
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.encoders.npy_rows import NpyRows, npy_rows
from seqsearch.errors import CorruptIndexError, FormatVersionError, InputError, MismatchError
from seqsearch.sequences import DNA, Sequences
from tests.families import families


def test_a_model_file_gives_the_same_model(tmp_path: Path) -> None:
    sequences = families(5, 4, 30)
    model = unlearned_model(sequences, "hyperbolic")
    save_model(model, tmp_path / "a.model")
    again = load_model(tmp_path / "a.model")
    assert again.digest() == model.digest()
    points = again.embed(sequences)
    np.testing.assert_array_equal(points, model.embed(sequences))
    assert 0.1 < np.median(np.linalg.norm(points, axis=1)) < 0.3
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.model"]


def test_files_that_are_no_models(tmp_path: Path) -> None:
    place = tmp_path / "a.model"
    with pytest.raises(InputError, match="a.model: cannot be read: No such file"):
        load_model(place)
    with pytest.raises(InputError, match="is a folder: a model is one file"):
        load_model(tmp_path)
    for content in (b"", b">s1\nACGT\n", bytes(64)):
        place.write_bytes(content)
        with pytest.raises(CorruptIndexError, match="a.model is not a model file"):
            load_model(place)
    save_model(kmer_model(Sequences.from_texts(["ACGT"], DNA)), place)
    newer = place.read_bytes().replace(b'\\"model_version\\": 2', b'\\"model_version\\": 9')
    place.write_bytes(newer)
    with pytest.raises(FormatVersionError, match="model version 9 is newer"):
        load_model(place)


def test_rows_arrive_in_parts(tmp_path: Path) -> None:
    place = tmp_path / "a.npy"
    parts = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 3), np.float32), np.ones((5, 3), np.float32)]
    with npy_rows(place) as rows:
        for part in parts:
            rows.append(part)
    assert rows.count == 7
    np.testing.assert_array_equal(np.load(place), np.concatenate(parts))
    assert np.load(place, mmap_mode="r").shape == (7, 3)
    with npy_rows(place):
        pass
    assert np.load(place).shape == (0, 0)


def write_both(rows: NpyRows) -> None:
    rows.append(np.zeros((1, 3), np.float32))
    rows.append(np.zeros((1, 4), np.float32))


def test_rows_that_do_not_fit_leave_the_file_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "a.npy"
    np.save(place, np.zeros(3))
    with (
        pytest.raises(MismatchError, match="rows of 4 float32 cannot follow rows of 3 float32"),
        npy_rows(place) as rows,
    ):
        write_both(rows)
    np.testing.assert_array_equal(np.load(place), np.zeros(3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npy"]


def test_weights_keep_their_shapes() -> None:
    model = unlearned_model(families(5, 4, 30), "hyperbolic")
    assert Model.restore(model.document(), model.weight_bytes()).weights["place.gain"].shape == ()
