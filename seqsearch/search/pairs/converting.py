"""Matcher folders, which older versions wrote, made into indexes.

matcher.json                 what it is, and the digests of the other two
towers-DIGEST.safetensors    weights
database-DIGEST.safetensors  packed hashes, points, series, ids
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ...arrays import JSON, AnyArray
from ...distances import HashSequences, MatchingDTW
from ...errors import CorruptIndexError, FormatVersionError, NotAnIndexError, StrPath
from ...files import read_tensors
from ...progress import SILENT, Progress
from ...sequences import Sequences, Strings
from ..budget import Point
from ..cache import IndexCache
from ..calibration import Calibration
from ..encoding import TwoTowers, restored_pair
from ..handle import MATCHER
from .building import PairParts, settings_of

_OLD_VERSION = 1
_MOST = 0.05


def convert_matcher(
    folder: StrPath, path: StrPath, *, overwrite: bool = False, progress: Progress = SILENT
) -> IndexCache:
    """Make an index at `path` of a matcher folder; the folder stays.

    Raises NotAnIndexError for another folder or a matcher that holds no database, FormatVersionError,
    CorruptIndexError, IndexExistsError.
    """
    place = Path(folder)
    document = _document(place)
    try:
        weights, held = (_arrays(place, name, document["digests"]) for name in ("towers", "database"))
        towers = {kind: restored_pair(document[kind], kind, weights) for kind in ("hashes", "points") if document[kind]}
        encoder = TwoTowers(towers["hashes"], towers.get("points"))
        ids = Strings(held["ids"], held["id_offsets"])
        entries = Sequences(held["series"], held["offsets"], ids, None)
        hashes = HashSequences.of(held["hashes"], held["hash_offsets"])
        calibration = _calibration(document, len(entries))
        distance = None if document["exact"] is None else MatchingDTW(**document["exact"])
        settings = settings_of(distance, len(entries), 0)
        pairs = {name: document[name] for name in ("penalty", "gully", "measured")}
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptIndexError(f"{place} is damaged: {error!r}") from None
    if not len(entries) == len(hashes) == document["entries"]:
        raise CorruptIndexError(f"{place} is damaged: {len(entries)} series, {len(hashes)} hash sequences")
    parts = PairParts.known(encoder, entries, hashes, held.get("points"), settings | {"pairs": pairs | {"most": _MOST}})
    return parts.written(path, calibration, overwrite=overwrite, progress=progress)


def _document(place: Path) -> JSON:
    try:
        document: JSON = json.loads((place / MATCHER).read_bytes())
        version = int(document["version"])
    except OSError:
        raise NotAnIndexError(f"{place} holds no matcher") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptIndexError(f"{place / MATCHER} cannot be read: {error}") from None
    if version > _OLD_VERSION:
        raise FormatVersionError(f"{place}: matcher version {version} is newer than {_OLD_VERSION}")
    if not document.get("entries"):
        raise NotAnIndexError(f"{place}: this matcher holds no database to make an index of")
    return document


def _calibration(document: JSON, size: int) -> Calibration:
    """One point: what the stages kept. A threshold has no count, so that stage then keeps everything."""
    counts = [size if keep["count"] is None else int(keep["count"]) for keep in document["keeps"]]
    measured = document["measured"]
    target, lost = float(measured.get("recall", 0.95)), float(measured.get("false_rejects") or 0.0)
    points: tuple[Point, ...] = ()
    if counts:
        points = (Point(1, counts[0], None, round(1 - lost, 6), target, kept=tuple(counts[1:])),)
    queries, weight = int(measured.get("queries", 0)), float(document.get("blend", 0.0))
    costs = (1.0,) * len(counts)
    return Calibration(target, queries, int(document["size"]), points, costs, truth="pairs", weight=weight)


def _arrays(place: Path, name: str, digests: dict[str, str]) -> dict[str, AnyArray]:
    digest = digests[f"{name}.safetensors"]
    file = place / f"{name}-{digest[:16]}.safetensors"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CorruptIndexError(f"{file} cannot be read: {error.strerror}") from None
    if hashlib.blake2b(content, digest_size=16).hexdigest() != digest:
        raise CorruptIndexError(f"{file} is damaged: its content has another digest")

    def damaged(reason: str) -> CorruptIndexError:
        return CorruptIndexError(f"{file} is damaged: {reason}")

    return read_tensors(content, None, error=damaged)[1]
