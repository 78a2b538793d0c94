"""Models at the front door: train one, keep it in a file, let it tell classes and tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypedDict, TypeVar, Unpack, overload

import numpy as np

from . import extras
from .arrays import JSON
from .distances import Distance, distance_named
from .distances.distance import usual_distance
from .encoders import labelling
from .encoders.families import family_named
from .encoders.labelling import Labelled
from .encoders.model import Model, unlearned_model
from .encoders.model_file import load_model, save_model
from .errors import MismatchError, ParameterError, StrPath
from .learning.plan import Plan, TrainingPlan
from .progress import Watching, watched
from .registry import call
from .search import References, SequenceIndex
from .search.classifying import NeighbourClassifier, Votes
from .search.novelty.options import NoveltyFields
from .search.wanted import BudgetOptions
from .sequences import Alphabet, Sequences, SequencesLike, Strings, Tagged, alphabet_named, words_of
from .sequences.coercion import taken

__all__ = ["TrainFields", "classify", "load_model", "save_model", "tag", "train"]

Task = Literal["distance", "classify", "tag"]
Labels = Iterable[str] | Iterable[Iterable[str]]
"""One a sequence, or one an element of each sequence."""
P = TypeVar("P", bound=Plan)
_OF_RUN = ("seed", "settings", "checkpoint")


class TrainFields(TypedDict, total=False):
    """What `train` takes by name: `seed` of every random draw, `settings` of the encoder and its `dim`, a `checkpoint`
    file that an interrupted run goes on from; `effort` ("low", "normal", "high") of learning distances; and the fields
    of `TrainingPlan` (distances) or `LabelPlan` (labels).
    """

    seed: int
    settings: JSON | None
    dim: int | None
    checkpoint: StrPath | None
    effort: str
    batch: int
    rate: float | None
    average: float
    patience: int
    seconds: float
    clock: str
    device: str
    precision: str
    steps: int
    sequences: int
    cells: float
    rounds: int
    validate: float
    check: int
    geometry: str
    mode: str
    power: float | None
    target: str
    margin: float
    edits: float
    teacher: str
    bits: int | None
    binarise: str
    epochs: float
    fewest: int
    class_weights: str
    smoothing: float
    input_dropout: float
    word_dropout: float
    measure: str


def train(
    references: SequencesLike | Iterable[Iterable[str]],
    labels: Labels | None = None,
    *,
    task: Task = "distance",
    distance: str | Distance | None = None,
    encoder: str = "auto",
    unit: Literal["symbols", "words"] = "symbols",
    alphabet: Alphabet | str | None = None,
    progress: Watching = False,
    **options: Unpack[TrainFields],
) -> Model:
    """Train an encoder: on exact distances, or with `task` on labels of sequences ("classify") or elements ("tag").

    `references`: what `as_sequences` takes, of `alphabet` (None: guessed); with `unit` "words" texts, or lists of
    words. `labels`: one a sequence for "classify" (None: those that came with the sequences); for "tag" one a symbol,
    word or step of each sequence, "" where it is not known. `distance`: the one to predict, its name, or None for the
    usual one of the kind. `encoder`: a family, or "auto"; `options`: see `TrainFields`.
    The points of the model are (n, D) float32, and `SequenceIndex.build(model=)` takes it; the rows of its training log
    are in `training["log"]`. Raises ParameterError, MismatchError, and what reading the sequences raises.

    >>> import seqsearch as ss
    >>> model = ss.train(["ACGTACGT", "ACGTTCGT", "GGGGCCCC"], encoder="kmer")
    >>> model.family, model.embed(["ACGT"]).shape == (1, model.dim)
    ('kmer', True)
    """
    if task not in ("distance", "classify", "tag"):
        raise ParameterError(f"task is 'distance', 'classify' or 'tag', not {task!r}")
    letters = None if alphabet is None else alphabet_named(alphabet)
    sequences = taken(_texts(references, unit), "references", letters=letters).sequences
    if task == "distance":
        if labels is not None or unit == "words":
            raise ParameterError("labels and words are for the tasks 'classify' and 'tag': distances need none")
        return _of_distances(sequences, distance, encoder, progress, options)
    if distance is not None:
        raise ParameterError(f"distance is for the task 'distance': it means nothing to {task!r}")
    return _of_labels(sequences, labels, task, encoder, unit, progress, options)


def _of_distances(
    sequences: Sequences, distance: str | Distance | None, encoder: str, progress: Watching, options: TrainFields
) -> Model:
    chosen = usual_distance(sequences.kind) if distance is None else distance
    exact = distance_named(chosen) if isinstance(chosen, str) else chosen
    exact.require(sequences)
    plan = _planned(TrainingPlan.of_effort(options.get("effort", "normal")), options)
    family = family_named(encoder, sequences.kind)
    if not family.trained:
        return unlearned_model(sequences, plan.geometry, family.name)
    extras.require("torch", f"training encoder {family.name!r}")
    from .learning.trainer import train as trained

    return trained(
        sequences,
        exact,
        encoder=encoder,
        plan=plan,
        settings=_settings(options),
        seed=options.get("seed", 0),
        checkpoint=options.get("checkpoint"),
        progress=watched(progress),
    )[0]


def _of_labels(
    sequences: Sequences,
    labels: Labels | None,
    task: Task,
    encoder: str,
    unit: Literal["symbols", "words"],
    progress: Watching,
    options: TrainFields,
) -> Model:
    extras.require("torch", "learning from labels")
    from .learning.loop import RunOptions
    from .learning.supervised import train_classifier, train_tagger, usual_plan, usual_tag_plan

    if "effort" in options:
        raise ParameterError("effort is for the task 'distance': labels are learned in so many epochs")
    by_words = unit == "words"
    run: RunOptions = {
        "settings": _settings(options),
        "seed": options.get("seed", 0),
        "checkpoint": options.get("checkpoint"),
        "progress": watched(progress),
    }
    if task == "tag":
        data = _tagged(sequences, labels, unit)
        return train_tagger(data, encoder=encoder, plan=_planned(usual_tag_plan(data, encoder), options), **run)[0]
    plan = _planned(usual_plan(sequences, by_words, encoder), options)
    return train_classifier(_labelled(sequences, labels), encoder=encoder, plan=plan, by_words=by_words, **run)[0]


def _planned(plan: P, options: TrainFields) -> P:
    """The plan with what `options` say of it. Raises ParameterError for a name that it does not have."""
    rest = {name: value for name, value in options.items() if name not in (*_OF_RUN, "dim", "effort")}
    return call(type(plan), "train, for this task,", **{**plan.to_json(), **rest})


def _settings(options: TrainFields) -> JSON | None:
    """Of the encoder."""
    dim, settings = options.get("dim"), options.get("settings")
    return settings if dim is None else {**(settings or {}), "dim": dim}


def _texts(references: SequencesLike | Iterable[Iterable[str]], unit: str) -> SequencesLike:
    """Lists of words as texts."""
    if unit not in ("symbols", "words"):
        raise ParameterError(f"unit is 'symbols' or 'words', not {unit!r}")
    if unit == "words" and isinstance(references, (list, tuple)):
        return [text if isinstance(text, (str, bytes)) else " ".join(text) for text in references]
    return references


def _labelled(sequences: Sequences, labels: Labels | None) -> Sequences:
    """The sequences with a label each. Raises MismatchError for another number of them."""
    if labels is None:
        return sequences
    names = [str(label) for label in labels]
    if len(names) != len(sequences):
        raise MismatchError(f"{len(names)} labels for {len(sequences)} sequences")
    return Sequences(
        sequences.data, sequences.offsets, sequences.ids, sequences.alphabet, sequences.descriptions, Strings.of(names)
    )


def _tagged(sequences: Sequences, labels: Labels | None, unit: str) -> Tagged:
    """The sequences with a label an element. Raises MismatchError naming a sequence that has another number of them."""
    if labels is None:
        raise ParameterError("the task 'tag' needs labels: for each sequence one of every element")
    offsets = words_of(sequences).offsets if unit == "words" else sequences.offsets
    tags, noun = [[str(tag) for tag in each] for each in labels], "words" if unit == "words" else "elements"
    if len(tags) != len(sequences):
        raise MismatchError(f"labels of {len(tags)} sequences for {len(sequences)}")
    for row, (own, there) in enumerate(zip(tags, np.diff(offsets).tolist(), strict=True)):
        if len(own) != there:
            raise MismatchError(
                f"labels: record {row + 1} ({sequences.ids[row]}) has {len(own)} labels for {there} {noun}"
            )
    flat = [tag for own in tags for tag in own]
    known = np.array([bool(tag) for tag in flat], np.bool_)
    return Tagged(sequences, offsets, Strings.of(flat), known, unit == "words")


@overload
def classify(model: Model, queries: SequencesLike, *, progress: Watching = False) -> Labelled: ...
@overload
def classify(
    model: SequenceIndex | References,
    queries: SequencesLike,
    *,
    k: int = 10,
    weighting: str = "distance",
    abstain: float = 0.0,
    novelty: NoveltyFields | None = None,
    progress: Watching = False,
    **budget: Unpack[BudgetOptions],
) -> Votes: ...
def classify(
    model: Model | SequenceIndex | References,
    queries: SequencesLike,
    *,
    k: int = 10,
    weighting: str = "distance",
    abstain: float = 0.0,
    novelty: NoveltyFields | None = None,
    progress: Watching = False,
    **budget: Unpack[BudgetOptions],
) -> Labelled | Votes:
    """The class of each query: by a model of `train(task="classify")`, or by the labels of its nearest in an index.

    `References` are asked as an index is, and need none.
    Of both: `names()`, (Q,) labels; `labels`, the K there are; `confidence`, (Q,). A model gives `probabilities`,
    (Q, K) and calibrated; an index `shares`, (Q, K) of the votes of the `k` nearest, by `weighting` "distance" or
    "uniform", and `nearest`, (Q,) exact distances; no label ("") for queries that are newer than a share `abstain` of
    known sequences, judged by `novelty`, fields of `NoveltyOptions`. `budget`: as of `SequenceIndex.search`.
    Raises MismatchError for a model without classes, an index without labels, queries of another kind; ParameterError.

    >>> import seqsearch as ss
    >>> names = ss.as_sequences(["anna", "hanna", "otto", "lotto"], labels=["a", "a", "o", "o"])
    >>> index = ss.SequenceIndex.build("names.ss", names, encoder="kmer")
    >>> ss.classify(index, ["johanna", "ott"], k=1).names()
    ['a', 'o']
    """
    if isinstance(model, (SequenceIndex, References)):
        judge = NeighbourClassifier(
            model, k=k, weighting=weighting, abstain=abstain, novelty=novelty, progress=progress, **budget
        )
        return judge.classify(queries)
    if (k, weighting, abstain, novelty) != (10, "distance", 0.0, None) or budget:
        raise ParameterError("k, weighting, abstain, novelty and budgets are for an index: a model has no neighbours")
    return labelling.classify(model, model.taken(queries), watched(progress))


def tag(model: Model, queries: SequencesLike | Iterable[Iterable[str]], *, progress: Watching = False) -> Labelled:
    """The label of each element (symbol, word or step) of each query, by a model of `train(task="tag")`.

    Of the result: `lists()`, the labels of each query; `probabilities`, (m, K) of all m elements, query after query, as
    `offsets`, (Q + 1,), say. Raises MismatchError for a model without tags and queries of another kind,
    EmptySequenceError for a text without words.

    >>> import seqsearch as ss
    >>> words, tags = [["a", "dog"], ["the", "cat"], ["a", "cat"]], [["D", "N"], ["D", "N"], ["D", "N"]]
    >>> model = ss.train(words * 9, tags * 9, task="tag", unit="words", encoder="cnn", fewest=40, epochs=1)
    >>> ss.tag(model, [["the", "dog"]]).lists()
    [['D', 'N']]
    """
    words = "symbols" if model.spec.reading is None else "words"
    return labelling.tag(model, model.taken(_texts(queries, words)), watched(progress))
