"""What `classify` and `tag` say of their answers where the true labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, PICTURE, option

if TYPE_CHECKING:
    from ..arrays import AnyArray
    from ..evaluation.labels import LabelReport


@dataclass(frozen=True)
class Reports:
    """Where reports go."""

    report: str | None = option(
        "Labelled queries: write a row for the whole and one for each label.", type=PATH, metavar="FILE.jsonl"
    )
    confusion: str | None = option(
        "Labelled queries: draw which labels are taken for which.", type=PICTURE, metavar="FILE.png"
    )
    reliability: str | None = option(
        "Labelled queries: draw how often what was told with which probability is right.",
        type=PICTURE,
        metavar="FILE.png",
    )

    def __bool__(self) -> bool:
        """Whether any is asked for."""
        return any(vars(self).values())


class Tally:
    """True labels and predicted ones, gathered batch by batch."""

    def __init__(self) -> None:
        self.true: list[str] = []
        self.predicted: list[str] = []
        self.confidence: list[float] = []
        self.unlabelled = 0

    def add(self, true: Sequence[str], predicted: Sequence[str], confidence: AnyArray) -> None:
        """A batch; what has no true label is only counted."""
        for wanted, given, sure in zip(true, predicted, confidence.tolist(), strict=True):
            if not wanted:
                self.unlabelled += 1
                continue
            self.true.append(wanted)
            self.predicted.append(given)
            self.confidence.append(sure)

    def tell(self, files: Reports, quiet: bool) -> None:
        """The summary on stderr and the files asked for. Raises MismatchError for those without labels."""
        import numpy as np

        from ..errors import MismatchError

        if not self.true:
            if files:
                raise MismatchError("the queries have no labels to compare with: nothing can be reported")
            return
        from ..evaluation.labels import LabelReport

        made = LabelReport.of(self.true, self.predicted, np.array(self.confidence))
        if files.report is not None:
            from ..evaluation.rows import write_rows

            write_rows(files.report, [made.summary(), *made.rows()])
        if files.confusion is not None:
            from ..evaluation.plots import plot_confusion

            plot_confusion(made.counts, made.labels, files.confusion, title=f"Accuracy {made.accuracy:.1%}")
        if files.reliability is not None:
            from ..evaluation.plots import plot_reliability

            plot_reliability(
                [asdict(each) for each in made.bins],
                files.reliability,
                title=f"Reliability (mean error {made.calibration_error:.3f})",
                x_label="told probability",
                y_label="share that is right",
            )
        if not quiet:
            self._show(made)

    def _show(self, made: LabelReport) -> None:
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
        Console(stderr=True).print(as_table(made.rows()))
        click.echo(", ".join(parts), err=True)
