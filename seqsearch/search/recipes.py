"""Recipes: one TOML file is one reproducible index."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences, read, read_batches, write_fasta
from .index import SequenceIndex
from .options import BuildOptions

_TABLES = {
    "data": {
        "references",
        "alphabet",
        "format",
        "id_column",
        "sequence_column",
        "label_column",
        "on_error",
        "hold_out",
    },
    "distance": {"name"},
    "encoder": {"name", "dim", "effort", "bits", "codes"},
    "index": {"kind"},
    "search": {"recall"},
}
_OPEN_TABLES = {"distance", "index"}  # their other keys are parameters of the distance and of the index kind


@dataclass(frozen=True)
class Recipe:
    """A recipe read from `path`; the index goes to the folder of the same name beside it.

    `hold_out`: sequences drawn at random (by `seed`), kept out of the index and written to NAME.queries.fasta, so that
    the index can be evaluated on sequences it never saw.
    """

    path: Path
    references: str
    reading: dict[str, Any]
    options: dict[str, Any]
    hold_out: int = 0
    tables: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
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
        _check(place, content)
        data = dict(content["data"])
        options = _options(content) | {"seed": seed}
        try:
            BuildOptions(**options)
        except (ParameterError, TypeError) as error:
            raise ParameterError(f"{place}: {error}") from None
        references = str(data.pop("references"))
        hold_out = int(data.pop("hold_out", 0))
        return cls(place, _beside(place, references), data, options, hold_out, content)

    @property
    def index_path(self) -> Path:
        return self.path.with_suffix("")

    @property
    def queries_path(self) -> Path:
        return self.path.with_suffix(".queries.fasta")

    def build(self, *, overwrite: bool = False, progress: Progress = SILENT) -> SequenceIndex:
        """Build the index (and write the held-out queries) beside the recipe."""
        return SequenceIndex.build(
            self.index_path, self.references_left(), overwrite=overwrite, progress=progress, **self.options
        )

    def references_left(self) -> Iterator[Sequences]:
        """The sequences to index; writes the held-out ones on the way."""
        if not self.hold_out:
            yield from read_batches(self.references, **self.reading)
            return
        everything = read(self.references, **self.reading)
        if self.hold_out >= len(everything):
            raise ParameterError(f"{self.path}: hold_out {self.hold_out} leaves none of {len(everything)} sequences")
        order = np.random.default_rng(self.options["seed"]).permutation(len(everything))
        write_fasta(self.queries_path, everything[np.sort(order[: self.hold_out])])
        yield everything[np.sort(order[self.hold_out :])]


def _check(path: Path, content: dict[str, Any]) -> None:
    for name, table in content.items():
        if name not in _TABLES or not isinstance(table, dict):
            raise ParameterError(f"{path}: no table [{name}]: there are {', '.join(f'[{t}]' for t in _TABLES)}")
        unknown = set(table) - _TABLES[name]
        if unknown and name not in _OPEN_TABLES:
            known = ", ".join(sorted(_TABLES[name]))
            raise ParameterError(f"{path}: no key {sorted(unknown)[0]!r} in [{name}]: there are {known}")
    if "references" not in content.get("data", {}):
        raise ParameterError(f"{path}: [data] needs references, a file or a data set by name")


def _options(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of BuildOptions that the tables give."""
    distance, encoder = dict(content.get("distance", {})), content.get("encoder", {})
    index, search = dict(content.get("index", {})), content.get("search", {})
    options: dict[str, Any] = {key: encoder[key] for key in ("dim", "effort", "bits", "codes") if key in encoder}
    options |= {key: search[key] for key in ("recall",) if key in search}
    if "name" in encoder:
        options["encoder"] = encoder["name"]
    options["distance"] = distance.pop("name", "edit")
    options["distance_parameters"] = distance
    options["index"] = index.pop("kind", "auto")
    options["index_parameters"] = index
    return options


def _beside(recipe: Path, references: str) -> str:
    """A relative file is meant from the recipe's folder; a data set by name is left as it is."""
    named = references == "-" or references.startswith("greengenes:")
    return references if named else os.fspath(recipe.parent / references)
