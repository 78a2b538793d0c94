"""Beats in 30-minute ECG records under the infix form of DTW: `fragments.py --part dtw`.

    pip install stumpy dtaidistance
    python benchmarks/fragments.py --part dtw --ecg DATA/ecg/mitbih_beats.npz --output fragments_dtw.jsonl

The records: all beats of a patient of the MIT-BIH Arrhythmia Database (200 steps at 360 Hz), in order, joined by
straight lines to 648,000 steps, 30 minutes. (The beats are real, the stretches between them are not: no package carries
whole records.) The queries: beats, `--held` of whose steps last twice as long, with noise of `--noise` deviations; for
the form that standardises also louder or softer and shifted. Place: right when the nearest part begins within 20 steps
(56 ms) of where the beat was cut, in the record it was cut from.

`cpu_ms_a_record`: of processor time, whoever else wants the cores.

`plain`: every part (or every cell) compared, without a bound, in the same numba kernels; on `--plain` queries and one
record, as are the peers: their time is told a record. stumpy.mass is the distance without warping, of all parts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import SequenceIndex, threads
from seqsearch.distances import DTWDistance, InfixDTW, Neighbours, recall_at
from seqsearch.distances import dtw_infix_kernels as parts
from seqsearch.sequences import Sequences

STEPS = 648_000
NEAR = 20
FORMS: dict[str, dict[str, Any]] = {
    "any length": {},
    "window .1, standardised": {"window": 0.1, "standardise": True},
    "window .05": {"window": 0.05},
}
Row = Callable[..., None]


def records_of(path: Path, count: int) -> tuple[Sequences, list[np.ndarray]]:
    """Records, and where each beat of them begins."""
    with np.load(path) as archive:
        beats, patients = archive["X"].astype(np.float32), archive["record"]
    records, places, names = [], [], np.unique(patients)[:count]
    for patient in names.tolist():
        own = beats[patients == patient]
        gap = max(0, (STEPS - own.size) // max(len(own) - 1, 1))
        bridge = np.linspace(own[:-1, -1], own[1:, 0], gap + 2, axis=1)[:, 1:-1]
        records.append(np.concatenate([np.hstack([own[:-1], bridge]).ravel(), own[-1]]).astype(np.float32))
        places.append(np.arange(len(own)) * (own.shape[1] + gap))
    return Sequences.from_arrays(records, ids=[f"record{name}" for name in names]), places


def beats_of(
    records: Sequences, places: list[np.ndarray], standardised: bool, options: argparse.Namespace
) -> tuple[Sequences, np.ndarray, np.ndarray]:
    """Queries, the records that they are of, and where they begin there."""
    rng, count, extra = np.random.default_rng(options.seed), options.beats, options.held
    rows, begins, queries = rng.integers(0, len(records), count), [], []
    for row in rows.tolist():
        begin = int(rng.choice(places[row]))
        beat = records[row].data[begin : begin + 200 - extra, 0].astype(float)
        held = np.sort(np.concatenate([np.arange(len(beat)), rng.choice(len(beat), extra, replace=False)]))
        query = beat[held] + options.noise * beat.std() * rng.standard_normal(200)
        if standardised:
            query = query * rng.uniform(0.5, 2) + rng.uniform(-500, 500)
        begins.append(begin)
        queries.append(query.astype(np.float32))
    return Sequences.from_arrays(queries), rows, np.array(begins)


def plainly(distance: InfixDTW, query: Sequences, record: Sequences) -> float:
    """The distance with every part compared, or every cell."""
    y = record[0].data
    if distance.window is None:
        x, frames = parts.backwards(distance.prepared(query).data), y.astype(float).T.copy()
        ends = np.empty(len(y))
        parts.sweep(x, frames, 0, distance.form.local, np.empty((3, x.shape[1] + 1)), ends)
        return float(ends.min())
    whole, m, least = DTWDistance(window=distance.window, standardise=distance.standardise), len(query[0]), np.inf
    for first in range(0, len(y) - m + 1, 20_000):
        some = y[first : first + 20_000 + m - 1, 0]
        cut = np.lib.stride_tricks.sliding_window_view(some, m)
        least = min(least, float(whole.matrix(query, Sequences.from_arrays(cut)).min()))
    return least


def by_stumpy(query: Sequences, record: Sequences) -> tuple[float, int]:
    """Seconds, and where the nearest part begins: the Euclidean distance of standardised parts."""
    import stumpy

    x, y = query[0].data[:, 0].astype(float), record[0].data[:, 0].astype(float)
    start = time.perf_counter()
    begin = int(np.argmin(stumpy.mass(x, y)))
    return time.perf_counter() - start, begin


def by_dtaidistance(query: Sequences, record: Sequences, steps: int) -> tuple[float, float]:
    """Seconds, and the distance (a root) to the nearest part of any length of the first `steps`: all cells, in C."""
    from dtaidistance.subsequence.dtw import subsequence_alignment

    x, y = query[0].data[:, 0].astype(float), record[0].data[:steps, 0].astype(float)
    start = time.perf_counter()
    found = subsequence_alignment(x, y, penalty=0, use_c=True).best_match()
    return time.perf_counter() - start, float(found.distance)


def measured(records: Sequences, places: list[np.ndarray], form: str, options: argparse.Namespace, row: Row) -> None:
    """Rows of one form of the distance."""
    distance = InfixDTW(**FORMS[form])
    queries, rows, begins = beats_of(records, places, distance.standardise, options)
    some, told = records[:1], {"form": form, "beats": len(queries), "noise": options.noise, "held": options.held}
    distance.searcher(some).search(queries[:2], 1)  # compiled
    distance.spans(queries[:1], np.zeros(1, int), some, np.zeros(1, int))
    start, spent = time.perf_counter(), time.process_time()
    searcher = distance.searcher(records)
    truth, pruning = searcher.search(queries, 1)
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    spans = distance.spans(queries, np.arange(len(queries)), records, truth.rows[:, 0])[0]
    right = (truth.rows[:, 0] == rows) & (np.abs(spans - begins) <= NEAR)
    row(
        algorithm="seqsearch lossless",
        **told,
        seconds=round(seconds, 2),
        ms_a_record=round(1000 * seconds * threads.count() / len(queries) / len(records), 2),
        cpu_ms_a_record=round(1000 * spent / len(queries) / len(records), 2),
        place_first=round(float(right.mean()), 4),
        pruning=str(pruning),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        index = SequenceIndex.build(
            Path(folder) / "ecg.ss", records, distance="dtw-infix", distance_parameters=FORMS[form]
        )
        built, start = time.perf_counter() - start, time.perf_counter()
        found = index.search(queries, k=1)
        parts_found = found.parts[0] - 1
        seconds = time.perf_counter() - start
        right = (found.rows[:, 0] == rows) & (np.abs(parts_found - begins) <= NEAR)
        row(
            algorithm="seqsearch index, with places",
            **told,
            build_s=round(built, 1),
            seconds=round(seconds, 2),
            ms_a_record=round(1000 * seconds * threads.count() / len(queries) / len(records), 2),
            recall=float(recall_at(Neighbours(found.rows, found.distances), truth, 1).mean()),
            place_first=round(float(right.mean()), 4),
        )
        index.close()
    seconds, spent, same = 0.0, 0.0, True
    with threads.using(1):
        plainly(distance, queries[:1], Sequences.from_arrays([records[0].data[:3000]]))  # compiled
        for q in range(options.plain):
            record = records[int(rows[q]) : int(rows[q]) + 1]
            start, before = time.perf_counter(), time.process_time()
            least = plainly(distance, queries[q : q + 1], record)
            seconds, spent = seconds + time.perf_counter() - start, spent + time.process_time() - before
            equal = bool(np.isclose(least, truth.distances[q, 0], rtol=1e-9))
            same &= equal if truth.rows[q, 0] == rows[q] else least > truth.distances[q, 0]
    took = {
        "ms_a_record": round(1000 * seconds / options.plain, 1),
        "cpu_ms_a_record": round(1000 * spent / options.plain, 1),
    }
    row(algorithm="plain", **told, **took, same_distances=same)


def peers(records: Sequences, places: list[np.ndarray], options: argparse.Namespace, row: Row) -> None:
    """Rows of others, each query in its own record; one thread."""
    queries, rows, begins = beats_of(records, places, True, options)
    with threads.using(1):
        try:
            told = f"stumpy {version('stumpy')}, mass: no warping, one record"
            by_stumpy(queries[:1], records[:1])  # compiled
            found = [by_stumpy(queries[q : q + 1], records[int(rows[q]) :][:1]) for q in range(options.stumpy)]
            right = np.abs(np.array([begin for _, begin in found]) - begins[: len(found)]) <= NEAR
            spent = sum(seconds for seconds, _ in found) / len(found)
            row(
                algorithm=told,
                beats=len(found),
                ms_a_record=round(1000 * spent, 1),
                place_first=round(float(right.mean()), 4),
            )
        except PackageNotFoundError:
            print("stumpy is not installed")
        try:
            told = f"dtaidistance {version('dtaidistance')}, subsequence_alignment: any length"
            queries, rows, _ = beats_of(records, places, False, options)
            steps, seconds, same = 65_000, 0.0, True
            for q in range(options.plain):
                record = records[int(rows[q]) :][:1]
                spent, least = by_dtaidistance(queries[q : q + 1], record, steps)
                own = InfixDTW(root=True).matrix(queries[q : q + 1], Sequences.from_arrays([record[0].data[:steps]]))
                seconds, same = seconds + spent, same and bool(np.isclose(least, own[0, 0], rtol=1e-6))
            scaled = 1000 * seconds / options.plain * STEPS / steps
            row(algorithm=told, beats=options.plain, ms_a_record=round(scaled, 1), same_distances=same)
        except PackageNotFoundError:
            print("dtaidistance is not installed")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of this part."""
    parser.add_argument("--ecg", type=Path, help="mitbih_beats.npz: X (n, 200), record (n,)")
    parser.add_argument("--beats", type=int, default=200)
    parser.add_argument("--records", type=int, default=37)
    parser.add_argument("--forms", help=f"of the distance, such as {'; '.join(FORMS)}")
    parser.add_argument("--held", type=int, default=5, help="steps of a query that last twice as long")
    parser.add_argument("--noise", type=float, default=0.01, help="of a query, in deviations of the beat")
    parser.add_argument("--plain", type=int, default=2, metavar="BEATS", help="that are compared without bounds")
    parser.add_argument("--stumpy", type=int, default=50, metavar="BEATS", help="that stumpy looks for")


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """All rows."""
    records, places = records_of(options.ecg, options.records)

    def told(**facts: object) -> None:
        about = {"records": len(records), "steps": int(records.lengths.sum()), "threads": threads.count()}
        rows.append({**about, **facts})
        print(json.dumps(rows[-1]), flush=True)

    for form in options.forms.split(";") if options.forms else FORMS:
        measured(records, places, form, options, told)
    if options.stumpy:
        peers(records, places, options, told)
