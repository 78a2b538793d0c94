"""The map of an index: found once, kept inside it, brought up to date when sequences come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ...arrays import IntArray
from ...errors import IndexLockedError, ParameterError, ReadOnlyIndexError, StorageFullError
from ...progress import SILENT, Progress
from ..calibration import STALE_SHARE
from ..handle import Handle
from ..state import State
from .layout import PCA, TSNE, Map, laid_out
from .points import MapPoints

METHODS = (PCA, TSNE)
AUTO = "auto"
_BLOB = "map "


class MapFields(TypedDict, total=False):
    """The fields of `MapOptions` but the method, as keyword arguments."""

    sample: int
    perplexity: float
    seed: int


@dataclass(frozen=True)
class MapOptions:
    """How a map is made. `method`: "pca" or "tsne"; `sample`: landmarks of t-SNE, among which the others are placed;
    `perplexity`: neighbours that it looks at; `seed` of every draw. Raises ParameterError.
    """

    method: str = PCA
    sample: int = 5000
    perplexity: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(f"a map is made by one of {', '.join(METHODS)}, not {self.method!r}")
        if self.sample < 10:
            raise ParameterError(f"sample must be at least 10 sequences, not {self.sample}")
        if not 2 <= self.perplexity <= 1000:
            raise ParameterError(f"perplexity must be from 2 to 1,000, not {self.perplexity}")

    @property
    def key(self) -> str:
        """Names the map among those that an index keeps."""
        how = f"{self.method} seed {self.seed}"
        return how if self.method == PCA else f"{how} sample {self.sample} perplexity {self.perplexity:g}"


def drawn(
    handle: Handle, options: MapOptions, progress: Progress = SILENT, *, anew: bool = False, only_kept: bool = False
) -> Map | None:
    """The map of what is stored now: the kept one, with what came since placed on it, or a new one where there is none,
    where rows were numbered anew, where a fifth came or went since, or where `anew` asks for it.

    `only_kept`: None in place of a new one. Raises MismatchError for an index without points.
    """
    with handle.state(progress) as state, handle.store() as store:
        live, generation = np.flatnonzero(state.live), store.generation
        content = None if anew else store.blob(_BLOB + options.key)
        known = None if content is None else Map.from_bytes(bytes(content))
        if known is not None and _fits(known, len(live), generation):
            return _updated(known, state, live)
        if only_kept:
            return None
        points = MapPoints(state)
        made = laid_out(
            live,
            points.of_rows,
            options.method,
            sample=options.sample,
            perplexity=options.perplexity,
            seed=options.seed,
            generation=generation,
            progress=progress,
        )
    try:
        handle.keep(_BLOB + options.key, made.to_bytes())
    except (IndexLockedError, ReadOnlyIndexError, StorageFullError, OSError) as error:
        progress.note(f"the map is not kept in the index: {error}")
    return made


def _fits(known: Map, count: int, generation: int) -> bool:
    return known.generation == generation and abs(count - len(known)) <= STALE_SHARE * max(1, len(known))


def _updated(known: Map, state: State, live: IntArray) -> Map:
    """Without rows that are gone, with those that came since."""
    kept = known.restricted(live)
    new = live[~np.isin(live, kept.rows, assume_unique=True)]
    return kept.extended(new, known.place(MapPoints(state).of_rows(new))) if len(new) else kept
