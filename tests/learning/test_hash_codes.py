"""Learned binary codes: the loss, the relaxation, training, and an index built with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seqsearch import SequenceIndex, threads
from seqsearch.distances import EditDistance
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.errors import ParameterError
from seqsearch.hashing import codes_of, hamming_matrix
from seqsearch.learning.hash_metric import HashMetric, relaxed, signs
from seqsearch.learning.losses import NEGATIVES, SIMILAR, hash_target, in_batch_softmax, similarity_hash, step_softmax
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.towers import APART, TowerPlan, no_negatives
from seqsearch.learning.trainer import learn_code, train
from tests.families import families

SHORT = TrainingPlan(steps=32, batch=48, check=16, validate=32, bits=32)
SMALL = {"dim": 16, "hidden": 16}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are not worth a second thread, and one seed gives one code on one thread only."""
    with threads.using(1):
        yield


def pairs(seed: int = 0) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    made = [torch.tanh(torch.randn(n, 8, dtype=torch.float64)).requires_grad_() for n in (5, 5, 7, 7)]
    return (made[0], made[1]), (made[2], made[3])


def test_hash_loss_by_its_definition() -> None:
    (f, g), (a, b) = pairs()
    x, y, u, v = (t.detach().numpy() for t in (f, g, a, b))
    pull = np.mean([((x[i] - y[i]) ** 2).sum() for i in range(5)])
    push = np.mean([max(0.0, 3.5 - np.sqrt(((u[i] - v[i]) ** 2).sum())) ** 2 for i in range(7)])
    found = float(similarity_hash((f, g), (a, b), 3.5, 2.0).detach())
    assert found == pytest.approx(pull + 2.0 * push)
    assert push > 0


def test_hash_loss_by_finite_differences() -> None:
    (f, g), (a, b) = pairs(1)
    assert torch.autograd.gradcheck(lambda *t: similarity_hash(t[:2], t[2:], 3.5, 2.0), (f, g, a, b))  # type: ignore[arg-type]
    same = torch.zeros(5, 5, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda p, q: in_batch_softmax(p, q, same, 0.3), (f, g))
    asked = torch.tensor([0, 3])
    assert torch.autograd.gradcheck(lambda p, q: step_softmax(p, q, asked, same[:2], 0.7), (f, g))


def test_step_softmax_by_its_definition() -> None:
    (f, g), _ = pairs(2)
    x, y = f.detach().numpy(), g.detach().numpy()
    asked, excluded = [4, 1], np.zeros((2, 5), bool)
    excluded[0, 2] = excluded[1, [0, 3]] = True
    surprise = []
    for a, b in ((x, y), (y, x)):
        for row, out in zip(asked, excluded, strict=True):
            equal_bits = [(8 + a[row] @ b[j]) / 2 for j in range(5)]
            against = sum(np.exp(n / 0.5) for n, passed in zip(equal_bits, out, strict=True) if not passed)
            surprise.append(np.log(against) - equal_bits[row] / 0.5)
    found = step_softmax(f, g, torch.tensor(asked), torch.from_numpy(excluded), 0.5)
    assert float(found.detach()) == pytest.approx(np.mean(surprise))


def test_negatives_by_their_definition() -> None:
    groups, steps = np.array([4, 7, 4, 9]), 5  # the first and the third sequence are versions of one thing
    anchors = np.array([0, 3, 11, 19])
    found = no_negatives(groups, steps, anchors)
    for row, i in enumerate(anchors):
        for j in range(20):
            apart = abs(i % 5 - j % 5)
            same_sequence, same_group = i // 5 == j // 5, groups[i // 5] == groups[j // 5]
            negative = not same_group or (same_sequence and apart >= APART)
            assert found[row, j] == (not negative and i != j)


def test_equal_outputs_have_finite_gradients() -> None:
    a = torch.zeros(3, 8, requires_grad=True)
    similarity_hash((a, a), (a, a), 1.0, 1.0).backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()


def test_softmax_passes_over_versions_of_the_same() -> None:
    f = torch.tensor([[0.0], [0.1], [5.0]])
    strict = in_batch_softmax(f, f, torch.eye(3, dtype=torch.bool), 1.0)
    versions = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    assert float(in_batch_softmax(f, f, versions, 1.0)) < 1e-6 < 0.4 < float(strict)


def test_straight_through_takes_the_sign_and_the_gradient_of_the_tanh() -> None:
    logits = torch.tensor([-2.0, -0.0, 0.3], requires_grad=True)
    out = relaxed(logits, "straight-through")
    assert out.tolist() == [-1.0, -1.0, 1.0] == signs(logits).tolist()
    out.sum().backward()
    expected = 1 - np.tanh([-2.0, 0.0, 0.3]) ** 2
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(relaxed(logits, "tanh").detach().numpy(), np.tanh([-2.0, 0.0, 0.3]), rtol=1e-6)
    with pytest.raises(ParameterError, match="no way to binarise 'hard': choose one of tanh, straight-through"):
        relaxed(logits, "hard")


def test_in_evaluation_distances_are_those_of_the_codes() -> None:
    points = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    metric = HashMetric(6, 24, seed=1)
    metric.start(points)
    metric.eval()
    with torch.no_grad():
        shares = metric.roots(metric.place(points)).square().numpy()
    codes = codes_of(metric.logits(points).detach().numpy())
    np.testing.assert_allclose(24 * shares, hamming_matrix(codes, codes), atol=1e-3)
    np.testing.assert_array_equal(codes, metric.codes(points))


def test_the_hash_target_takes_every_pair_once() -> None:
    outputs = torch.tanh(torch.randn(6, 16, generator=torch.Generator().manual_seed(0)))
    true = torch.rand(6, 6, generator=torch.Generator().manual_seed(1)) * 2 * SIMILAR
    true = (true + true.T) / 2
    near = [(i, j) for i in range(6) for j in range(i + 1, 6) if true[i, j] <= SIMILAR]
    far = [(i, j) for i in range(6) for j in range(i + 1, 6) if true[i, j] > SIMILAR]
    pull = np.mean([float((outputs[i] - outputs[j]).square().sum()) for i, j in near])
    push = np.mean([max(0.0, 1.5 * 4 - float((outputs[i] - outputs[j]).norm())) ** 2 for i, j in far])
    assert float(hash_target(outputs, true, 1.5)) == pytest.approx(pull + NEGATIVES * push, rel=1e-5)


@pytest.mark.parametrize(("target", "binarise"), [("near", "tanh"), ("rank", "straight-through"), ("hash", "tanh")])
def test_learned_codes_tell_families_apart(target: str, binarise: str) -> None:
    sequences = families(12, 8, 32, edits=4)
    plan = replace(SHORT, target=target, binarise=binarise)
    model, log = train(sequences, EditDistance(), plan=plan, seed=1, settings=SMALL)
    assert model.bits == 32
    codes = model.vectors(sequences)
    assert codes.shape == (96, 4)
    apart = hamming_matrix(codes, codes)
    family = np.arange(96) // 8
    same = family[:, None] == family
    assert apart[same].mean() < 0.5 * apart[~same].mean()
    steps = [row["step"] for row in log.rows]
    assert steps == sorted(set(steps))
    assert "bit_entropy" not in log.rows[0]
    assert {"bit_entropy", "bit_correlation"} <= set(log.rows[-1])
    again = Model.restore(model.document(), model.weight_bytes())
    np.testing.assert_array_equal(again.vectors(sequences), codes)


def test_one_seed_gives_one_code_and_a_run_goes_on(tmp_path: Path) -> None:
    sequences = families(8, 6, 30)
    plan, place = replace(SHORT, steps=16, check=4), tmp_path / "run"
    first, _ = train(sequences, EditDistance(), plan=plan, seed=3, settings=SMALL, checkpoint=place)
    place.with_name("run.codes").unlink()  # as if it had stopped between points and bits
    second, _ = train(sequences, EditDistance(), plan=plan, seed=3, settings=SMALL, checkpoint=place)
    third, _ = train(sequences, EditDistance(), plan=plan, seed=3, settings=SMALL, checkpoint=place)
    assert first.weight_bytes() == second.weight_bytes() == third.weight_bytes()


def test_a_code_is_learned_on_top_of_a_model() -> None:
    sequences = families(12, 8, 32, edits=4)
    points, _ = train(sequences, EditDistance(), plan=replace(SHORT, bits=None), seed=1, settings=SMALL)
    model, log = learn_code(points, sequences, EditDistance(), 24, plan=replace(SHORT, steps=64), seed=2)
    assert (model.bits, model.vectors(sequences).shape) == (24, (96, 3))
    assert log.rows[-1]["step"] == 16
    assert model.training["log"] == points.training["log"]
    again, _ = learn_code(points, sequences, EditDistance(), 24, plan=replace(SHORT, steps=64), seed=2)
    assert again.weight_bytes() == model.weight_bytes()
    with pytest.raises(ParameterError, match="5 sequences are too few to train on"):
        learn_code(points, sequences[:5], EditDistance(), 24)
    with pytest.raises(ParameterError, match="encoder 'kmer' has nothing to train"):
        learn_code(kmer_model(sequences), sequences, EditDistance(), 24)


def test_plans_that_cannot_be() -> None:
    for wrong, text in (
        ({"bits": 12}, "bits must be a multiple of 8"),
        ({"bits": 16, "geometry": "cosine"}, "codes of bits have no cosine geometry"),
        ({"target": "hash"}, "the target hash does not fit bits None"),
        ({"bits": 16, "target": "autoencode"}, "the target autoencode does not fit bits 16"),
        ({"binarise": "hard"}, "no way to binarise 'hard'"),
    ):
        with pytest.raises(ParameterError, match=text):
            TrainingPlan(**wrong)  # type: ignore[arg-type]
    for wrong, text in (
        ({"temperature": 0.0}, "the temperature must be above 0, not 0.0"),
        ({"batch": 1}, "batch must be at least 2, not 1"),
        ({"validate": 1.0}, "validate must be a share below 1, not 1.0"),
    ):
        with pytest.raises(ParameterError, match=text):
            TowerPlan(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoder", "codes"), [("linear", None), ("kmer", None), ("kmer", "pca")])
def test_an_index_of_codes_verifies_its_candidates(tmp_path: Path, encoder: str, codes: str | None) -> None:
    sequences = families(12, 6, 24)
    options = {"encoder": encoder, "codes": codes, "dim": 8 if encoder == "linear" else None}
    with SequenceIndex.build(tmp_path / "i.ss", sequences, bits=16, effort="low", seed=1, **options) as index:
        assert index.info()["bits"] == 16
        assert ("plan" in index.model.training) == (encoder == "linear")
        found = index.search(sequences[:10], 3, candidates=40)
        true = EditDistance().matrix(sequences[:10], sequences)
        for row in range(10):
            for hit in found[row]:
                assert hit.distance == true[row, list(sequences.ids).index(hit.id)]
            assert found[row][0].distance == 0


def test_codes_that_cannot_be_built(tmp_path: Path) -> None:
    sequences = families(20, 6, 50)
    for options, text in (
        ({"codes": "itq"}, "codes 'itq' need bits"),
        ({"codes": "magic", "bits": 16}, "no codes 'magic': choose one of learned, itq, pca, projection"),
        ({"codes": "learned", "bits": 16, "geometry": "cosine"}, "learned codes have no cosine geometry"),
        ({"codes": "learned", "bits": 16, "encoder": "kmer"}, "encoder 'kmer' has nothing to train"),
    ):
        with pytest.raises(ParameterError, match=text):
            SequenceIndex.build(tmp_path / "i.ss", sequences, **options)  # type: ignore[arg-type]
