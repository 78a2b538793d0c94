"""Scores and their performances matched: learned hashes, embedding and cascade beside averages and exact DTW.

    pip install 'seqsearch[bench]'       # and, for sound: apt-get install fluidsynth fluid-soundfont-gm
    python benchmarks/matching.py --data ../shared/data/music/nottingham_midi.tar.gz --tier symbolic --level hard
        [--tier audio|cross] [--level easy|hard] [--tunes N] [--decoys 4] [--output rows.jsonl] [--plots FOLDER]
    python benchmarks/matching.py --data ../shared/data/music/nottingham_midi.tar.gz --tier audio --decoys 3
        --versions 9 --renders 3 --queries 150 --steps 8000 --seconds 480 --exact 150    # the figures of README.md

Queries are scores, the database holds one corrupted excerpt of 30 s of every tune and transposed copies of each as
decoys. A tier without sound compares piano rolls, "audio" the spectra of two SoundFonts, "cross" rolls with spectra.
Whole families of tunes train, develop (budgets) or test. Ranks are those of the right performance among all entries.
Peers: the averages (TPAA, mean and deviation) and exact DTW of the same run. --seconds is processor time of training,
for each pair of towers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import matching_data as data
import numpy as np
from averages import averaged_hashes, statistics
from harness.plots import plot_codes, plot_matrix, plot_ranks
from harness.ranks import mean_reciprocal_rank, n95, share_within
from music.audio import SOUND_FONTS
from safetensors import safe_open
from safetensors.numpy import save_file

from seqsearch import threads
from seqsearch.arrays import AnyArray, DoubleArray, IntArray
from seqsearch.distances import HashDTW, HashSequences, MatchingDTW
from seqsearch.encoders.pair import TowerPair
from seqsearch.evaluation.plots import plot_histograms
from seqsearch.hashing import bhattacharyya, bit_correlation, bit_entropy, hamming
from seqsearch.learning.towers import TowerPlan, train_towers
from seqsearch.search.encoding import TwoTowers
from seqsearch.search.pair_calibrator import calibrate_pairs
from seqsearch.search.pairs.building import GULLY, PairParts
from seqsearch.search.pipeline import Queries, Trace
from seqsearch.sequences import Sequences

TOPS = (1, 5, 10, 100)
VERSION = "2 "  # of the towers: those kept by an earlier version are not taken
PENALTIES = (0.125, 0.25, 0.375, 0.5, 0.75)


class Rows:
    """Prints rows and writes each as soon as it is known."""

    def __init__(self, path: str | None, common: dict[str, Any]) -> None:
        self.path, self.common, self.kept = path, common, list[dict[str, Any]]()

    def add(self, **row: Any) -> None:
        row = {**self.common, **row}
        self.kept.append(row)
        shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items() if k not in self.common}
        print("  ".join(f"{k}={v}" for k, v in shown.items()), flush=True)
        if self.path is not None:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


class Setting:
    """Everything that one run compares on."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tunes = data.tunes_of(options.data, options.tunes, options.seed)
        everything = range(len(self.tunes.names))
        self.pairs = [data.pair_of(self.tunes, row, options.tier, options.level, options) for row in everything]
        self.database = data.database_of(self.pairs, options.decoys)
        test = self.tunes.test[: options.queries]
        self.queries, self.correct = data.queries_of(self.pairs, test), test
        self.develop, self.develop_correct = (data.queries_of(self.pairs, self.tunes.develop), self.tunes.develop)

    def ranks(self, scores: DoubleArray, correct: IntArray) -> DoubleArray:
        """Ranks from 1; entries with the same score share their mean rank."""
        own = scores[np.arange(len(scores)), correct][:, None]
        found: DoubleArray = (scores < own).sum(axis=1) + ((scores == own).sum(axis=1) + 1) / 2
        return found

    def row(
        self, method: str, scores: DoubleArray, seconds: float, bytes_an_entry: float, **more: Any
    ) -> dict[str, Any]:
        ranks = self.ranks(scores, self.correct)
        self.last = ranks
        return {
            "method": method,
            "mrr": mean_reciprocal_rank(ranks),
            **{f"top_{t}": share_within(ranks, t) for t in TOPS},
            "n95": n95(ranks, len(self.database)),
            "seconds_a_query": seconds / len(ranks),
            "bytes": bytes_an_entry,
            **more,
        }


def hashed(setting: Setting, make: Any, rows: Rows, method: str, bits: int, **more: Any) -> tuple[int, AnyArray]:
    """Rank by hash DTW with the penalty that does best on the development tunes. `make`: sequences, side -> hashes."""
    entries: HashSequences = make(setting.database, "database")
    developing: HashSequences = make(setting.develop, "query")
    values = []
    for penalty in PENALTIES:
        scores = HashDTW(penalty=max(1, round(penalty * bits))).scores(developing, entries)
        values.append(mean_reciprocal_rank(setting.ranks(scores, setting.develop_correct)))
    penalty = max(1, round(PENALTIES[int(np.argmax(values))] * bits))
    queries: HashSequences = make(setting.queries, "query")
    start = time.perf_counter()
    scores = HashDTW(penalty=penalty).scores(queries, entries)
    seconds = time.perf_counter() - start
    rows.add(**setting.row(method, scores, seconds, entries.codes.nbytes / len(entries), penalty=penalty, **more))
    return penalty, setting.last


def code_quality(setting: Setting, towers: TowerPair) -> tuple[dict[str, float], IntArray, IntArray]:
    """Hamming distances of aligned and mismatched steps of test tunes: their overlap, and what the bits are worth."""
    pairs = [setting.pairs[row] for row in setting.correct]
    first = Sequences.from_arrays([data.window(pair.score)[pair.at] for pair in pairs], layout="ntf")
    second = Sequences.from_arrays([data.window(pair.played) for pair in pairs], layout="ntf")
    a, b = towers.hashes(first, "query"), towers.hashes(second, "database")
    width = towers.dim // 8
    left, right = (h.codes.view(np.uint8).reshape(-1, h.bits // 8)[:, :width] for h in (a, b))
    lengths = np.diff(a.offsets)
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    other = rng.integers(len(left), size=len(left))
    families = setting.tunes.families[setting.correct][owners]
    apart = families[other] != families
    same, mismatched = hamming(left, right), hamming(left[apart], right[other[apart]])
    return (
        {
            "bhattacharyya": bhattacharyya(same, mismatched),
            "bit_entropy": bit_entropy(right, towers.dim),
            "bit_correlation": bit_correlation(right, towers.dim),
        },
        same,
        mismatched,
    )


def learn(setting: Setting, options: argparse.Namespace) -> dict[str, TowerPair]:
    """Hash towers of 16 and 32 bits and attention towers, from the training tunes; kept in the cache."""
    wanted = {f"hash{bits}": ("hash", bits) for bits in options.bits} | {"points": ("attention", options.dim)}
    made = {name: kept for name in wanted if (kept := remembered(options, name)) is not None}
    missing = [name for name in wanted if name not in made][: options.learn]
    if missing:
        aligned, played, whole, excerpts, groups = data.training_pairs(
            setting.tunes, setting.tunes.train, options.tier, options
        )
    for name in missing:
        family, dim = wanted[name]
        plan = plan_of(options, family)
        start = time.process_time()
        sides = (aligned, played) if family == "hash" else (whole, excerpts)
        made[name], log = train_towers(
            *sides, family=family, groups=groups, settings={"dim": dim}, plan=plan, seed=options.seed
        )
        print(f"{name}: {time.process_time() - start:.0f} s, {log.rows[-1]}", flush=True)
        save_file(made[name].weights, place_of(options, name), {"towers": json.dumps(made[name].document())})
    return made


def plan_of(options: argparse.Namespace, family: str) -> TowerPlan:
    return replace(TowerPlan.for_family(family), seconds=options.seconds, clock="cpu", steps=options.steps)


def place_of(options: argparse.Namespace, name: str) -> Path:
    """Where towers of these settings are kept."""
    names = ("tier", "tunes", "versions", "renders", "dim", "fonts", "seed")
    told = VERSION + " ".join(f"{key}={getattr(options, key)}" for key in names)
    told += str(plan_of(options, "attention" if name == "points" else "hash"))
    folder = Path(options.cache)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{hashlib.blake2b(told.encode(), digest_size=6).hexdigest()}.safetensors"


def remembered(options: argparse.Namespace, name: str) -> TowerPair | None:
    """Towers of an earlier run with these settings."""
    place = place_of(options, name)
    if not place.exists():
        return None
    with safe_open(place, framework="np") as file:
        document = json.loads(file.metadata()["towers"])
        return TowerPair.restore(document, {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118


def embedded(setting: Setting, towers: TowerPair, rows: Rows) -> tuple[AnyArray, DoubleArray, AnyArray]:
    """Ranks by the learned points, and by means and deviations, standardised over the database."""
    entries, queries = statistics(setting.database), statistics(setting.queries)
    mean, deviation = entries.mean(axis=0), entries.std(axis=0) + 1e-9
    start = time.perf_counter()
    scores = _apart((queries - mean) / deviation, (entries - mean) / deviation)
    rows.add(**setting.row("mean and deviation", scores, time.perf_counter() - start, entries.nbytes / len(entries)))
    plain = setting.last
    points, asked = towers.points(setting.database, "database"), towers.points(setting.queries, "query")
    start = time.perf_counter()
    scores = _apart(asked, points)
    rows.add(**setting.row("embedding", scores, time.perf_counter() - start, points.nbytes / len(points)))
    return setting.last, scores, plain


def _apart(a: AnyArray, b: AnyArray) -> DoubleArray:
    found: DoubleArray = np.stack([np.linalg.norm(b - row, axis=1) for row in a]).astype(np.float64)
    return found


def exact(setting: Setting, rows: Rows) -> tuple[AnyArray, float]:
    """Ranks by exact DTW against everything, of the first --exact test queries."""
    some = min(setting.options.exact, len(setting.queries))
    distance = MatchingDTW()
    start = time.perf_counter()
    every = np.arange(len(setting.database))
    scores = np.stack(
        [distance.pairs(setting.queries, np.full(len(every), q), setting.database, every) for q in range(some)]
    )
    seconds = time.perf_counter() - start
    everyone = setting.correct
    setting.correct = everyone[:some]
    entry = setting.database.data.nbytes / len(setting.database)
    rows.add(**setting.row("exact DTW", scores, seconds, entry, queries=some))
    setting.correct = everyone
    return setting.last, seconds / some


def cascade(setting: Setting, made: dict[str, TowerPair], penalty: int, rows: Rows, exact_seconds: float) -> None:
    """Budgets chosen on development tunes; measured on the test tunes, and beside exact DTW on those it was run for."""
    bits = max(setting.options.bits)
    encoder, exact = TwoTowers(made[f"hash{bits}"], made["points"]), MatchingDTW()
    parts = PairParts.of(encoder, setting.database, exact, 0)
    parts.settings["pairs"] = {"penalty": penalty, "gully": GULLY}
    pipeline, most = parts.pipeline(exact), max(1, int(setting.options.most * len(setting.database)))
    recall = setting.options.recall
    budget, _ = calibrate_pairs(pipeline, setting.develop, setting.develop_correct, recall, most).choose(recall, 5)
    assert budget is not None
    start, trace = time.perf_counter(), Trace()
    found = pipeline.neighbours(setting.queries, 5, budget, trace=trace)
    seconds = (time.perf_counter() - start) / len(setting.queries)
    for stage in trace.values():
        came, kept, took = (n / stage.queries for n in (stage.compared, stage.kept, stage.seconds))
        rows.add(method=f"cascade, {stage.name}", came=came, kept=kept, seconds=took)
    reached = pipeline.kept(Queries(setting.queries), budget).rows == setting.correct[:, None]
    told = {
        "false_rejects": 1 - float(reached.any(axis=1).mean()),
        "seconds_a_query": seconds,
        "times_exact": exact_seconds / seconds if exact_seconds else None,
        "exact_avoided": 1 - budget.keeps[-1] / len(setting.database),
        "bytes": setting.database.data.nbytes / len(setting.database),
    }
    rows.add(method="cascade", blend=budget.weight, **_firsts(setting, found.rows), **told)
    alone = pipeline.neighbours(setting.queries, 5, replace(budget, weight=0.0))
    rows.add(method="cascade, ranked by exact DTW alone", blend=0.0, **_firsts(setting, alone.rows), **told)


def _firsts(setting: Setting, found: IntArray) -> dict[str, float]:
    """Shares of queries whose match is first or among five, of all and of those that exact DTW was run for."""
    hits = found == setting.correct[:, None]
    told = {"top_1": float(hits[:, 0].mean()), "top_5": float(hits.any(axis=1).mean())}
    some = hits[: setting.options.exact]
    if len(some):
        told["top_1_of_exact_queries"] = float(some[:, 0].mean())
        told["top_5_of_exact_queries"] = float(some.any(axis=1).mean())
    return told


def draw(setting: Setting, made: dict[str, TowerPair], curves: dict[str, AnyArray], told: Any, folder: Path) -> None:
    """The pictures, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    bits, same, other = told
    populations = [("aligned steps of one tune", same), ("steps of different tunes", other)]
    rows = [
        {"value": int(value), "count": int(count), "series": name}
        for name, distances in populations
        for value, count in zip(*np.unique(distances, return_counts=True), strict=True)
    ]
    plot_histograms(
        rows, folder / "hash-distances.png", title=f"Hamming distances of {bits}-bit hashes", x_label="bits"
    )
    ranks = [{"series": name, "rank": float(rank)} for name, values in curves.items() for rank in values]
    plot_ranks(ranks, folder / "ranks.png", size=len(setting.database), title="Rank of the right performance")
    pair, towers = setting.pairs[int(setting.correct[0])], made[f"hash{bits}"]
    score = towers.hashes(Sequences.from_arrays([data.window(pair.score)[pair.at]]), "query")
    played = towers.hashes(Sequences.from_arrays([data.window(pair.played)]), "database")
    plot_codes(
        {"score": _bits(score, bits), "performance": _bits(played, bits)},
        folder / "codes.png",
        title=f"Hashes of a score and a performance: {pair.name}",
        step=towers.tower("query").pooling * data.PERIOD,
        unit="s",
    )
    some = setting.correct[:40]
    points = made["points"].points(setting.database[some], "database")
    asked = made["points"].points(data.queries_of(setting.pairs, some), "query")
    plot_matrix(
        _apart(asked, points),
        folder / "embedding.png",
        title="Distances of embeddings: the diagonal matches",
        x_label="performance",
        y_label="score",
    )


def _bits(hashes: HashSequences, bits: int) -> AnyArray:
    packed = hashes.codes.view(np.uint8).reshape(-1, hashes.bits // 8)
    return np.unpackbits(packed, axis=1, count=bits, bitorder="little")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder or an archive of MIDI or ABC files")
    parser.add_argument("--tier", choices=["symbolic", "audio", "cross"], default="symbolic")
    parser.add_argument("--level", choices=["easy", "hard"], default="hard")
    parser.add_argument("--tunes", type=int, help="only so many tunes")
    parser.add_argument("--queries", type=int, help="only so many test queries")
    parser.add_argument("--exact", type=int, default=60, help="test queries compared with everything by exact DTW")
    parser.add_argument("--decoys", type=int, default=4, help="transposed copies of every performance")
    parser.add_argument("--versions", type=int, default=4, help="training pairs of every tune")
    parser.add_argument("--renders", type=int, default=1, help="of which so many are rendered, the rest transposed")
    parser.add_argument("--embedding", action="store_true", help="the embedding alone, beside mean and deviation")
    parser.add_argument("--bits", type=lambda text: [int(b) for b in text.split(",")], default=[16, 32])
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--learn", type=int, default=99, help="towers to train at most; the run ends where some lack")
    parser.add_argument("--recall", type=float, default=0.99, help="of the development queries, at the last stage")
    parser.add_argument("--most", type=float, default=0.0096, help="share of the database that exact DTW may see")
    parser.add_argument("--fonts", nargs=2, default=list(SOUND_FONTS), help="of scores and of performances")
    parser.add_argument("--cache", default="matching-cache", help="folder of rendered features")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output")
    parser.add_argument("--plots", type=Path)
    options = parser.parse_args()
    options.bits = [] if options.embedding else options.bits
    threads.use(options.threads)
    start = time.perf_counter()
    setting = Setting(options)
    common = {
        "tier": options.tier,
        "level": options.level,
        "tunes": len(setting.pairs),
        "entries": len(setting.database),
    }
    print(f"{common}, {len(setting.queries)} queries; {time.perf_counter() - start:.0f} s", flush=True)
    rows = Rows(options.output, common)
    curves: dict[str, AnyArray] = {}
    pitches = setting.database.features
    pooling = 4
    made = learn(setting, options)
    if len(made) <= len(options.bits):
        return
    if options.embedding:
        embedded(setting, made["points"], rows)
        return
    _, curves["TPAA"] = hashed(setting, lambda s, side: averaged_hashes(s, pooling), rows, "TPAA", pitches)
    penalty = 0
    for bits in options.bits:
        towers = made[f"hash{bits}"]
        quality, same, other = code_quality(setting, towers)
        penalty, curves[f"hash, {bits} bits"] = hashed(
            setting, towers.hashes, rows, f"hash, {bits} bits", bits, **quality
        )
    curves["embedding"], _, curves["mean and deviation"] = embedded(setting, made["points"], rows)
    seconds = 0.0
    if options.exact:
        curves["exact DTW"], seconds = exact(setting, rows)
    cascade(setting, made, penalty, rows, seconds)
    if options.plots is not None:
        draw(setting, made, curves, (options.bits[-1], same, other), options.plots)


if __name__ == "__main__":
    main()
