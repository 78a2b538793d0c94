"""The maps of a hosted index: drawn beside the searches, held while nothing changes, sent as numbers."""

from __future__ import annotations

import copy
import json
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..search.maps import METHODS, TSNE, Colouring, Map, MapPoints, coloured, colourings
from ..search.novelty import KnownScores
from ..search.state import State
from ..sequences import Sequences
from .background import Background
from .hosted import Hosted

MOST = 1_000_000
"""Points that are sent to a page."""
_COLOURINGS = 8  # of one map that are held


@dataclass(eq=False)
class _Drawn:
    """A map, what is `shown` of it, the state that it was drawn of, and its colourings."""

    map: Map
    shown: Map
    state: Callable[[], State | None]
    colours: dict[tuple[str | None, int | None], Colouring] = field(default_factory=dict)


class HostedMaps:
    """What is drawn of one index; answers are None while a map is being drawn: come back for it."""

    def __init__(self, hosted: Hosted) -> None:
        self._owner = weakref.ref(hosted)
        self._drawn: dict[str, _Drawn] = {}
        self._drawing: Background[Map] = Background()
        self._measuring: Background[KnownScores] = Background()

    @property
    def _hosted(self) -> Hosted:
        hosted = self._owner()
        assert hosted is not None  # whoever asks holds it
        return hosted

    def draw(self, method: str) -> Map | None:
        """The map by `method` of what is stored now, `MOST` points of it at most; "auto": by t-SNE where the index
        keeps such a one. Raises what `SequenceIndex.map` raises."""
        self._hosted.look()
        held = self._drawn.get(method)
        with self._hosted.one.state() as state:
            if held is not None and self._is_of(held, state):
                return held.shown
        made = self._drawing.result(method, lambda: self._made(method))
        if made is None:
            return None
        with self._hosted.one.state() as state:
            if made.generation != state.generation:  # rows were numbered anew meanwhile
                return None
            held = _Drawn(made, made.sampled(MOST), _of_none)
            self._is_of(held, state)  # if nothing was committed meanwhile; else it is drawn anew next time
            self._drawn[method] = self._drawn[made.method] = held
        return held.shown

    @staticmethod
    def _is_of(held: _Drawn, state: State) -> bool:
        if held.state() is state:
            return True
        rows = np.flatnonzero(state.live)
        same = held.map.generation == state.generation and len(rows) == len(held.map)
        if same and (rows == held.map.rows).all():
            held.state = weakref.ref(state)
            return True
        return False

    def known_scores(self) -> KnownScores | None:
        """What members score by the distance to their nearest. Raises ParameterError and MismatchError where nothing is
        known."""
        return self._measuring.result("novelty", self._hosted.known_scores)

    def _made(self, method: str) -> Map:
        if method != TSNE:
            with self._hosted.beside() as beside:
                return beside.map(method)
        with copy.copy(self._hosted.one) as own:  # for a minute: what is measured beside must not wait for it
            return own.map(method)

    def coloured(
        self, drawn: Map, method: str, by: str | None, rank: int | None
    ) -> tuple[Colouring, tuple[str, ...]] | None:
        """The colours of a map, and what else there is to colour by; None where rows were numbered anew meanwhile.
        Raises UnknownNameError."""
        with self._hosted.one.state() as state:
            if drawn.generation != state.generation:
                return None
            held = self._drawn.get(method)
            known = {} if held is None or held.shown is not drawn else held.colours
            if (by, rank) not in known:
                while len(known) >= _COLOURINGS:
                    known.pop(next(iter(known)))
                known[by, rank] = coloured(state.targets, drawn.rows, by, rank)
            return known[by, rank], colourings(state.targets, drawn.rows)

    def place(self, method: str, queries: Sequences, ids: list[str]) -> JSON | None:
        """Where queries lie on the map that was drawn last, and stored sequences by their ids (null: not there)."""
        held = self._drawn.get(method)
        if held is None:
            held = self._drawn.get(method) if self.draw(method) is not None else None
        with self._hosted.one.state() as state:
            if held is None or held.map.generation != state.generation:
                self._drawn.pop(method, None)
                return None
            drawn = held.map
            places = drawn.place(MapPoints(state).of_queries(queries)) if len(queries) else np.zeros((0, 2), np.float32)
            return {"queries": _pairs(places), "targets": _targets(drawn, state.find(ids))}


def _of_none() -> None:
    """The state of a map that is of none."""


_MAPS: weakref.WeakKeyDictionary[Hosted, HostedMaps] = weakref.WeakKeyDictionary()


def maps_of(hosted: Hosted) -> HostedMaps:
    """The maps of a hosted index, made when first asked for."""
    if hosted not in _MAPS:
        _MAPS.setdefault(hosted, HostedMaps(hosted))
    return _MAPS[hosted]


def _pairs(places: FloatArray) -> list[list[float]]:
    return [[round(float(x), 4), round(float(y), 4)] for x, y in places.tolist()]


def _targets(drawn: Map, rows: IntArray) -> list[list[float] | None]:
    at = np.searchsorted(drawn.rows, rows)
    at = np.minimum(at, max(0, len(drawn) - 1))
    there = (drawn.rows[at] == rows) if len(drawn) else np.zeros(len(rows), np.bool_)
    return [pair if found else None for pair, found in zip(_pairs(drawn.places[at]), there.tolist(), strict=True)]


def packed(drawn: Map, colours: Colouring, choices: tuple[str, ...], *, places: bool = True) -> bytes:
    """A map in one piece: 4 bytes, little-endian, of the length of a JSON head; the head; and the blocks it names, each
    filled up to a multiple of 4 bytes: places (n, 2) float32, rows uint32 where these are not 0 to n - 1, and groups
    uint8 or numbers float32. `places` False: the last alone.
    """
    blocks: list[tuple[str, AnyArray]] = []
    if places:
        blocks.append(("places", np.asarray(drawn.places, "<f4")))
        if len(drawn) and int(drawn.rows[-1]) != len(drawn) - 1:
            blocks.append(("rows", drawn.rows.astype("<u4")))
    if colours.groups is not None:
        blocks.append(("groups", colours.groups))
    if colours.numbers is not None:
        blocks.append(("numbers", np.asarray(colours.numbers, "<f4")))
    head = {
        "method": drawn.method,
        "methods": list(METHODS) if _has_neighbours() else [drawn.method],
        "count": len(drawn),
        "shares": [round(float(share), 5) for share in drawn.axes.shares[:2]],
        "by": colours.by,
        "choices": list(choices),
        "names": list(colours.names),
        "counts": list(colours.counts),
        "rank": colours.rank,
        "ranks": colours.ranks,
        "blocks": [{"name": name, "type": str(data.dtype), "length": int(data.size)} for name, data in blocks],
    }
    return _in_one_piece(head, [data for _, data in blocks])


def nothing_packed(why: str) -> bytes:
    """What is sent of an index that has no points, in the form of `packed`: `why` there is no map."""
    nothing: JSON = {"methods": [], "choices": [], "names": [], "counts": [], "shares": [0, 0], "blocks": []}
    return _in_one_piece({"method": "", "count": 0, "by": "", "rank": 1, "ranks": 1, "why": why, **nothing}, [])


def _in_one_piece(head: JSON, blocks: list[AnyArray]) -> bytes:
    told = json.dumps(head).encode()
    told += b" " * (-len(told) % 4)
    parts = [len(told).to_bytes(4, "little"), told]
    for block in blocks:
        content = block.tobytes()
        parts += [content, b"\0" * (-len(content) % 4)]
    return b"".join(parts)


def _has_neighbours() -> bool:
    from importlib.util import find_spec

    return find_spec("sklearn") is not None
