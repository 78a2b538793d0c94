"""Principal components that stand in for an encoder: against a plain decomposition, and through an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from seqsearch.encoders.components import DAMPING, components_model, count_components, leading_axes, with_length
from seqsearch.encoders.feature_sets import features_from_json
from seqsearch.encoders.features import SparseFeatures, principal_axes
from seqsearch.encoders.model import Model
from seqsearch.errors import ParameterError
from seqsearch.search import BuildOptions, SequenceIndex
from seqsearch.sequences import PROTEIN, TEXT, Alphabet, Sequences
from tests.families import families


def test_random_projection_finds_the_axes_of_a_plain_decomposition() -> None:
    rng = np.random.default_rng(0)
    spread = np.linspace(3, 0.1, 60).astype(np.float32) ** 2
    points = rng.standard_normal((500, 60)).astype(np.float32) * spread + 5
    axes, variances = leading_axes(points, 8, rng)
    plain = principal_axes(points, 8)
    np.testing.assert_allclose(np.abs((axes * plain).sum(axis=0)), 1, atol=1e-3)
    np.testing.assert_allclose(variances, ((points - points.mean(axis=0)) @ plain).var(axis=0), rtol=1e-3)


@pytest.mark.parametrize("points", [np.zeros((3, 5), np.float32), np.ones((1, 4), np.float32)])
def test_equal_points_have_one_axis(points: np.ndarray) -> None:
    axes, variances = leading_axes(points, 3, np.random.default_rng(0))
    assert axes.shape == (points.shape[1], 1)
    assert variances.tolist() == [1.0]


def test_no_more_axes_than_there_are_directions() -> None:
    rng = np.random.default_rng(1)
    points = (rng.standard_normal((40, 3)) @ rng.standard_normal((3, 20))).astype(np.float32)
    assert leading_axes(points, 10, rng)[0].shape == (20, 3)


def test_components_are_the_weighted_projection_that_is_documented() -> None:
    sequences = families(20, 5, 60)
    model = components_model(sequences)
    features = features_from_json(model.spec, model.settings["features"])
    assert isinstance(features, SparseFeatures)
    weighed = features.dense(sequences).astype(np.float64) * features.block_weights
    _, lengths, axes = np.linalg.svd(weighed - weighed.mean(axis=0), full_matrices=False)
    kept = lengths > 1e-3 * lengths[0]
    wanted = weighed @ axes[kept].T * (lengths[kept] ** 2 / lengths[0] ** 2) ** -DAMPING
    points = model.embed(sequences).astype(np.float64)
    np.testing.assert_allclose(pdist(points), pdist(wanted), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "sequences",
    [
        families(20, 5, 60),
        Sequences.from_texts(["MKVLA", "MKVIA", "GGHH", "MKV", "PPPPPP"] * 8, PROTEIN),
        Sequences.from_texts(["anna meier", "otto", "anna maier", "emil", "x"] * 8, TEXT),
        Sequences.from_arrays(np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)),
    ],
    ids=["dna", "protein", "text", "series"],
)
def test_any_kind_of_input_is_saved_and_embeds_the_same(sequences: Sequences) -> None:
    model = components_model(sequences)
    again = Model.restore(model.document(), model.weight_bytes())
    assert model.family == "components"
    assert 1 <= model.dim <= 128
    np.testing.assert_array_equal(again.embed(sequences), model.embed(sequences))
    np.testing.assert_array_equal(again.embed(sequences[3:4])[0], model.embed(sequences)[3])
    assert model.digest() == components_model(sequences).digest()


@pytest.mark.parametrize("alphabet", [PROTEIN, TEXT], ids=["protein", "text"])
def test_the_length_takes_the_place_of_the_last_component(alphabet: Alphabet) -> None:
    sequences = Sequences.from_texts(["MKVLA", "MKVIAAA", "GGHH", "M", "PPPPPP", "MKV" * 20] * 8, alphabet)
    plain = components_model(sequences)
    model = with_length(plain, 2.5)
    points, others = model.embed(sequences), plain.embed(sequences)
    assert points.shape == others.shape
    np.testing.assert_allclose(points[:, :-1], others[:, :-1], rtol=1e-6)
    np.testing.assert_allclose(points[:, -1], 2.5 * np.log1p(sequences.lengths), rtol=1e-6)
    assert (plain.document()["model_version"], model.document()["model_version"]) == (2, 3)  # older ones refuse it
    again = Model.restore(model.document(), model.weight_bytes())
    np.testing.assert_array_equal(again.embed(sequences[3:4])[0], points[3])


def test_an_index_without_learning_finds_neighbours(tmp_path: Path) -> None:
    stored = families(60, 8, 80)
    with SequenceIndex.build(tmp_path / "a.ss", stored, learn="none", dim=16, index="hnsw") as index:
        facts = index.info()
        assert (facts["encoder"], facts["dim"], index.model.training) == ("components", 16, {})
        found = index.search(stored[:20], k=1, candidates=20)
        assert found.distances[:, 0].tolist() == [0.0] * 20


def test_counts_are_reduced_where_a_graph_would_hold_them_all(tmp_path: Path) -> None:
    stored = families(50, 4, 80)
    dims = []
    for name, options in {"scan": {}, "graph": {"index": "hnsw"}, "told": {"index": "hnsw", "dim": 2000}}.items():
        with SequenceIndex.build(tmp_path / name, stored, encoder="kmer", **options) as index:
            dims.append(index.info()["dim"])
    assert dims[0] == dims[2] == 1024
    assert dims[1] == count_components(stored).dim <= 128


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learn": "none", "encoder": "cnn"}, "encoder 'cnn' has to be trained: learn 'none' leaves it out"),
        ({"learn": "low", "effort": "high"}, "learn 'low' and effort 'high' are one thing: give one of them"),
        ({"learn": "much"}, "no learn 'much': choose one of auto, none, low, normal, high"),
        ({"learn": "none", "bits": 16, "codes": "learned"}, "codes cannot be learned with learn 'none'"),
        ({"expect_queries": -1}, "expect_queries must be at least 0, not -1"),
        ({"max_time": 0.0}, "max_time must be above 0 seconds, not 0.0"),
    ],
)
def test_options_of_learning_that_make_no_sense(options: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        BuildOptions(**options)  # type: ignore[arg-type]


def test_effort_is_another_name_of_learn() -> None:
    options = BuildOptions(effort="low")
    assert (options.learn, options.effort) == ("low", None)
    assert BuildOptions(**vars(options)) == options


def test_bits_of_components_are_cut(tmp_path: Path) -> None:
    stored = families(20, 5, 60)
    with SequenceIndex.build(tmp_path / "a.ss", stored, learn="none", bits=16) as index:
        assert index.info()["bits"] == 16
