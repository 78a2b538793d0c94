"""Recipes: one TOML file is one reproducible index."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..arrays import JSON
from ..encoders.model import Model
from ..errors import InputError, ParameterError, StrPath
from ..progress import SILENT, Progress
from ..sequences import ReadReport, Sequences, alphabet_named, read_batches, write_whole
from ..sequences.readers import data_sets_of
from ..sequences.readers.metadata import Metadata
from .index import SequenceIndex
from .options import AUTO, BuildOptions

_READING = ("alphabet", "format", "layout", "id_column", "sequence_column", "label_column", "columns", "on_error")
_OPTIONS = {
    "distance": {"name": "distance"},
    "encoder": {
        "name": "encoder",
        **{name: name for name in ("dim", "geometry", "bits", "codes")},
        **{name: name for name in ("learn", "effort", "expect_queries", "max_time")},
    },
    "index": {"kind": "index", "compress": "compress"},
    "search": {"recall": "recall"},
}  # table -> key -> field of BuildOptions
_PARAMETERS = {"distance": "distance_parameters", "index": "index_parameters"}  # table -> where its other keys go


@dataclass(frozen=True)
class Recipe:
    """A recipe read from `path`; the index goes to `output`, the folder of the same name beside it.

    `reading`: arguments of `read` for `references`; `options` of the build; `hold_out`: sequences drawn at random (by
    the seed), kept out of the index and written to a file beside it (see `queries_path`), so that the index can be
    evaluated on sequences it never saw.
    """

    path: Path
    output: Path
    references: str
    reading: JSON
    options: BuildOptions
    hold_out: int = 0

    @classmethod
    def load(cls, path: StrPath) -> Recipe:
        """Read a recipe. Raises InputError, and ParameterError naming the file and the key."""
        place = Path(path)
        try:
            content = tomllib.loads(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"is not TOML: {error}", path=path) from None
        seed = content.pop("seed", 0)
        content.pop("description", None)
        try:
            _check(content)
            options = BuildOptions(**_options(content), seed=seed)
        except (ParameterError, TypeError) as error:
            raise ParameterError(f"{place}: {error}") from None
        reading = dict(content["data"])
        references, hold_out = str(reading.pop("references")), int(reading.pop("hold_out", 0))
        return cls(place, place.with_suffix(""), _beside(place, references), reading, options, hold_out)

    def changed(self, options: JSON, *, output: StrPath | None = None, reading: JSON | None = None) -> Recipe:
        """The recipe with other fields of `BuildOptions` and arguments of `read`, at another place.

        Parameters of the distance are added to those of the recipe. Those of another distance or kind of index are left
        out. Raises ParameterError.
        """
        changes = dict(options)
        for table, parameters in _PARAMETERS.items():
            same = options.get(table, getattr(self.options, table)) == getattr(self.options, table)
            changes[parameters] = (getattr(self.options, parameters) if same else {}) | options.get(parameters, {})
        if "effort" in changes and "learn" not in changes:
            changes["learn"] = AUTO  # the older name wins over that of the recipe as the newer does
        return replace(
            self,
            output=self.output if output is None else Path(output),
            reading=self.reading | (reading or {}),
            options=replace(self.options, **changes),
        )

    def queries_path(self, alphabet: str | None) -> Path:
        """Where held-out sequences go: FASTA, .csv for texts and integers, .npz for series (no alphabet)."""
        ending = ".npz" if alphabet is None else ".csv" if alphabet_named(alphabet).is_open else ".fasta"
        return self.output.with_name(f"{self.output.name.removesuffix('.ss')}.queries{ending}")

    def build(
        self,
        *,
        overwrite: bool = False,
        model: Model | None = None,
        queries: Sequences | None = None,
        metadata: Metadata | None = None,
        resume: bool = True,
        progress: Progress = SILENT,
    ) -> SequenceIndex:
        """Build the index as `SequenceIndex.build` does (and write the held-out queries beside it)."""
        return SequenceIndex.build(
            self.output,
            self.references_left(progress),
            overwrite=overwrite,
            model=model,
            queries=queries,
            metadata=metadata,
            resume=resume,
            progress=progress,
            **vars(self.options),
        )

    def references_left(self, progress: Progress = SILENT) -> Iterator[Sequences]:
        """The sequences to index; writes the held-out ones on the way, and notes how many records were skipped."""
        report = ReadReport()
        parts = read_batches(self.references, report=report, **self.reading)
        yield from self._without_held_out(Sequences.concatenate(list(parts))) if self.hold_out else parts
        if report.notable:
            progress.note(str(report))

    def _without_held_out(self, everything: Sequences) -> Iterator[Sequences]:
        if self.hold_out >= len(everything):
            raise ParameterError(f"{self.path}: hold_out {self.hold_out} leaves none of {len(everything)} sequences")
        order = np.random.default_rng(self.options.seed).permutation(len(everything))
        alphabet = None if everything.alphabet is None else everything.alphabet.name
        write_whole(self.queries_path(alphabet), everything[np.sort(order[: self.hold_out])])
        yield everything[np.sort(order[self.hold_out :])]


def _check(content: JSON) -> None:
    """Raise ParameterError for a table or key that there is not."""
    known = {"data": ("references", "hold_out", *_READING), **_OPTIONS}
    for name, table in content.items():
        if name not in known or not isinstance(table, dict):
            raise ParameterError(f"no table [{name}]: there are {', '.join(f'[{t}]' for t in known)}")
        unknown = sorted(set(table) - set(known[name]))
        if unknown and name not in _PARAMETERS:
            raise ParameterError(f"no key {unknown[0]!r} in [{name}]: there are {', '.join(sorted(known[name]))}")
    if "references" not in content.get("data", {}):
        raise ParameterError("[data] needs references, a file or a data set by name")


def _options(content: JSON) -> JSON:
    """The fields of BuildOptions that the tables give."""
    options: JSON = {parameters: {} for parameters in _PARAMETERS.values()}
    for table, fields in _OPTIONS.items():
        for key, value in content.get(table, {}).items():
            if key in fields:
                options[fields[key]] = value
            else:
                options[_PARAMETERS[table]][key] = value
    return options


def _beside(recipe: Path, references: str) -> str:
    """A relative file is meant from the recipe's folder; a data set by name is left as it is."""
    named = references == "-" or data_sets_of(references) is not None
    return references if named else os.fspath(recipe.parent / references)
