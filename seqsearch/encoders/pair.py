"""`TowerPair`: two trained towers as data, and what they make of sequences of either side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import extras, threads
from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..distances import HashSequences
from ..errors import CorruptIndexError, ParameterError
from ..hashing import codes_of
from ..progress import SILENT, Progress
from ..sequences import Sequences, offsets_of, padded_batches, ranges_to_indices
from .inputs import InputSpec

if TYPE_CHECKING:
    from .towers import Tower

SIDES = ("query", "database")
WORD_BITS = (16, 32, 64)
_STEPS_A_BATCH = 1 << 15


@dataclass(frozen=True)
class TowerPair:
    """Two towers of one `family` and `settings`, one a side, with weights and specs of their own.

    `weights`: by "SIDE.NAME"; `training`: how they were trained.
    """

    family: str
    settings: JSON
    specs: dict[str, InputSpec]
    weights: dict[str, AnyArray]
    training: JSON = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Outputs: bits of a hash, or dimensions of a point."""
        return int(self.settings["dim"])

    def hashes(self, sequences: Sequences, side: str, progress: Progress = SILENT) -> HashSequences:
        """The hash sequence of each of `sequences`, one hash per pooled step. Of a "hash" pair only.

        Hashes take words of 16, 32 or 64 bits; fewer bits leave the upper ones 0.
        """
        if self.family != "hash":
            raise ParameterError(f"{self.family} towers make points, not hash sequences")
        tower = self.tower(side)
        lengths = -(-sequences.lengths // tower.pooling)
        offsets = offsets_of(lengths)
        width = next(bits for bits in WORD_BITS if bits >= self.dim) // 8
        codes = np.zeros((int(offsets[-1]), width), np.uint8)
        for rows, outputs in self._outputs(sequences, side, progress):
            taken = ranges_to_indices(offsets[rows], lengths[rows])
            real = np.arange(outputs.shape[1]) < lengths[rows][:, None]
            packed = codes_of(outputs[real])
            codes[taken, : packed.shape[1]] = packed
        return HashSequences.of(codes, offsets)

    def points(self, sequences: Sequences, side: str, progress: Progress = SILENT) -> FloatArray:
        """(n, dim) points in [-1, 1]. Of an "attention" pair only."""
        if self.family != "attention":
            raise ParameterError(f"{self.family} towers make hash sequences, not points")
        points = np.empty((len(sequences), self.dim), np.float32)
        for rows, outputs in self._outputs(sequences, side, progress):
            points[rows] = outputs
        return points

    def _outputs(self, sequences: Sequences, side: str, progress: Progress) -> Iterator[tuple[IntArray, FloatArray]]:
        """(rows, outputs) of batches of sequences of like length."""
        import torch

        tower = self.tower(side)
        threads.torch_threads()
        with torch.no_grad(), progress.task("embedding", len(sequences)) as task:
            for batch in padded_batches(sequences, size=256, steps=_STEPS_A_BATCH):
                yield batch.rows, tower.encode(sequences[batch.rows]).numpy()
                task.advance(len(batch.rows))

    def tower(self, side: str) -> Tower:
        """The network of a side, "query" or "database"."""
        if side not in SIDES:
            raise ParameterError(f"no side {side!r}: choose one of {', '.join(SIDES)}")
        return self._towers[side]

    @cached_property
    def _towers(self) -> dict[str, Tower]:
        extras.require("torch", f"a pair of {self.family} towers")
        from .run import loaded
        from .towers import tower_named

        made = {}
        for side in SIDES:
            tower = tower_named(self.family, self.specs[side], self.settings)
            try:
                made[side] = loaded(tower, self.weights, f"{side}.")
            except RuntimeError as error:
                raise CorruptIndexError(f"the weights do not fit the towers: {str(error).splitlines()[0]}") from None
        return made

    def document(self) -> JSON:
        """Everything but the weights, as JSON."""
        return {
            "family": self.family,
            "settings": self.settings,
            "training": self.training,
            "specs": {side: spec.to_json() for side, spec in self.specs.items()},
        }

    @classmethod
    def restore(cls, document: JSON, weights: dict[str, AnyArray]) -> TowerPair:
        """The inverse of `document` and `weights`. Raises CorruptIndexError."""
        try:
            specs = {side: InputSpec.from_json(document["specs"][side]) for side in SIDES}
            settings = dict(document["settings"])
            if document["family"] == "hash":
                settings.setdefault("dilations", ())  # towers from before there were any
            else:
                settings.setdefault("statistics", False)  # as above
            return cls(document["family"], settings, specs, weights, document["training"])
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptIndexError(f"the towers cannot be read: {error!r}") from None
