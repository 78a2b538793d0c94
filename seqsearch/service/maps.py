"""The maps of a hosted index: drawn beside the searches, held while nothing changes, sent as numbers."""

from __future__ import annotations

import json
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..search.maps import METHODS, Colouring, Map, MapPoints, coloured, colourings
from ..search.state import State
from ..sequences import Sequences
from .hosted import Hosted

PATIENCE, LONG = 0.15, 10.0
"""Seconds that a request waits for a map before it is told to come back: who draws one, who needs one."""
_COLOURINGS = 8  # of one map that are held


@dataclass(eq=False)
class _Drawn:
    """A map, of the state that it was drawn of, and its colourings."""

    map: Map
    state: weakref.ref[State]
    colours: dict[tuple[str | None, int | None], Colouring] = field(default_factory=dict)


class HostedMaps:
    """What is drawn of one index; `draw` answers at once, with None while a map is being drawn."""

    def __init__(self, hosted: Hosted) -> None:
        self._owner = weakref.ref(hosted)
        self._drawn: dict[str, _Drawn] = {}
        self._running: dict[str, Future[Map]] = {}
        self._changing = threading.Lock()
        self._drawing = ThreadPoolExecutor(1, "seqsearch-map")

    @property
    def _hosted(self) -> Hosted:
        hosted = self._owner()
        assert hosted is not None  # whoever asks holds it
        return hosted

    def draw(self, method: str, patience: float = PATIENCE) -> Map | None:
        """The map by `method` of what is stored now; "auto": by t-SNE where the index keeps such a one. Raises what
        `SequenceIndex.map` raises."""
        self._hosted.look()
        with self._hosted.index.state() as state:
            held = self._drawn.get(method)
            if held is not None and held.state() is state:
                return held.map
            with self._changing:
                running = self._running.get(method)
                if running is None:
                    running = self._running[method] = self._drawing.submit(self._made, method)
        try:
            made = running.result(patience)
        except TimeoutError:
            return None
        except BaseException:
            self._forget(method, running)
            raise
        self._forget(method, running)
        with self._hosted.index.state() as state:
            rows = np.flatnonzero(state.live)
            if len(rows) == len(made) and (rows == made.rows).all():
                self._drawn[method] = self._drawn[made.method] = _Drawn(made, weakref.ref(state))
        return made

    def _forget(self, method: str, running: Future[Map]) -> None:
        with self._changing:
            if self._running.get(method) is running:
                del self._running[method]

    def _made(self, method: str) -> Map:
        with self._hosted.beside() as beside:  # no change waits for it, and no search for the change
            return beside.map(method)

    def coloured(self, drawn: Map, method: str, by: str | None, rank: int | None) -> tuple[Colouring, tuple[str, ...]]:
        """The colours of a map, and what else there is to colour by. Raises UnknownNameError."""
        with self._hosted.index.state() as state:
            held = self._drawn.get(method)
            known = {} if held is None or held.map is not drawn else held.colours
            if (by, rank) not in known:
                while len(known) >= _COLOURINGS:
                    known.pop(next(iter(known)))
                known[by, rank] = coloured(state.targets, drawn.rows, by, rank)
            return known[by, rank], colourings(state.targets, drawn.rows)

    def place(self, method: str, queries: Sequences, ids: list[str]) -> JSON | None:
        """Where queries lie on a map, and stored sequences by their ids (null: not there); None while it is drawn."""
        drawn = self.draw(method, LONG)
        if drawn is None:
            return None
        with self._hosted.index.state() as state:
            places = drawn.place(MapPoints(state).of_queries(queries)) if len(queries) else np.zeros((0, 2), np.float32)
            return {"queries": _pairs(places), "targets": _targets(drawn, state.find(ids))}


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
