"""What `classify` and `tag` say of their answers where the true labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, PICTURE, Reading, option
from .progress import progress_for
from .shared import show_rows

if TYPE_CHECKING:
    from ..arrays import AnyArray
    from ..encoders.model import Model
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
        "Labelled queries: draw how often labels of a probability are right.", type=PICTURE, metavar="FILE.png"
    )

    def __bool__(self) -> bool:
        """Whether any is asked for."""
        return any(vars(self).values())


def labelling_model(path: str) -> Model:
    """The model of a file. Raises MismatchError when it does not tell classes, and what reading it raises."""
    from ..encoders.labelling import head_of
    from ..encoders.model_file import load_model

    loaded = load_model(path)
    head_of(loaded, "classify")
    return loaded


def evaluate_labels(path: str, queries: str, reading: Reading, output_format: str, quiet: bool) -> None:
    """Print how well the model of a file tells the labels of queries: a row for the whole and one for each label.

    Raises MismatchError for queries without labels.
    """
    import numpy as np

    from ..encoders.labelling import classify
    from ..errors import MismatchError
    from ..evaluation.labels import LabelReport
    from ..evaluation.rows import as_table

    model = labelling_model(path)
    asked = reading.suiting(model.spec.alphabet).read(queries, queries=True)
    known = np.array([bool(label) for label in asked.labels], np.bool_)
    if not known.any():
        raise MismatchError(f"{queries} has no labels to compare with")
    told = classify(model, asked, progress_for(quiet))  # all of them: those without a label may be of the same record
    names, rows = told.names(), np.flatnonzero(known).tolist()
    true = list(asked.labels.take(np.flatnonzero(known)))
    report = LabelReport.of(true, [names[row] for row in rows], told.confidence[known])
    whole: dict[str, object] = {"label": "all", "support": len(true), **report.summary()}
    table = report.rows()
    show_rows([whole, *table], output_format, lambda: as_table(table))
    if output_format == "table":
        shown = ("accuracy", "macro_f1", "calibration_error")
        click.echo(", ".join(f"{name.replace('_', ' ')} {whole[name]:.4f}" for name in shown))


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
                x_label="predicted probability",
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
        parts.append(f"{whole['predicted']:,} predicted")
        if whole["abstained"]:
            parts.append(f"{whole['abstained']:,} without an answer")
        if self.unlabelled:
            parts.append(f"{self.unlabelled:,} without a true label, not counted")
        Console(stderr=True).print(as_table(made.rows()))
        click.echo(", ".join(parts), err=True)
