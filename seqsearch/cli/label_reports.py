"""What `classify` and `tag` say of their answers where the true labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .shared import Command


def options(command: Command) -> Command:
    """Where reports go."""
    for option in reversed(
        (
            click.option(
                "--report",
                type=click.Path(),
                metavar="FILE.jsonl",
                help="Labelled queries: write a row for the whole and one for each label.",
            ),
            click.option(
                "--confusion",
                type=click.Path(),
                metavar="FILE.png",
                help="Labelled queries: draw which labels are taken for which.",
            ),
            click.option(
                "--reliability",
                type=click.Path(),
                metavar="FILE.png",
                help="Labelled queries: draw how often what was told with which probability is right.",
            ),
        )
    ):
        command = option(command)
    return command


class Tally:
    """True labels and told ones, gathered batch by batch."""

    def __init__(self) -> None:
        self.true: list[str] = []
        self.told: list[str] = []
        self.confidence: list[float] = []
        self.unlabelled = 0

    def add(self, true: Sequence[str], told: Sequence[str], confidence: Any) -> None:
        """A batch; what has no true label is only counted."""
        for wanted, given, sure in zip(true, told, confidence.tolist(), strict=True):
            if not wanted:
                self.unlabelled += 1
                continue
            self.true.append(wanted)
            self.told.append(given)
            self.confidence.append(sure)

    def tell(self, *, confusion: str | None, reliability: str | None, report: str | None, quiet: bool) -> None:
        """The summary on stderr and the files asked for. Raises MismatchError for those without labels."""
        import numpy as np

        from ..errors import MismatchError

        if not self.true:
            if confusion or reliability or report:
                raise MismatchError("the queries have no labels to compare with: nothing can be reported")
            return
        from ..evaluation.labels import LabelReport

        made = LabelReport.of(self.true, self.told, np.array(self.confidence))
        if report is not None:
            from ..evaluation.rows import write_rows

            write_rows(report, [made.summary(), *made.rows()])
        if confusion is not None:
            from ..evaluation.plots import plot_confusion

            plot_confusion(made.counts, made.labels, confusion, title=f"Accuracy {made.accuracy:.1%}")
        if reliability is not None:
            from ..evaluation.plots import plot_reliability

            rows = [{"expected": b.expected, "observed": b.observed, "count": b.count} for b in made.bins]
            plot_reliability(
                rows,
                reliability,
                title=f"Reliability (mean error {made.calibration_error:.3f})",
                x_label="told probability",
                y_label="share that is right",
            )
        if not quiet:
            self._show(made)

    def _show(self, made: Any) -> None:
        from rich.console import Console

        from ..evaluation.rows import as_table

        whole = made.summary()
        parts = [f"accuracy {whole['accuracy']:.4f}", f"macro F1 {whole['macro_f1']:.4f}"]
        parts.append(f"calibration error {whole['calibration_error']:.4f}")
        parts.append(f"{whole['told']:,} told")
        if whole["abstained"]:
            parts.append(f"{whole['abstained']:,} without an answer")
        if self.unlabelled:
            parts.append(f"{self.unlabelled:,} without a true label, not counted")
        console = Console(stderr=True)
        console.print(as_table(made.rows()))
        click.echo(", ".join(parts), err=True)
