"""Encoders and geometries beside each other on Greengenes, each cell trained for the same processor time.

    python benchmarks/encoders.py [--only table,baselines,dimensions,floor,depth,length,precision,closest]
        [--seconds 180] [--encoders projection,cnn,...] [--geometries euclidean,...] [--dimensions 4,8,...] [--seeds 1]
        [--threads 1] [--sequences v4|full] [--train 7000] [--output rows.jsonl] [--plots FOLDER]

The protocol of NeuroSEED (Corso et al. 2021): 7,000 training, 700 validation and 1,500 test sequences, 128 dimensions;
--train takes more. %RMSE is over all pairs of test sequences, in percent of the longest length drawn (V4: 150 nt), and
beside it in percent of the mean length. --seconds is processor time of all threads, so that a run may be paused or
share its machine; cells that are in --output already are not run again. recall_T: tie-aware recall@10 of 7,000 training
sequences for the test ones (whole genes: for 300 of them), when the best T candidates by predicted distance are
verified exactly. A cell that failed is a row that says why.

`closest`: NeuroSEED's closest string retrieval, of its size: 1,000 references, and of 2,000 queries (whole genes:
1,000) those with one nearest reference; neither was trained on. By the embedding alone: top_10 is the share of queries
whose nearest is among 10 references, top_5% among 50. One geometry, cosine, unless --geometries says others.

The sequences come from the package qiime-default-reference.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from harness.closest import QUERIES, REFERENCES, Closest
from harness.plots import plot_dimensions
from splits import Split, distance_split, random_split

from seqsearch import threads
from seqsearch.arrays import DoubleArray, FloatArray
from seqsearch.datasets import V4_LENGTH, greengenes_full, greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.encoders.components import components_model
from seqsearch.encoders.encoder import Encoder
from seqsearch.encoders.families import family_named
from seqsearch.encoders.features import principal_axes
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.errors import SeqsearchError
from seqsearch.evaluation.plots import plot_heat_map
from seqsearch.geometry import GEOMETRIES, matrix
from seqsearch.learning.metric import Metric
from seqsearch.learning.plan import PRECISIONS, TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from seqsearch.trees import exact_distances, square

TRAIN, VALIDATION, TEST = 7_000, 700, 1_500
ASKED = {"v4": 1_500, "full": 300}  # test sequences whose neighbours are looked for
ENCODERS = ("projection", "linear", "mlp", "cnn", "gru", "lstm", "transformer", "local-transformer", "attention")
COLUMNS = (*GEOMETRIES, "hyperbolic-sphere")
EDIT = EditDistance()


class Data:
    """Sequences by part, and the exact distances of the test part to itself and to the training part."""

    def __init__(self, train: Sequences, database: Sequences, test: Sequences, asked: int = TEST) -> None:
        self.train, self.database, self.test = train, database, test
        lengths = np.concatenate([part.lengths for part in (train, database, test)])
        self.longest, self.mean = float(lengths.max()), float(lengths.mean())
        self.own = square(exact_distances(test, EDIT), len(test))
        self.cross = EDIT.matrix(test[:asked], database).astype(np.float64)

    @classmethod
    def split(cls, sequences: Sequences, split: Split, asked: int = TEST) -> Data:
        training = sequences[np.concatenate([split.train, split.validation])]
        return cls(training, sequences[split.train[:TRAIN]], sequences[split.test], asked)

    def errors(self, own: DoubleArray, cross: DoubleArray) -> dict[str, float]:
        """%RMSE and recalls of predicted distances."""
        upper = np.triu_indices(len(own), 1)
        error = 100 * float(np.sqrt(np.mean((own[upper] - self.own[upper]) ** 2)))
        reach = np.sort(self.cross, axis=1)[:, 9:10]
        order = np.argsort(cross[: len(reach)], axis=1, kind="stable")[:, :100]
        hits = np.take_along_axis(self.cross, order, axis=1) <= reach
        recalls = {f"recall_{t}": float(np.minimum(hits[:, :t].sum(axis=1), 10).mean() / 10) for t in (10, 100)}
        return {"percent_rmse": error / self.longest, "percent_rmse_of_mean": error / self.mean, **recalls}

    def errors_of(self, model: Model) -> dict[str, float]:
        test, database = model.embed(self.test), model.embed(self.database)
        own, cross = (model.scale * matrix(model.geometry, test, b) ** model.power for b in (test, database))
        return self.errors(own, cross)

    def errors_of_points(self, test: FloatArray, database: FloatArray, power: float) -> dict[str, float]:
        """Of Euclidean points, with the one factor that fits the training data best."""
        some = slice(0, 1000)
        near = matrix("euclidean", database[some], database[some]) ** power
        true = EDIT.matrix(self.database[some], self.database[some]).astype(np.float64)
        factor = (near * true).sum() / (near**2).sum()
        return self.errors(*(factor * matrix("euclidean", test, b) ** power for b in (test, database)))


class Measured(Protocol):
    """What a trained model is measured by."""

    def errors_of(self, model: Model) -> dict[str, float]: ...


@dataclass(frozen=True)
class Retrieval:
    """Closest string retrieval by the embedding of a model."""

    closest: Closest

    def errors_of(self, model: Model) -> dict[str, float]:
        queries, references = model.embed(self.closest.queries), model.embed(self.closest.references)
        return self.closest.accuracy(matrix(model.geometry, queries, references))


class Rows:
    """Prints rows and writes each as soon as it is known."""

    def __init__(self, path: str | None) -> None:
        self.kept: list[dict[str, Any]] = []
        self._path = path
        if path is not None and Path(path).exists():
            self.kept = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]

    def has(self, **row: Any) -> bool:
        """Whether an earlier run has measured this already."""
        return any(all(kept.get(name) == value for name, value in row.items()) for kept in self.kept)

    def add(self, **row: Any) -> None:
        self.kept.append(row)
        shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
        print("  ".join(f"{k}={v}" for k, v in shown.items()), flush=True)
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def measured(
    data: Measured, training: Sequences, encoder: str, geometry: str, seconds: float, dim: int, seed: int
) -> dict[str, Any]:
    """Train one cell and measure it; a failure is told, not raised."""
    name, _, mode = geometry.partition("-")
    plan = replace(
        TrainingPlan.of_effort("high"),
        geometry=name,
        mode=mode or "ball",
        seconds=seconds,
        clock="cpu",
        steps=4000,
        patience=1000,
        validate=VALIDATION,
        check=50,
    )
    started, spent = time.monotonic(), time.process_time()
    try:
        model, log = train(training, EDIT, encoder=encoder, plan=plan, seed=seed, settings={"dim": dim})
        errors: dict[str, Any] = data.errors_of(model) | {"steps": log.rows[-1]["step"]}
    except SeqsearchError as error:
        errors = {"percent_rmse": None, "failed": str(error)}
    return {
        "encoder": encoder,
        "geometry": geometry,
        "dimensions": dim,
        "seed": seed,
        **errors,
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - spent,
    }


def table(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    usual = (options.sequences, options.train) == ("v4", TRAIN)
    about: dict[str, Any] = {} if usual else {"sequences": options.sequences, "train": options.train}
    for encoder in options.encoders:
        for geometry in options.geometries:
            for seed in range(options.seeds):
                if rows.has(part="table", encoder=encoder, geometry=geometry, dimensions=128, seed=seed, **about):
                    continue
                rows.add(
                    part="table", **about, **measured(data, data.train, encoder, geometry, options.seconds, 128, seed)
                )


def baselines(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    """k-mer counts, their principal components and random projections of them: nothing learned but one factor."""
    rng = np.random.default_rng(0)
    for k in (4, 5):
        model = kmer_model(data.database, k)
        test, database = model.embed(data.test), model.embed(data.database)
        maps = {
            f"{k}-mers": np.eye(model.dim, dtype=np.float32),
            f"PCA of {k}-mers": principal_axes(database, 128),
            f"random projection of {k}-mers": rng.standard_normal((model.dim, 128)).astype(np.float32),
        }
        for name, axes in maps.items():
            errors = data.errors_of_points(test @ axes, database @ axes, 1.5)
            rows.add(part="baselines", encoder=name, geometry="euclidean", dimensions=axes.shape[1], **errors)


def closest(everything: Sequences, options: argparse.Namespace, rows: Rows) -> None:
    """References and queries are drawn after the training set, by the permutation that all parts draw from."""
    order = np.random.default_rng(0).permutation(len(everything))
    asked = QUERIES if options.sequences == "v4" else QUERIES // 2
    ends = np.cumsum([options.train + VALIDATION, REFERENCES, asked])
    training, references, queries = (everything[np.sort(part)] for part in np.split(order[: ends[-1]], ends[:-1]))
    retrieval = Retrieval(Closest.of(references, queries, EDIT))
    about = {"part": "closest", "sequences": options.sequences, "train": options.train}
    untrained = {
        "4-mers": lambda: kmer_model(training, 4),
        "5-mers": lambda: kmer_model(training, 5),
        "none (components)": lambda: components_model(training),
    }
    for name, make in untrained.items():
        if not rows.has(**about, encoder=name):
            model = make()
            found = retrieval.errors_of(model)
            rows.add(**about, encoder=name, geometry=model.geometry, dimensions=model.dim, **found,
                     queries=len(retrieval.closest.queries))  # fmt: skip
    geometries = ["cosine"] if options.geometries == list(COLUMNS) else options.geometries
    for encoder, geometry, seed in itertools.product(options.encoders, geometries, range(options.seeds)):
        cell = {**about, "encoder": encoder, "geometry": geometry, "seed": seed, "asked_seconds": options.seconds}
        if not rows.has(**cell):
            found = measured(retrieval, training, encoder, geometry, options.seconds, 128, seed)
            rows.add(**{**cell, **found}, queries=len(retrieval.closest.queries))


def dimensions(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    for geometry in (name for name in ("euclidean", "cosine", "hyperbolic-sphere") if name in options.geometries):
        for dim in options.dimensions:
            if not rows.has(part="dimensions", encoder="projection", geometry=geometry, dimensions=dim):
                cell = measured(data, data.train, "projection", geometry, options.seconds, dim, 0)
                rows.add(part="dimensions", series=f"projection, {geometry}", **cell)


def floor(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    """Points that no encoder makes: one for each test sequence, moved freely until their distances fit the exact ones.
    What these leave is about what the geometry can do in so many dimensions; gradient descent finds it only nearly.
    """
    columns = [name for name in ("hyperbolic", "hyperbolic-sphere") if name in options.geometries]
    for geometry, dim in itertools.product(columns, options.dimensions):
        for power in (None, 1.0):
            if not rows.has(part="floor", geometry=geometry, dimensions=dim, power=power):
                error = freely_placed(data.own, geometry, dim, power) / data.longest
                rows.add(part="floor", geometry=geometry, dimensions=dim, power=power, percent_rmse=100 * error)


def freely_placed(exact: DoubleArray, geometry: str, dim: int, power: float | None, steps: int = 600) -> float:
    """The root of the mean squared error that is left over all pairs, in edits. `power`: as in `TrainingPlan`."""
    torch.manual_seed(0)
    name, _, mode = geometry.partition("-")
    true = torch.from_numpy(exact / np.median(exact)).float()
    points, metric = torch.nn.Parameter(torch.randn(len(true), dim)), Metric(name, mode=mode or "ball", power=power)
    metric.start(points.detach())
    with torch.no_grad():
        told = metric(points)
        ratio = float((told * true).sum() / told.square().sum()) ** (1 / metric.exponent)
        if metric.log_factor.requires_grad:
            metric.factor = ratio
        else:
            points.mul_(ratio)
    optimizer = torch.optim.Adam([{"params": [points], "lr": 0.02}, {"params": metric.parameters(), "lr": 0.005}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    left = float("nan")
    for _ in range(steps):
        loss = (metric(points) - true).square().mean() * len(true) / (len(true) - 1)
        left = float(loss.detach()) ** 0.5
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return left * float(np.median(exact))


def depth(sequences: Sequences, options: argparse.Namespace, rows: Rows) -> None:
    """Does it generalise? Test neighbourhoods of 2^depth relatives are kept out of training together."""
    for level in range(0, 9, 2):
        rng = np.random.default_rng(1)
        split = distance_split(sequences, EDIT, validation=VALIDATION, test=TEST, depth=level, rng=rng)
        data = Data.split(sequences, split)
        cell = measured(data, data.train, "projection", "cosine", options.seconds, 128, 0)
        rows.add(part="depth", depth=level, **cell)


def length(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    """Trained on V4, used on what is twice as long without another step: windows of 300 nt of the same genes, and pairs
    of V4 genes joined end to end.
    """
    longer = {"windows": windows(data), "joined": joined(data)}
    geometries = [name for name in ("euclidean", "cosine") if name in options.geometries]
    for encoder, geometry in itertools.product(options.encoders, geometries):
        plan = replace(TrainingPlan(), geometry=geometry, seconds=options.seconds, clock="cpu", validate=VALIDATION)
        model, _ = train(data.train, EDIT, encoder=encoder, plan=plan, settings={"dim": 128})
        for name, part in {"trained on": data, **longer}.items():
            rows.add(
                part="length",
                encoder=encoder,
                geometry=geometry,
                dimensions=128,
                sequences=name,
                nt=float(part.test.lengths.mean()),
                **part.errors_of(model),
                **agreement(part, model),
            )


def windows(data: Data) -> Data:
    """The same genes, 300 nt after the primer."""
    twice = greengenes_v4(2 * V4_LENGTH)
    row_of = {twice.ids[row]: row for row in range(len(twice))}
    parts = ([row_of[name] for name in part.ids if name in row_of] for part in (data.database, data.test))
    database, test = (twice[np.array(rows)] for rows in parts)
    return Data(database, database, test)


def joined(data: Data) -> Data:
    """Every sequence followed by its neighbour in the file."""
    database, test = (
        Sequences.from_arrays(
            [np.concatenate([part[i].data, part[i + 1].data]) for i in range(0, len(part) - 1, 2)], part.alphabet
        )
        for part in (data.database, data.test)
    )
    return Data(database, database, test)


def agreement(data: Data, model: Model) -> dict[str, float]:
    """Correlation of predicted and exact distances, and the error left when the one factor is fitted anew."""
    points = model.embed(data.test)
    upper = np.triu_indices(len(points), 1)
    told = (model.scale * matrix(model.geometry, points, points) ** model.power)[upper]
    true = data.own[upper]
    refitted = told * (told @ true) / (told @ told)
    return {
        "correlation": float(np.corrcoef(told, true)[0, 1]),
        "percent_rmse_refitted": float(100 * np.sqrt(np.mean((refitted - true) ** 2)) / data.longest),
    }


def precision(data: Data, options: argparse.Namespace, rows: Rows) -> None:
    """The same steps in float32 and with the networks' products in bfloat16: what they cost and what they reach."""
    for encoder in options.encoders:
        for name in PRECISIONS:
            plan = TrainingPlan(steps=options.steps, check=options.steps, validate=VALIDATION, precision=name)
            family = family_named(encoder)
            network = family.build(InputSpec.fit(data.database), {})
            seconds = step_seconds(network, data.database, name)
            model, _ = train(data.train, EDIT, encoder=encoder, plan=plan)
            rows.add(
                part="precision",
                encoder=encoder,
                precision=name,
                steps=options.steps,
                network_ms=1000 * seconds,
                **data.errors_of(model),
            )


def step_seconds(network: Encoder, sequences: Sequences, name: str, repeats: int = 9) -> float:
    """Median processor time of a step of the network alone: 256 sequences, there and back."""
    inputs = [torch.from_numpy(part) for part in network.prepare(sequences[:256])]
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=name == "bfloat16"):
            points = network(*inputs)
        torch.autograd.backward(points.float().square().mean())
        spent.append(time.process_time() - started)
    return float(np.median(spent))


def draw(rows: list[dict[str, Any]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cells = [row for row in rows if row["part"] == "table"]
    if cells:
        plot_heat_map(cells, folder / "encoders.png")
    curves = [row for row in rows if row["part"] == "dimensions"]
    if curves:
        plot_dimensions(curves, folder / "dimensions.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="table,baselines,dimensions,depth,length")
    parser.add_argument("--encoders", default=",".join(ENCODERS), type=lambda text: text.split(","))
    parser.add_argument("--geometries", default=",".join(COLUMNS), type=lambda text: text.split(","))
    parser.add_argument("--dimensions", default="4,8,16,32,64,128", type=lambda text: list(map(int, text.split(","))))
    parser.add_argument("--seconds", default=180.0, type=float)
    parser.add_argument("--steps", default=300, type=int, help="of the part precision")
    parser.add_argument("--seeds", default=1, type=int)
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--sequences", default="v4", choices=list(ASKED))
    parser.add_argument("--train", default=TRAIN, type=int, help="training sequences")
    parser.add_argument("--output")
    parser.add_argument("--plots", type=Path)
    options = parser.parse_args()
    threads.use(options.threads)
    everything = greengenes_v4() if options.sequences == "v4" else greengenes_full()
    rows, parts = Rows(options.output), options.only.split(",")
    if "closest" in parts:
        parts.remove("closest")
        closest(everything, options, rows)
    order = np.random.default_rng(0).permutation(len(everything))[: options.train + VALIDATION + TEST]
    sequences = everything[np.sort(order)]
    rng = np.random.default_rng(0)
    split = random_split(len(sequences), validation=VALIDATION, test=TEST, rng=rng)
    data = Data.split(sequences, split, ASKED[options.sequences]) if set(parts) - {"depth"} else None
    for part in parts:
        if part == "depth" or data is None:
            depth(sequences, options, rows)
        else:
            {
                "table": table,
                "baselines": baselines,
                "dimensions": dimensions,
                "length": length,
                "floor": floor,
                "precision": precision,
            }[part](data, options, rows)
    if options.plots is not None:
        draw(rows.kept, options.plots)


if __name__ == "__main__":
    main()
