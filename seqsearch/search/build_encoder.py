"""The encoder of a build: trained on a sample of the stored sequences, or brought along."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import extras
from ..ann.exact import ExactIndex
from ..arrays import IntArray
from ..distances import Distance
from ..encoders.codes import LEARNED, quantizer
from ..encoders.components import count_components
from ..encoders.families import AS_IS, COMPONENTS, family_named
from ..encoders.features import SparseFeatures
from ..encoders.identity import lifted_model
from ..encoders.inputs import InputSpec
from ..encoders.model import Model, in_geometry, kmer_model, shape_model, unlearned_model
from ..errors import MismatchError, ParameterError
from ..learning.deadline import NEVER, Deadline
from ..learning.plan import TrainingPlan
from ..progress import Progress
from ..sequences import Sequences
from ..store import StoreBuilder
from .options import AUTO, COUNTS, NONE, NORMAL, BuildOptions
from .suiting import suited

MOST_UNSEEN = 5000  # sequences that were not trained on, remembered by name: novelty is judged by them
LOOKED_AT = 1 << 16  # sequences in memory at a time where all pass by
CODED = 20_000  # sequences at most that a code is cut from
LOOKED_FOR = 20_000  # sequences of which some are looked at where nothing is learned
_MORE = 3  # times the sequences of a training plan that are looked through for different ones
_LEAST, _A_SECOND = 2000, 800.0  # sequences at least, and a second, that are learned from where time is short
_COMPOSITION = 1  # letters of the k-mers of points that propose nothing: the fewest numbers
_FEWEST = 1000  # different sequences below which all are trained on, copies too


@dataclass(frozen=True)
class EncoderMaker:
    """Makes the encoder of a build, from the stored sequences but those `held` out, of which a sample is in memory.

    `checkpoint`: where training leaves what an interrupted build goes on from.
    """

    builder: StoreBuilder
    options: BuildOptions
    distance: Distance
    held: IntArray
    rng: np.random.Generator
    progress: Progress
    checkpoint: Path
    deadline: Deadline = NEVER

    def trained(self, learn: str) -> Model:
        """A model trained on stored sequences as much as `learn` says, and its binary code where bits are asked for."""
        options, builder = self.options, self.builder
        if self.distance.partial and options.bits is None:  # points that propose nothing
            first = builder.sequences(np.arange(min(builder.rows, _FEWEST)))
            return kmer_model(first, _COMPOSITION) if first.kind == "tokens" else shape_model(first)
        if learn == NONE:
            plan = replace(TrainingPlan(), geometry=options.geometry, sequences=LOOKED_FOR)
        else:
            plan = self._in_time(replace(TrainingPlan.of_effort(learn), geometry=options.geometry))
        if options.bits is not None:  # codes that are cut from points were measured with Euclidean ones
            flat = "euclidean" if options.geometry == "auto" else options.geometry
            plan = replace(plan, geometry=flat, bits=options.bits if options.learns_codes else None)
        others = self._others()
        few = len(others) <= plan.sequences
        chosen = others if few else self.rng.choice(others, plan.sequences, replace=False)
        sample = _different(builder.sequences(np.sort(chosen)))
        if not few and len(sample) < len(chosen):  # copies teach nothing: others in their place
            chosen = np.union1d(
                chosen, self.rng.choice(others, min(len(others), _MORE * plan.sequences), replace=False)
            )
            sample = _different(builder.sequences(chosen))
            sample = sample[np.sort(self.rng.permutation(len(sample))[: plan.sequences])]
        model = self._learned(sample, plan, learn)
        if model.training:
            unseen = np.concatenate([self.held, np.setdiff1d(others, chosen)[:MOST_UNSEEN]])
            names = [*builder.sequences(unseen).ids, *model.training["held_out"]]
            model = replace(model, training={**model.training, "held_out": names})
        if options.bits is None or model.bits is not None:
            return model
        if options.codes == LEARNED:
            raise ParameterError(f"codes cannot be learned: encoder {model.family!r} has nothing to train")
        return self._coded(model, sample[self.rng.permutation(len(sample))[:CODED]])

    def _in_time(self, plan: TrainingPlan) -> TrainingPlan:
        """The plan for the time that is left: of fewer sequences, as looking for near pairs takes its time too."""
        seconds = self.deadline.left
        if not seconds:
            return plan
        return replace(plan, seconds=seconds, sequences=min(plan.sequences, max(_LEAST, int(_A_SECOND * seconds))))

    def _others(self) -> IntArray:
        known = np.ones(self.builder.rows, np.bool_)
        known[self.held] = False
        return np.flatnonzero(known)

    def _learned(self, sample: Sequences, plan: TrainingPlan, learn: str) -> Model:
        """Torch is imported only when something is trained."""
        options = self.options
        family = family_named(COMPONENTS if self.learns and learn == NONE else self._family, sample.kind)
        if self.distance.partial:
            return kmer_model(sample, _COMPOSITION) if sample.kind == "tokens" else shape_model(sample)
        if family.as_is:
            return self._as_is(unlearned_model(sample, plan.geometry, family.name))
        if family.name == COUNTS and self._reduces_counts(sample):
            return in_geometry(count_components(sample, options.dim, seed=options.seed), sample, plan.geometry)
        if not family.trained:
            model = unlearned_model(sample, plan.geometry, family.name, dim=options.dim, seed=options.seed)
            chooses = family.name == COMPONENTS and plan.geometry == AUTO
            return suited(model, sample, self.distance, options.seed) if chooses else model
        extras.require("torch", f"training encoder {family.name!r}")
        from ..learning.trainer import train

        model, _ = train(
            sample,
            self.distance,
            encoder=self._family,
            plan=plan,
            seed=options.seed,
            settings={} if options.dim is None else {"dim": options.dim},
            checkpoint=self.checkpoint,
            progress=self.progress,
        )
        return model

    def _reduces_counts(self, sample: Sequences) -> bool:
        """Whether k-mer counts become components: as many as are asked for, or because a large index of all of them is
        slow."""
        options = self.options
        if options.dim is None:
            return options.bits is None and options.kind_for(self.builder.rows) != ExactIndex.kind
        return options.dim < SparseFeatures.counts(InputSpec.fit(sample)).size

    @property
    def learns(self) -> bool:
        """Whether the encoder of these options is one that learns, if it may."""
        return family_named(self._family, self.builder.kind).trained and not self.distance.partial

    @property
    def _family(self) -> str:
        """What was asked for; vectors need none that learns."""
        options = self.options
        return AS_IS if options.encoder == AUTO and self.distance.space else options.encoder_for(self.distance)

    def _as_is(self, model: Model) -> Model:
        """A model of points that are the sequences themselves, in the space of the distance."""
        space = self.distance.space
        if not space or self.options.geometry != AUTO:
            return model
        return self._lifted(model) if space == "inner-product" else replace(model, geometry=space)

    def _lifted(self, model: Model) -> Model:
        """With room for the longest of all vectors."""
        longest = 0.0
        for start in range(0, self.builder.rows, LOOKED_AT):
            part = self.builder.sequences(np.arange(start, min(start + LOOKED_AT, self.builder.rows)))
            longest = max(longest, float(np.linalg.norm(model.embed(part), axis=1).max()))
        return lifted_model(model, longest)

    def adapted(self, model: Model) -> Model:
        """A model that was brought along, with a binary code of these data where bits are asked for and it has none."""
        options = self.options
        if options.bits is None or model.bits == options.bits:
            return model
        if model.bits is not None:
            raise MismatchError(f"the model makes codes of {model.bits} bits, {options.bits} are asked for")
        others = self._others()
        if options.codes != LEARNED:
            return self._coded(model, self.builder.sequences(others[self.rng.permutation(len(others))[:CODED]]))
        extras.require("torch", "learning a code")
        from ..learning.trainer import learn_code

        plan = TrainingPlan.of_effort(NORMAL if options.learn in (AUTO, NONE) else options.learn)
        plan = self._in_time(plan)
        if len(others) > plan.sequences:
            others = np.sort(self.rng.choice(others, plan.sequences, replace=False))
        made, _ = learn_code(
            model,
            self.builder.sequences(others),
            self.distance,
            options.bits,
            plan=plan,
            seed=options.seed,
            progress=self.progress,
        )
        return made

    def _coded(self, model: Model, some: Sequences) -> Model:
        """The model with a code cut from its points of `some` sequences."""
        bits, codes = self.options.bits, self.options.codes
        assert bits is not None
        head = quantizer(model.embed(some), bits, self.rng, "itq" if codes in (None, LEARNED) else codes)
        return replace(model, bits=bits, weights={**model.weights, **head})


def _different(sequences: Sequences) -> Sequences:
    """The first of all equal sequences, where enough are left: near pairs of copies would hide all others.

    Known by Python's own hash of their bytes: two different ones take each other's place with odds of 2**-64 a pair.
    """
    width = sequences.data.itemsize * max(sequences.features, 1)
    spelled = np.ascontiguousarray(sequences.data).view(np.uint8).reshape(-1).tobytes()
    bounds = itertools.pairwise((sequences.offsets * width).tolist())
    hashes = np.fromiter((hash(spelled[start:end]) for start, end in bounds), np.int64, len(sequences))
    _, first = np.unique(hashes, return_index=True)
    return sequences if len(first) == len(sequences) or len(first) < _FEWEST else sequences[np.sort(first)]
