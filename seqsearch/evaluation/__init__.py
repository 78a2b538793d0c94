"""Evaluation: sweeps over budgets, reports of labels, reliability, rows of data and plots."""

from .labels import LabelReport, grouping_scores
from .reliability import expected_calibration_error, reliability
from .rows import as_json_lines, as_table, as_tsv, write_rows
from .sweep import Sweep

__all__ = [
    "LabelReport",
    "Sweep",
    "as_json_lines",
    "as_table",
    "as_tsv",
    "expected_calibration_error",
    "grouping_scores",
    "reliability",
    "write_rows",
]
