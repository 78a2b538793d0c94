import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from seqsearch.errors import InputError, ParameterError
from seqsearch.evaluation import (
    Sweep,
    as_json_lines,
    as_table,
    as_tsv,
    expected_calibration_error,
    reliability,
    write_rows,
)
from seqsearch.search import SweepRow

ROWS = [{"name": "a\tb", "value": 0.123456789, "count": 3}, {"name": "c", "other": np.float32(0.5), "value": math.nan}]


def printed(table):
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()


def test_rows_as_text():
    assert as_tsv(ROWS) == "name\tvalue\tcount\tother\na b\t0.123457\t3\t\nc\tnan\t\t0.5\n"
    assert [json.loads(line) for line in as_json_lines(ROWS).splitlines()] == [
        {"name": "a\tb", "value": 0.123456789, "count": 3},
        {"name": "c", "other": 0.5, "value": None},
    ]
    text = printed(as_table(ROWS, "Title"))
    assert "Title" in text
    assert "0.123457" in text


def test_rows_are_written_in_one_step(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"a": 1, "b": "ü"}, {"a": 2.5, "b": None}]
    write_rows(path, rows)
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == rows
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        write_rows(tmp_path / "none" / "x", [])


@pytest.fixture
def sweep():
    cheap, dear = SweepRow(10, 32, 0.8, 0.9, 10_000, 51.0, 100.0), SweepRow(100, 100, 0.99, 0.991, 2000.0, 51.0, 100.0)
    return Sweep([cheap, dear])


def test_a_sweep_has_the_names_that_evaluate_prints(sweep):
    rows = [json.loads(line) for line in as_json_lines(sweep.as_rows()).splitlines()]
    assert rows[1] == {
        "candidates": 100,
        "ef": 100,
        "recall": 0.99,
        "candidate_recall": 0.991,
        "qps": 2000.0,
        "p50_ms": 51.0,
        "p99_ms": 100.0,
    }
    assert [row.candidates for row in sweep] == [10, 100]
    assert as_tsv(sweep.as_rows()).splitlines()[0] == "candidates\tef\trecall\tcandidate_recall\tqps\tp50_ms\tp99_ms"
    assert sweep.as_rows("ours")[0]["series"] == "ours"
    text = printed(sweep.as_table())
    assert "queries/s" in text
    assert "2,000" in text
    assert "0.9900" in text


def test_a_sweep_without_a_graph_shows_no_ef():
    made = Sweep([SweepRow(1, None, 1.0, 1.0, 1.0, 1.0, 1.0)])
    assert " ef " not in printed(made.as_table())
    assert made.as_rows()[0]["ef"] is None


def test_the_cheapest_budget_is_the_fastest_that_reaches_the_recall(sweep):
    assert sweep.cheapest(0.7).candidates == 10
    assert sweep.cheapest(0.95).candidates == 100
    assert sweep.cheapest(0.995) is None


def test_reliability_by_hand():
    bins = reliability([0.1, 0.15, 0.9, 1.0, 0.95], [0, 1, 1, 1, 0], bins=2)
    assert [(b.expected, b.observed, b.count) for b in bins] == [
        (pytest.approx(0.125), 0.5, 2),
        (pytest.approx(0.95), pytest.approx(2 / 3), 3),
    ]
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.375 + 3 * (0.95 - 2 / 3)) / 5)
    with pytest.raises(ParameterError, match=r"1\.5 is not a probability"):
        reliability([1.5], [True])
    with pytest.raises(ParameterError, match=r"probabilities of shape \(1,\) do not fit outcomes of \(2,\) in 10 bins"):
        reliability([0.5], [True, False])
