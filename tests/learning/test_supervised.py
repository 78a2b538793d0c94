from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqsearch import threads
from seqsearch.encoders.families import FAMILIES
from seqsearch.encoders.labelling import classify, group, tag
from seqsearch.encoders.model_file import load_model, save_model
from seqsearch.errors import EmptySequenceError, InputError, MismatchError, ParameterError
from seqsearch.evaluation.labels import grouping_scores
from seqsearch.learning.loop import Run
from seqsearch.learning.supervised import LabelPlan, train_classifier, train_grouper, train_tagger
from seqsearch.learning.supervised.batches import LengthBatches, by_length
from seqsearch.learning.supervised.labels import label_weights, numbered_labels, stratified
from seqsearch.learning.supervised.learners import Grouper, Learner, new_network
from seqsearch.learning.supervised.temperature import fitted_temperature, log_loss
from seqsearch.sequences import DNA, TEXT, Sequences, Strings, Tagged, untagged

pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = LabelPlan(epochs=4, fewest=40, batch=16, rate=1e-2)
SMALL = {"channels": 16, "dim": 8}


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Batches this small are fastest on one thread, above all on a busy machine."""
    with threads.using(1):
        yield


def motifs(n: int, seed: int = 0) -> Sequences:
    """DNA of 20 to 40 nt with TATATA (a) or CGCGCG (b) somewhere inside."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(n):
        letters = rng.choice(list("ACGT"), int(rng.integers(20, 41)))
        at = int(rng.integers(0, len(letters) - 6))
        letters[at : at + 6] = list(("TATATA", "CGCGCG")[row % 2])
        texts.append("".join(letters))
        labels.append("ab"[row % 2])
    return Sequences.from_texts(texts, DNA, labels=labels)


def appearances(n: int, letters: str, length: int, seed: int) -> Tagged:
    """Random strings whose elements are labelled by the order of first appearance of their letter."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(letters), length)) for _ in range(n)]
    tags = [str("".join(dict.fromkeys(text)).index(letter)) for text in texts for letter in text]
    whole = untagged(Sequences.from_texts(texts, TEXT))
    return replace(whole, tags=Strings.of(tags))


def blobs(n: int, groups: int, seed: int, steps: int = 12) -> Tagged:
    """Vectors near random centres of their own in every sequence; labels only say which share a centre."""
    rng = np.random.default_rng(seed)
    series, tags = [], []
    for _ in range(n):
        centres = rng.standard_normal((groups, 6)) * 2
        own = np.concatenate([np.arange(groups), rng.integers(groups, size=steps - groups)])
        own = rng.permutation(own)
        series.append(centres[own] + 0.3 * rng.standard_normal((steps, 6)))
        names = rng.permutation(100)
        tags += [f"g{names[number]}" for number in own]
    return replace(untagged(Sequences.from_arrays(series, layout="ntf")), tags=Strings.of(tags))


# -- what training is made of ----------------------------------------------------------------------------------------


def test_a_temperature_is_the_best_of_a_fine_grid() -> None:
    rng = np.random.default_rng(0)
    scores = 6 * rng.standard_normal((400, 3))
    shares = np.exp(scores / 3)
    true = np.array([rng.choice(3, p=p / p.sum()) for p in shares])  # three times as sure as it should be
    grid = np.exp(np.linspace(np.log(0.1), np.log(10), 2000))
    best = grid[np.argmin([log_loss(scores, true, t) for t in grid])]
    assert fitted_temperature(scores, true) == pytest.approx(best, rel=0.01)
    assert 2.3 < best < 3.9
    assert fitted_temperature(scores[:9], true[:9]) == 1.0
    by_torch = torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(true))
    assert log_loss(scores, true) == pytest.approx(float(by_torch))


def test_class_weights_by_hand() -> None:
    numbers = np.array([0] * 6 + [1] * 2)
    assert label_weights(numbers, 2, "none").tolist() == [1, 1]
    assert label_weights(numbers, 2, "balanced").tolist() == pytest.approx([8 / 12, 8 / 4])
    root = label_weights(numbers, 2, "root")
    assert root[1] / root[0] == pytest.approx(3**0.5)
    assert root[numbers].mean() == pytest.approx(1)


def test_every_class_gives_its_share_and_keeps_one() -> None:
    numbers = np.array([0] * 50 + [1] * 10 + [2])
    train, held = stratified(numbers, 0.2, np.random.default_rng(0))
    assert sorted([*train, *held]) == list(range(61))
    assert np.bincount(numbers[held], minlength=3).tolist() == [10, 2, 0]


def test_batches_hold_every_row_once_an_epoch_and_like_lengths() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 1001)
    batches = LengthBatches(lengths, 10, np.random.default_rng(1))
    drawn = [rows for rows, _ in zip(batches, range(100), strict=False)]
    assert sorted(np.concatenate(drawn).tolist()) == list(range(1001))
    assert min(map(len, drawn)) > 1  # the row left over joined another batch
    assert np.mean([np.ptp(lengths[rows]) for rows in drawn]) < 40
    parts = list(by_length(lengths, 2000))
    assert sorted(np.concatenate(parts).tolist()) == list(range(1001))
    assert all(len(rows) * lengths[rows].max() <= 2000 for rows in parts)


def test_the_loss_of_pairs_by_hand() -> None:
    data = blobs(3, 2, 0, steps=5)
    plan, run = LabelPlan(word_dropout=0.0), Run(settings={"channels": 4})
    network = new_network(FAMILIES["cnn"], data.sequences, plan, run, by_words=False)
    learner = Grouper(network, 3, plan).eval()
    groups = np.array([0, 1, 0, -1, 1, 0, 0, 0, 0, 0, -1, -1, -1, -1, 5])  # the last sequence has nothing to compare
    with torch.no_grad():
        total, pairs = learner.pair_loss(data.sequences, groups)
        points = learner(data.sequences)[:, 0].numpy()
    wanted, count = 0.0, 0
    for start in (0, 5, 10):
        for i in range(start, start + 5):
            for j in range(start, i):
                if groups[i] >= 0 and groups[j] >= 0:
                    score = 1.0 - ((points[i] - points[j]) ** 2).sum()
                    wanted += np.log1p(np.exp(-score if groups[i] == groups[j] else score))
                    count += 1
    assert pairs == count == 6 + 10
    assert float(total) == pytest.approx(wanted, rel=1e-4)


# -- classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["cnn", "attention", "mlp"])
def test_classes_are_learnt_and_kept_in_the_file(encoder: str, tmp_path: Path) -> None:
    settings = {"dim": 8} if encoder == "mlp" else SMALL
    plan = replace(QUICK, epochs=12)
    model, log = train_classifier(motifs(400), encoder=encoder, plan=plan, settings=settings)
    assert log.rows[-1]["accuracy"] > (0.8 if encoder == "mlp" else 0.95)
    save_model(model, tmp_path / "a.model")
    unseen = motifs(100, seed=1)
    told = classify(load_model(tmp_path / "a.model"), unseen)
    right = np.array(told.names()) == np.array(list(unseen.labels))
    assert right.mean() > (0.75 if encoder == "mlp" else 0.95)
    assert told.confidence[right].mean() > 0.6
    assert model.embed(unseen).shape == (100, 8)


def test_an_ensemble_tells_the_mean_of_its_members() -> None:
    settings = {"dim": 8, "channels": 8, "members": [{"family": "cnn"}, {"family": "gru", "hidden": 8}]}
    model, log = train_classifier(motifs(100), encoder="ensemble", plan=QUICK, settings=settings)
    assert model.head is not None
    weight, points = model.weights["head.weight"], model.embed(motifs(10, 1))
    halves = [2 * points[:, part] @ weight[:, part].T for part in (slice(0, 4), slice(4, 8))]  # a member's own scores
    mean = (halves[0] + halves[1]) / 2 + model.weights["head.bias"]
    shares = np.exp(mean / model.head.temperature)
    wanted = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classify(model, motifs(10, 1)).probabilities, wanted, rtol=1e-4)
    assert log.rows


def test_the_members_of_an_ensemble_learn_by_losses_of_their_own() -> None:
    data, plan = motifs(8), LabelPlan()
    settings = {"dim": 4, "channels": 4, "members": [{"family": "cnn"}, {"family": "cnn"}]}
    network = new_network(FAMILIES["ensemble"], data, plan, Run(settings=settings), by_words=False)
    learner = Learner(network, 2, by_step=False, plan=plan).eval()
    scores, wanted = learner(data), torch.tensor([0, 1, -100, 1, 0, 1, 0, -100])
    weights = torch.tensor([1.0, 3.0])
    each = [torch.nn.functional.cross_entropy(scores[:, m], wanted, weights) for m in (0, 1)]
    assert float(learner.loss(scores, wanted, weights, 0.0).detach()) == pytest.approx(
        float((each[0] + each[1]).detach()) / 2, rel=1e-5
    )


@pytest.mark.parametrize("encoder", ["cnn", "lstm"])
def test_one_seed_gives_one_model(encoder: str) -> None:
    with threads.using(1):
        first, second = (
            train_classifier(motifs(60), encoder=encoder, plan=QUICK, settings=SMALL, seed=3)[0] for _ in range(2)
        )
    assert first.digest() == second.digest()


def test_a_resumed_run_ends_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    texts = Sequences.from_texts(["a b c", "c d", "a a e", "d c b", "f"] * 12, TEXT, labels=list("xyxyx") * 12)
    plan = replace(QUICK, input_dropout=0.2, word_dropout=1.0)
    place = tmp_path / "run.checkpoint"

    class StopError(Exception):
        pass

    def stop(row: dict[str, float]) -> None:
        raise StopError

    def run(**more: object) -> str:
        settings = {**SMALL, "dropout": 0.3}
        return train_classifier(texts, encoder="cnn", plan=plan, settings=settings, by_words=True, **more)[0].digest()  # type: ignore[arg-type]

    with threads.using(1):
        whole = run()
        with pytest.raises(StopError):
            run(checkpoint=place, watch=stop)
        assert run(checkpoint=place) == whole
        other = Sequences.from_texts(texts.texts(), TEXT, labels=list("yxyxy") * 12)
        with pytest.raises(MismatchError, match=r"belongs to a run with another plan"):
            train_classifier(
                other, encoder="cnn", plan=replace(plan, batch=8), settings=SMALL, by_words=True, checkpoint=place
            )


def test_a_class_of_one_example_is_trained_on_and_known() -> None:
    data = motifs(41)
    labels = [*list(data.labels)[:40], "alone"]
    one = Sequences(data.data, data.offsets, data.ids, DNA, None, Strings.of(labels))
    model, log = train_classifier(one, encoder="cnn", plan=replace(QUICK, class_weights="balanced"), settings=SMALL)
    assert model.head is not None
    assert model.head.labels == ("a", "alone", "b")
    assert "accuracy" in log.rows[-1]


def test_nothing_held_out_still_trains() -> None:
    model, log = train_classifier(motifs(6), plan=replace(QUICK, validate=0.0), settings=SMALL)
    assert "accuracy" not in log.rows[-1]
    assert model.head is not None
    assert model.head.temperature == 1.0


def test_what_cannot_be_learnt_from_is_named() -> None:
    data = motifs(20)
    bare = Sequences(data.data, data.offsets, data.ids, DNA)
    with pytest.raises(InputError, match=r"record 1 \(1\): there is no label to learn from"):
        train_classifier(bare)
    one = Sequences(data.data, data.offsets, data.ids, DNA, None, Strings.of(["x"] * 20))
    with pytest.raises(ParameterError, match="every label is 'x': at least two different ones are needed"):
        train_classifier(one)
    other = Sequences(data.data, data.offsets, data.ids, DNA, None, Strings.of(["new"] * 20))
    with pytest.raises(ParameterError, match="label 'new' of the validation set does not occur in the training set"):
        train_classifier(data, validation=other)
    with pytest.raises(ParameterError, match="encoder 'kmer' has nothing to train"):
        train_classifier(data, encoder="kmer")
    with pytest.raises(MismatchError, match="only text has words, not dna"):
        train_classifier(data, by_words=True)
    with pytest.raises(ParameterError, match="no class weights 'some'"):
        LabelPlan(class_weights="some")
    with pytest.raises(ParameterError, match="smoothing must be from 0 to below 1, not 1"):
        LabelPlan(smoothing=1)
    with pytest.raises(ParameterError, match="there is no label: at least two"):
        numbered_labels([])


def test_words_and_lengths_beyond_training() -> None:
    texts = ["good film", "bad film", "a good one", "a bad one", "good", "bad"] * 10
    labels = ["pos", "neg"] * 30
    data = Sequences.from_texts(texts, TEXT, labels=labels)
    model, _ = train_classifier(
        data, encoder="cnn", plan=replace(QUICK, word_dropout=1.0), settings={**SMALL, "bins": 0}, by_words=True
    )
    asked = ["good", "quite bad indeed", "zzz", " ", "film " * 300 + "good"]
    told = classify(model, Sequences.from_texts(asked, TEXT))
    assert told.names()[:2] == ["pos", "neg"]
    assert np.isfinite(told.probabilities).all()


# -- elements --------------------------------------------------------------------------------------------------------


def test_the_order_of_first_appearance_is_learnt_for_lengths_beyond_training() -> None:
    plan = LabelPlan(epochs=20, batch=16, rate=1e-2)
    model, _ = train_tagger(appearances(1000, "abc", 15, 0), plan=plan, settings={"hidden": 32, "channels": 16})
    for length in (15, 40):
        test = appearances(200, "abc", length, 1)
        right = np.array(tag(model, test.sequences).names()) == np.array(list(test.tags or ()))
        assert right.mean() >= 0.999


def test_masked_elements_are_neither_learnt_nor_judged() -> None:
    data = appearances(60, "ab", 8, 0)
    assert data.tags is not None
    known = np.arange(len(data.known)) % 3 > 0
    wrong = Strings.of(tag if there else "nonsense" for tag, there in zip(data.tags, known, strict=True))
    model, log = train_tagger(replace(data, known=known, tags=wrong), plan=QUICK, settings=SMALL, encoder="cnn")
    assert model.head is not None
    assert model.head.labels == ("0", "1")
    assert "nonsense" not in tag(model, data.sequences).names()
    nothing = replace(data, known=np.zeros(len(known), np.bool_))
    with pytest.raises(ParameterError, match="there is no label"):
        train_tagger(nothing, plan=QUICK)
    assert log.rows


def test_elements_that_cannot_be_labelled() -> None:
    data = appearances(20, "ab", 8, 0)
    with pytest.raises(MismatchError, match="the elements have no labels to learn from"):
        train_tagger(untagged(data.sequences))
    with pytest.raises(ParameterError, match="encoder 'mlp' does not read step by step"):
        train_tagger(data, encoder="mlp")
    blank = untagged(Sequences.from_texts(["a b", "  "], TEXT), by_words=True)
    with pytest.raises(EmptySequenceError, match=r"record 2 \(2\): the text has no word"):
        train_tagger(replace(blank, tags=Strings.of("xy")))
    single = untagged(Sequences.from_texts(["a", "b"], TEXT))
    with pytest.raises(ParameterError, match="no sequence has two elements to compare"):
        train_grouper(replace(single, tags=Strings.of("xy")))


def test_more_groups_are_found_than_were_trained_on() -> None:
    plan = LabelPlan(epochs=15, fewest=300, batch=16, rate=1e-2)
    settings = {"channels": 24, "layers": 1, "kernel": 1}
    model, _ = train_grouper(blobs(300, 3, 0), encoder="cnn", plan=plan, settings=settings)
    for groups in (2, 3, 5):
        test = blobs(60, groups, 1)
        found, _ = group(model, test.sequences)
        scores = grouping_scores(test, found)
        assert scores["adjusted_rand"] > 0.8
        assert scores["v_measure"] > 0.85
