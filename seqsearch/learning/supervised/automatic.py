"""Classes with nothing said of how: what is tried for words, strings and series, and the model of what is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...arrays import JSON, DoubleArray, IntArray
from ...encoders.blend import blended
from ...encoders.context import in_context
from ...encoders.grams import GramReading
from ...encoders.heads import Head
from ...encoders.inputs import InputSpec
from ...encoders.model import Model
from ...sequences import TEXT, Sequences, words_of
from ..loop import Row, Run, TrainingLog
from .choosing import Choice, Held, choose, measure_for
from .job import Job, family_for
from .judges import GramJudge, Judge, OutlineJudge, VoterJudge
from .labels import Examples, class_names, label_weights, numbers_of
from .material import Fold, Material, capped, folds_of, has_records
from .network_judge import RECIPES, NetworkJudge, Recipe
from .plan import LabelPlan

AUTO = "auto"
SENTENCE = 4.0  # words
MOST_LOOKED_AT = 1000  # texts
FEWEST_HELD = 40  # sequences by which something can be chosen
MOST_OF_A_CLASS = 2000  # examples, where a class is rare
MOST_READ = 20_000_000  # n-grams of all sequences together, of one kind
MOST_PLACED = 1000  # symbols of a sequence whose n-grams are told apart by place
_WORDS, _SYMBOLS, _PLACED = (1, 2), (1, 2, 3, 4, 5, 6), (1, 2, 3, 4)
_UNEVEN = 0.1  # of the length, between sequences whose places can be compared


def reads_words(sequences: Sequences) -> bool:
    """Whether these are texts of several words, as sentences are and names are not."""
    if sequences.alphabet is None or sequences.alphabet.name != TEXT.name or not len(sequences):
        return False
    return float(words_of(sequences[:MOST_LOOKED_AT]).lengths.mean()) >= SENTENCE


def usual_plan(sequences: Sequences, by_words: bool, encoder: str = AUTO) -> LabelPlan:
    """The plan of a classifier where nothing is said of it."""
    return _recipe(sequences, by_words).plan_for(len(sequences)) if encoder == AUTO else LabelPlan()


def train_chosen(
    sequences: Sequences,
    numbers: IntArray,
    labels: tuple[str, ...],
    plan: LabelPlan | None,
    by_words: bool,
    validation: Sequences | None,
    run: Run,
) -> tuple[Model, TrainingLog] | None:
    """A model of what does best on sequences held out; None where there are too few to choose by.

    Raises what `train_classifier` raises.
    """
    own = plan or usual_plan(sequences, by_words)
    task = _Task.of(sequences, numbers, labels, own, by_words, validation, run)
    if sum(len(held) for _, held in task.folds) < FEWEST_HELD:
        return None
    judges, network, spec = task.judges()
    held = Held.of(judges[0].material, task.folds, task.measure)
    choice = choose(judges, task.folds, held, run.progress)
    return task.model(choice, spec), _log(choice, network.rows)


@dataclass(frozen=True)
class _Task:
    """What is to be told, and by which sequences it is chosen how."""

    sequences: Sequences
    numbers: IntArray
    labels: tuple[str, ...]
    counts: DoubleArray
    learnt: IntArray
    folds: list[Fold]
    measure: str
    plan: LabelPlan
    by_words: bool
    run: Run
    context: Sequences | None

    @classmethod
    def of(
        cls,
        sequences: Sequences,
        numbers: IntArray,
        labels: tuple[str, ...],
        plan: LabelPlan,
        by_words: bool,
        validation: Sequences | None,
        run: Run,
    ) -> _Task:
        """With the folds of the sequences, or one, the validation set."""
        rng = np.random.default_rng(run.seed)
        measure = measure_for(numbers, len(labels)) if plan.measure == AUTO else plan.measure
        context = None
        if has_records(sequences) and (validation is None or has_records(validation)):
            context = in_context(sequences)
        rows, counts = np.arange(len(numbers)), np.ones(len(numbers))
        if measure == "macro_f1":
            rows, counts = capped(numbers, MOST_OF_A_CLASS, rng)
        chosen, own = sequences[rows], numbers[rows]
        context = None if context is None else context[rows]
        if validation is None:
            folds, learnt = folds_of(chosen, own, plan.validate, rng), np.arange(len(own))
        else:
            sequences.require_same_kind(validation)
            judged = numbers_of(class_names(validation), labels, "the validation set")
            learnt, held = np.arange(len(own)), np.arange(len(own), len(own) + len(judged))
            folds = [(learnt, held)]
            if context is not None:
                context = Sequences.concatenate([context, in_context(validation)])
            chosen, own = Sequences.concatenate([chosen, validation]), np.concatenate([own, judged])
            counts = np.concatenate([counts, np.ones(len(judged))])
        return cls(chosen, own, labels, counts, learnt, folds, measure, plan, by_words, run, context)

    @property
    def weighting(self) -> str:
        """Of the classes in learning: as the plan says, or alike where a rare one is to be found."""
        asked = self.plan.class_weights
        return "balanced" if asked == "none" and self.measure == "macro_f1" else asked

    def material(self, sequences: Sequences) -> Material:
        """The sequences, as they are or in context, as what is learnt from."""
        known = self.numbers[self.learnt]
        weights = label_weights(known, len(self.labels), self.weighting)[self.numbers]
        return Material(sequences, self.numbers, len(self.labels), weights, self.counts, self.learnt, self.by_words)

    def judges(self) -> tuple[list[Judge], NetworkJudge, InputSpec | None]:
        """Those for this kind of sequences, the network among them, and the inputs where they are read in context."""
        material, spec = self.material(self.sequences), None
        made: list[Judge]
        if self.sequences.alphabet is None:
            outlines = OutlineJudge(material)
            features = self.sequences.features
            channels = features
            if self.context is not None:
                beside = OutlineJudge(self.material(self.context))
                if _error(beside, self.folds) < _error(outlines, self.folds):
                    spec = replace(InputSpec.fit(self.sequences), context=True)
                    outlines, material, channels = beside, beside.material, 2 * features
            made = [outlines, VoterJudge(material, channels)]
        else:
            made = self._by_grams(material)
        network = NetworkJudge(material, self._network)
        return [network, *made], network, spec

    def _by_grams(self, material: Material) -> list[Judge]:
        """Of symbols, and of words or of symbols by place where there are some."""
        made: list[Judge] = []
        symbols, lengths = len(self.sequences.data), self.sequences.lengths
        if sizes := affordable(_SYMBOLS, symbols):
            made += GramJudge.both(material, GramReading(sizes), "n-grams")
        if self.by_words and (sizes := affordable(_WORDS, int(words_of(self.sequences).offsets[-1]))):
            made += GramJudge.both(material, GramReading(sizes, by_words=True), "words")
        aligned = lengths.max() <= MOST_PLACED and np.ptp(lengths) <= _UNEVEN * lengths.max()
        if aligned and (sizes := affordable(_PLACED, symbols)):
            made += GramJudge.both(material, GramReading((), sizes), "n-grams by place")
        return made

    def _network(self, training: Examples, held: Examples, fold: int) -> tuple[Model, list[Row]]:
        recipe = _recipe(self.sequences, self.by_words)
        settings = {**recipe.settings, **(self.run.settings or {})}
        seconds = self.plan.seconds / len(self.folds)
        plan = replace(self.plan, class_weights=self.weighting, seconds=seconds)
        place = None if self.run.checkpoint is None else f"{self.run.checkpoint}.{fold}"
        run = replace(self.run, settings=settings, checkpoint=place, seed=self.run.seed + fold)
        job = Job("classify", family_for(recipe.family, "classify", training.sequences), plan, run)
        model, log = job.labelled(training, held, self.labels, by_words=self.by_words, by_step=False)
        return model, log.rows

    def model(self, choice: Choice, spec: InputSpec | None) -> Model:
        """The models of what is chosen as one."""
        head = Head("classify", self.labels, choice.final_temperature())
        training: JSON = {"plan": self.plan.to_json(), "seed": self.run.seed, "sequences": len(self.learnt)}
        training |= {"choice": choice.to_json() | {"folds": len(self.folds), "context": spec is not None}}
        models, shares = [], []
        for one, share in zip(choice.candidates, choice.shares, strict=True):
            if share:
                own = one.judge.models(one.variant)
                models += own
                shares += [share / (one.temperature * choice.temperature * len(own))] * len(own)
        return blended(spec or models[-1].spec, models, shares, choice.levels, head, training)


def affordable(sizes: tuple[int, ...], elements: int) -> tuple[int, ...]:
    """As many lengths of n-grams as so many elements may have, evenly spread, the longest among them."""
    count = min(len(sizes), MOST_READ // max(1, elements))
    return tuple(sizes[-1 - at * len(sizes) // count] for at in reversed(range(count))) if count else ()


def _error(judge: Judge, folds: list[Fold]) -> float:
    """The least loss of its variants on what is held out."""
    held = Held.of(judge.material, folds, "accuracy")
    answers = [judge.answers(fold) for fold in folds]
    return min(held.loss(np.concatenate([each[name] for each in answers])) for name in answers[0])


def _recipe(sequences: Sequences, by_words: bool) -> Recipe:
    return RECIPES["words" if by_words else sequences.kind]


def _log(choice: Choice, rows: list[Row]) -> TrainingLog:
    """The networks' rows, and one of what was chosen."""
    told = {**choice.told}
    last = max((row["step"] for row in rows), default=0.0)
    chosen = {"step": last + 1, "epoch": 0.0, "loss": told["log_loss"], "validation_loss": told.pop("log_loss")}
    return TrainingLog([*rows, {**chosen, **told}])
