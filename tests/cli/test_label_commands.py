from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Seqsearch

LETTERS = {"neg": "bad awful dull poor", "pos": "good great fine rich"}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = ["label\ttext"]
    for row in range(120):
        label = ("neg", "pos")[row % 2]
        words = [str(rng.choice(["the", "a", "film", "is", "plot", "and", "it"])) for _ in range(6)]
        words[int(rng.integers(6))] = str(rng.choice(LETTERS[label].split()))
        rows.append(f"{label}\t{' '.join(words)}")
    place = tmp_path / "reviews.tsv"
    place.write_text("\n".join(rows) + "\n")
    return place


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    sentence = "the\tDET\ncat\tNOUN\nsat\tVERB\n\na\tDET\ndog\tNOUN\n\n"
    place = tmp_path / "tagged.txt"
    place.write_text(sentence * 20)
    return place


SMALL = ("--threads", 1, "--epochs", 6, "--rate", 0.01, "-E", "channels=16", "--dim", 8, "-q")


def test_classes_from_file_to_index(seqsearch: Seqsearch, reviews: Path, tmp_path: Path) -> None:
    model, report = tmp_path / "a.model", tmp_path / "report.jsonl"
    network = ("--unit", "words", "--encoder", "cnn", "-E", "bins=0")
    train = ("train", "--task", "classify", reviews, "-o", model, *network, *SMALL)
    done = seqsearch(*train, "--log", tmp_path / "log.jsonl", "--plot", tmp_path / "log.png")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["macro_f1"] > 0.8
    pictures = ("--confusion", tmp_path / "c.png", "--reliability", tmp_path / "r.png")
    said = seqsearch("classify", model, reviews, "--report", report, *pictures)
    assert said.lines[0].split("\t") == ["query", "label", "probability"]
    assert len(said.lines) == 121
    assert "accuracy" in said.err
    assert "calibration error" in said.err
    whole, *labels = map(json.loads, report.read_text().splitlines())
    assert whole["accuracy"] > 0.9
    assert [row["label"] for row in labels] == ["neg", "pos"]
    assert min((tmp_path / name).stat().st_size for name in ("c.png", "r.png", "log.png")) > 5000
    one = json.loads(seqsearch("classify", model, reviews, "--format", "json", "-q").lines[0])
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert seqsearch("build", reviews, "-o", tmp_path / "i.ss", "--model", model, "-q").code == 0
    votes = seqsearch("classify", tmp_path / "i.ss", reviews, "-k", 3, "--exact", "--abstain", 0.01)
    assert votes.lines[0].split("\t") == ["query", "label", "probability", "distance", "p_value"]
    assert votes.lines[1].split("\t")[3] == "0"
    assert "accuracy" in votes.err
    plain = ("classify", tmp_path / "i.ss", reviews, "-k", 3, "--exact", "-q")
    assert seqsearch(*plain).lines[0].split("\t") == ["query", "label", "probability", "distance"]
    assert json.loads(seqsearch(*plain, "--format", "json").lines[0])["p_value"] is None
    unsure = seqsearch("classify", model, reviews, "--abstain", 1.1, "-q")
    assert {line.split("\t")[1] for line in unsure.lines[1:]} == {"-"}


def test_classes_without_a_word_of_how(seqsearch: Seqsearch, reviews: Path, tmp_path: Path) -> None:
    model = tmp_path / "a.model"
    done = seqsearch("train", "--task", "classify", reviews, "-o", model, *SMALL[:-1])
    assert done.code == 0, done.err
    assert "2 labels, held out: accuracy" in done.err
    said = seqsearch("info", model)
    assert "chosen_by            accuracy" in said.out
    assert "words, bayes" in said.out
    facts = json.loads(seqsearch("info", model, "--format", "json").out)
    assert facts["held_out_accuracy"] > 0.8
    assert {"words, tf-idf", "n-grams, bayes", "network"} < {one["judge"] for one in facts["judges"]}
    whole, *labels = map(json.loads, seqsearch("evaluate", model, reviews, "--format", "json").lines)
    assert (whole["label"], whole["support"], whole["accuracy"] > 0.9) == ("all", 120, True)
    assert [row["label"] for row in labels] == ["neg", "pos"]
    assert "macro f1" in seqsearch("evaluate", model, reviews).out
    refused = seqsearch("evaluate", model, reviews, "-k", 5)
    assert (refused.code, "--k is for an index" in refused.err) == (2, True)
    assert len(seqsearch("classify", model, reviews, "-q").lines) == 121
    bare = tmp_path / "bare.lines"
    bare.write_text("a film\n")
    assert "has no labels to compare with" in seqsearch("evaluate", model, bare).err
    assert seqsearch("build", reviews, "-o", tmp_path / "i.ss", "--model", model, "-q").code == 0


def test_tags_from_file_to_file(seqsearch: Seqsearch, tagged: Path, tmp_path: Path) -> None:
    model = tmp_path / "t.model"
    done = seqsearch("train", "--task", "tag", tagged, "-o", model, "-E", "hidden=16", *SMALL)
    assert done.code == 0, done.err
    again = seqsearch("tag", model, tagged, "--format", "tokens")
    assert again.out == tagged.read_text()
    assert "accuracy 1.0000" in again.err
    table = seqsearch("tag", model, tagged, "-q")
    assert table.lines[0].split("\t") == ["query", "position", "element", "label", "probability"]
    assert table.lines[2].split("\t")[:4] == ["1", "2", "cat", "NOUN"]
    plain = tmp_path / "plain.tokens"
    plain.write_text("the\nzebra\n")
    said = json.loads(seqsearch("tag", model, plain, "--format", "json", "-q").out)
    assert said["query"] == "1"
    assert said["labels"][0] == "DET"
    assert len(said["probabilities"]) == 2


def test_groups_of_elements(seqsearch: Seqsearch, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = rng.integers(3, size=(80, 8))
    values = rng.standard_normal((80, 3, 4))[np.arange(80)[:, None], names] * 3
    place, model = tmp_path / "v.npz", tmp_path / "g.model"
    np.savez(place, X=values.astype(np.float32), tags=names)
    train = ("train", "--task", "cluster", place, "-o", model, "--encoder", "cnn", "-E", "kernel=1", *SMALL)
    assert seqsearch(*train).code == 0
    said = seqsearch("tag", model, place)
    assert "adjusted_rand" in said.err
    assert said.lines[1].split("\t") == ["1", "1", "1", "0"]
    refused = seqsearch("tag", model, place, "--report", tmp_path / "r.jsonl")
    assert refused.code == 2
    assert "groups have no names" in refused.err


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("train", "--task", "classify", "R", "-o", "M", "--effort", "low"), 2, "--effort is for distances"),
        (("train", "R", "-o", "M", "--epochs", "3"), 2, "--epochs is for labels: give --task classify, tag or cluster"),
        (("train", "--task", "tag", "R", "-o", "M", "--on-error", "skip"), 2, "a sentence with a hole means nothing"),
        (("train", "--task", "classify", "R", "-o", "M", "--class-weights", "odd"), 2, "no class weights 'odd'"),
        (("train", "--task", "classify", "R", "-o", "M", "-E", "wings=2"), 2, "'wings'"),
        (("train", "--task", "classify", "EMPTY", "-o", "M"), 1, "record 2 (2): the sequence is empty"),
        (("train", "--task", "classify", "BARE", "-o", "M"), 1, "there is no label to learn from"),
        (("classify", "NONE.model", "R"), 1, "NONE.model: cannot be read"),
        (("classify", "BROKEN.model", "R"), 1, "is not a model file"),
        (("classify", "BARE", "R"), 1, "have no labels to vote with"),
    ],
)
def test_what_is_said_of_mistakes(
    arguments: tuple[str, ...], code: int, problem: str, seqsearch: Seqsearch, reviews: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.tsv").write_text("label\ttext\na\tx\nb\t\n")
    (tmp_path / "bare.tsv").write_text("text\nx\ny\n")
    places = {"R": reviews, "M": tmp_path / "m", "EMPTY": tmp_path / "empty.tsv", "BARE": tmp_path / "bare.tsv"}
    places |= {name: tmp_path / name for name in ("NONE.model", "BROKEN.model")}
    places["BROKEN.model"].write_bytes(reviews.read_bytes())
    said = seqsearch(*(places.get(argument, argument) for argument in arguments), "-q")
    assert said.code == code
    assert problem in said.err


def test_models_are_not_taken_for_each_other(seqsearch: Seqsearch, reviews: Path, tagged: Path, tmp_path: Path) -> None:
    classes, tags = tmp_path / "c.model", tmp_path / "t.model"
    quick = ("--encoder", "cnn", "--threads", 1, "--epochs", 0.1, "--seconds", 0.1, "-E", "channels=8", "-q")
    assert seqsearch("train", "--task", "classify", reviews, "-o", classes, *quick).code == 0
    assert seqsearch("train", "--task", "tag", tagged, "-o", tags, *quick).code == 0
    assert "does not label elements: train one with --task tag" in seqsearch("tag", classes, tagged).err
    assert "trained to tag: train one with --task classify" in seqsearch("classify", tags, reviews).err
    assert (
        "knows elements, not whole sequences" in seqsearch("build", reviews, "-o", tmp_path / "i", "--model", tags).err
    )
    (tmp_path / "x.lines").write_text("a film\n")
    said = seqsearch("classify", classes, tmp_path / "x.lines", "--confusion", tmp_path / "c.png")
    assert said.code == 1
    assert "the queries have no labels to compare with" in said.err
