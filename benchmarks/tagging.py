"""Labels of elements: part of speech, secondary structure, order of first appearance, groups of unseen number.

    pip install scikit-learn        # the peer
    python benchmarks/tagging.py --data DATA --output tagging.jsonl
    python benchmarks/tagging.py --only pos structure --threads 2 --device cpu

DATA holds tagging/pos_{train,dev}.tsv.gz (UD English-EWT, 17 universal tags) and tagging/secondary_structure.tsv.gz
(FLIP: sequences with H, E or C for each residue and a mask of the resolved ones). The peer reads a window of words or
residues as one-hot features into logistic regression; "most frequent" tells each word its most frequent tag.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from labels_command import Row, parser_for, run

from seqsearch.encoders.labelling import group, tag
from seqsearch.evaluation.labels import LabelReport, grouping_scores
from seqsearch.learning.supervised import LabelPlan, train_grouper, train_tagger, usual_tag_plan
from seqsearch.sequences import PROTEIN, TEXT, Sequences, Strings, Tagged, read_tagged, untagged, words_of

AUTO = "auto"
POS_PLAN = LabelPlan(epochs=8, batch=32, rate=4e-3, patience=3, input_dropout=0.3, word_dropout=0.25, average=0.998)
POS_SETTINGS = {"channels": 96, "hidden": 96, "dropout": 0.3, "dim": 8}
STRUCTURE_PLAN = LabelPlan(
    epochs=8, batch=16, rate=3e-3, patience=4, average=0.999, validate=0.03, precision="bfloat16"
)
STRUCTURE_SETTINGS = {
    "channels": 96,
    "layers": 8,
    "kernel": 7,
    "growth": 2,
    "spread": 8,
    "dropout": 0.15,
    "bins": 0,
    "dim": 8,
}


def measured(name: str, encoder: str, train: Tagged, test: Tagged, asked: argparse.Namespace, **more: Any) -> Row:
    """Train on one set, tell the labels of another."""
    plan = replace(more.pop("plan"), device=asked.device, seconds=60 * asked.minutes, clock=asked.clock)
    start, used = time.perf_counter(), time.process_time()
    model, log = train_tagger(train, encoder=encoder, plan=plan, seed=asked.seed, **more)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    if "choice" in model.training:
        print(f"{name}: chosen {model.training['choice']}", file=sys.stderr, flush=True)
    start = time.perf_counter()
    told = tag(model, test.sequences)
    speed = len(test.known) / (time.perf_counter() - start)
    known = np.flatnonzero(test.known)
    assert test.tags is not None
    names = told.names()
    report = LabelReport.of(list(test.tags.take(known)), [names[at] for at in known.tolist()], told.confidence[known])
    return {
        "data": name,
        "method": encoder,
        "train": len(train),
        "test": len(test),
        "elements": len(known),
        "accuracy": round(report.accuracy, 4),
        "macro_f1": round(report.macro_f1, 4),
        "calibration_error": round(report.calibration_error, 4),
        "epochs": log.rows[-1]["epoch"],
        "train_s": round(seconds, 1),
        "train_cpu_s": round(cpu, 1),
        "elements_per_s": round(speed),
    }


def part_of_speech(asked: argparse.Namespace) -> list[Row]:
    """UD English-EWT: trained on train, told on dev; words unseen in training also by themselves."""
    train, dev = (read_tagged(asked.data / f"tagging/pos_{part}.tsv.gz", format="tokens") for part in ("train", "dev"))
    rows = [most_frequent(train, dev)]
    rows += window_peer("pos", train, dev) if asked.peers else []
    for encoder in asked.encoders or (AUTO, "lstm"):
        own = (usual_tag_plan(train), {}) if encoder == AUTO else (POS_PLAN, POS_SETTINGS)
        rows.append(measured("pos", encoder, train, dev, asked, plan=own[0], settings=own[1]))
    return rows


def most_frequent(train: Tagged, test: Tagged) -> Row:
    """Every word its most frequent tag, unknown ones the most frequent of all."""
    assert train.tags is not None
    assert test.tags is not None
    counts: dict[str, Counter[str]] = {}
    for word, label in zip(words_of(train.sequences).words, train.tags, strict=True):
        counts.setdefault(word, Counter())[label] += 1
    usual = Counter(train.tags).most_common(1)[0][0]
    told = [counts[word].most_common(1)[0][0] if word in counts else usual for word in words_of(test.sequences).words]
    report = LabelReport.of(list(test.tags), told)
    return {
        "data": "pos",
        "method": "most frequent",
        "accuracy": round(report.accuracy, 4),
        "macro_f1": round(report.macro_f1, 4),
    }


def structures(path: Path) -> tuple[Tagged, Tagged]:
    """FLIP's training and validation proteins."""
    sets: dict[str, list[tuple[str, str, str, str]]] = {"train": [], "validation": []}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            sets[row["set"]].append((row["id"], row["sequence"], row["labels"], row["resolved"]))
    made = []
    for part in ("train", "validation"):
        ids, texts, labels, resolved = zip(*sets[part], strict=True)
        sequences = Sequences.from_texts(texts, PROTEIN, ids)
        known = np.frombuffer("".join(resolved).encode(), np.uint8) == ord("1")
        made.append(Tagged(sequences, sequences.offsets, Strings.of("".join(labels)), known))
    return made[0], made[1]


def structure(asked: argparse.Namespace) -> list[Row]:
    """Q3 from the sequence alone, on resolved residues of the validation proteins."""
    train, validation = structures(asked.data / "tagging/secondary_structure.tsv.gz")
    if asked.few:
        train = train[np.arange(asked.few)]
    rows = window_peer("structure", train, validation) if asked.peers else []
    for encoder in asked.encoders or ("cnn",):
        rows.append(
            measured("structure", encoder, train, validation, asked, plan=STRUCTURE_PLAN, settings=STRUCTURE_SETTINGS)
        )
    return rows


def window_peer(name: str, train: Tagged, test: Tagged, reach: int = 2, most: int = 200_000) -> list[Row]:
    """One-hot words or residues in a window (two words, or eight residues, to either side) into logistic regression."""
    try:
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.linear_model import SGDClassifier
    except ImportError:
        print("window peer skipped: pip install scikit-learn", file=sys.stderr)
        return []
    reach = 8 if name == "structure" else reach

    def features(data: Tagged, rows: set[int] | None) -> Any:
        bounds = data.offsets.tolist()
        for row in range(len(data)):
            text = data.sequences[row].text
            own = text.split() if data.by_words else list(text)
            for at in range(len(own)):
                if rows is not None and bounds[row] + at not in rows:
                    continue
                window = range(max(0, at - reach), min(len(own), at + reach + 1))
                yield [f"{w - at} {own[w].lower()}" for w in window] + ([own[at][-3:]] if data.by_words else [])

    assert train.tags is not None
    assert test.tags is not None
    start = time.perf_counter()
    chosen = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(train.known))[:most])
    hasher = FeatureHasher(2**18, input_type="string")
    fitted = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=20, random_state=0, average=True).fit(
        hasher.transform(features(train, set(chosen.tolist()))), list(train.tags.take(chosen))
    )
    seconds = time.perf_counter() - start
    known = np.sort(np.random.default_rng(1).permutation(np.flatnonzero(test.known))[:most])
    told = fitted.predict(hasher.transform(features(test, set(known.tolist()))))
    report = LabelReport.of(list(test.tags.take(known)), told.tolist())
    return [
        {
            "data": name,
            "method": "window + logistic regression",
            "elements": len(known),
            "accuracy": round(report.accuracy, 4),
            "macro_f1": round(report.macro_f1, 4),
            "train_s": round(seconds, 1),
        }
    ]


def appearances(n: int, letters: str, length: int, seed: int) -> Tagged:
    """Random strings whose elements are labelled by the order of first appearance of their letter."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(letters), length)) for _ in range(n)]
    tags = [str("".join(dict.fromkeys(text)).index(letter)) for text in texts for letter in text]
    return replace(untagged(Sequences.from_texts(texts, TEXT)), tags=Strings.of(tags))


def order(asked: argparse.Namespace) -> list[Row]:
    """1,000 strings of 15 letters from "abc"; told on unseen strings of 15 and of 60 letters."""
    train = appearances(1000, "abc", 15, 0)
    plan, settings = LabelPlan(epochs=20, batch=16, rate=1e-2), {"hidden": 32, "channels": 16}
    return [
        measured(
            f"order of appearance, length {length}",
            encoder,
            train,
            appearances(1000, "abc", length, 1),
            asked,
            plan=plan,
            settings=settings,
        )
        for encoder in asked.encoders or ("lstm", "gru")
        for length in (15, 60)
    ]


def gatherings(n: int, groups: int, seed: int, steps: int = 20, features: int = 300, inner: int = 8) -> Tagged:
    """Vectors near random centres drawn anew for every sequence, whose groups have names of no meaning.

    Centres differ in `inner` hidden directions only, the same in all sequences; noise goes in all directions.
    """
    hidden = np.linalg.qr(np.random.default_rng(0).standard_normal((features, inner)))[0].T
    rng = np.random.default_rng(seed)
    series, tags = [], []
    for _ in range(n):
        centres = 5 * rng.standard_normal((groups, inner)) @ hidden
        own = rng.permutation(np.concatenate([np.arange(groups), rng.integers(groups, size=steps - groups)]))
        series.append(centres[own] + rng.standard_normal((steps, features)))
        names = rng.permutation(1000)
        tags += [str(names[number]) for number in own]
    return replace(untagged(Sequences.from_arrays(series, layout="ntf")), tags=Strings.of(tags))


def groups(asked: argparse.Namespace) -> list[Row]:
    """300-d elements: trained on sequences of 2 to 4 groups, told on sequences of 2 to 8."""
    parts = [gatherings(300, count, count) for count in (2, 3, 4)]
    train = replace(
        untagged(Sequences.from_arrays([s.data for part in parts for s in part.sequences], layout="ntf")),
        tags=Strings.concatenate([part.tags for part in parts if part.tags is not None]),
    )
    plan = LabelPlan(epochs=12, batch=16, rate=5e-3, device=asked.device)
    start = time.perf_counter()
    settings = {"channels": 32, "layers": 1, "kernel": 1, "bins": 0, "dim": 8}
    model, _ = train_grouper(train, encoder="cnn", plan=plan, settings=settings, seed=asked.seed)
    seconds = time.perf_counter() - start
    reach = best_reach(train)
    rows: list[Row] = []
    for count in (2, 3, 4, 5, 6, 8):
        test = gatherings(200, count, 100 + count)
        for method, told in (
            ("learnt pairs", group(model, test.sequences)[0]),
            ("vectors as they are", as_they_are(test, reach)),
        ):
            scores = {name: round(value, 4) for name, value in grouping_scores(test, told).items()}
            rows.append({"data": f"{count} groups", "method": method, **scores})
    return [{"data": "groups", "method": "learnt pairs", "train_s": round(seconds, 1)}, *rows]


def best_reach(train: Tagged) -> float:
    """The distance at which agglomeration of the vectors themselves suits the training set best."""
    some = train[np.arange(0, len(train), 10)]
    reaches = np.linspace(10, 60, 26)
    return float(max(reaches, key=lambda reach: grouping_scores(some, as_they_are(some, reach))["adjusted_rand"]))


def as_they_are(data: Tagged, reach: float) -> Any:
    """Average linkage over Euclidean distances, cut at `reach`."""
    from scipy.cluster.hierarchy import fclusterdata

    return np.concatenate(
        [fclusterdata(s.data.astype(np.float64), reach, criterion="distance", method="average") for s in data.sequences]
    )


PARTS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "order": order,
    "groups": groups,
    "pos": part_of_speech,
    "structure": structure,
}


def main() -> None:
    parser = parser_for(__doc__, PARTS)
    parser.add_argument("--few", type=int, default=0, help="training proteins  [default: all]")
    run(parser.parse_args(), PARTS)


if __name__ == "__main__":
    main()
