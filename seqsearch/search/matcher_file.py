"""A matcher as a folder: one JSON document, and safetensors files of weights and of the database; no pickle.

matcher.json                 what it is, and the digests of the other two
towers-DIGEST.safetensors    weights
database-DIGEST.safetensors  packed hashes, points, series, ids: absent while nothing is indexed
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from ..arrays import AnyArray
from ..distances import HashSequences, MatchingDTW
from ..encoders.pair import TowerPair
from ..errors import CorruptIndexError, FormatVersionError, IndexExistsError, NotAnIndexError, Path
from ..sequences import Sequences, Strings
from .cascade import Keep
from .matching import Database, Matcher

VERSION = 1
DOCUMENT, TOWERS, DATABASE = "matcher.json", "towers.safetensors", "database.safetensors"


def save_matcher(matcher: Matcher, path: Path, *, overwrite: bool = False) -> None:
    """Write the folder `path`; files go under temporary names first, the document last.

    Raises IndexExistsError where something is that is not a matcher, or is one and `overwrite` is off.
    """
    require_free(path, overwrite=overwrite)
    place = FilePath(path)
    place.mkdir(parents=True, exist_ok=True)
    # the digest is part of the name, so that the document of an older matcher never meets newer files
    digests = {TOWERS: _write(place, TOWERS, _tower_arrays(matcher))}
    if matcher.database is not None:
        digests[DATABASE] = _write(place, DATABASE, _database_arrays(matcher.database))
    _replace(place / DOCUMENT, json.dumps({**_document(matcher), "digests": digests}, indent=1).encode())
    for file in place.glob("*.safetensors"):
        if file.name not in {_named(name, digest) for name, digest in digests.items()}:
            file.unlink()


def require_free(path: Path, *, overwrite: bool = False) -> None:
    """Raise IndexExistsError unless a matcher may be written there."""
    place = FilePath(path)
    if place.exists() and not (overwrite and (place / DOCUMENT).is_file()):
        problem = "is no matcher, and is left as it is" if overwrite else "is taken: overwrite it, or choose another"
        raise IndexExistsError(f"{place} {problem}")


def load_matcher(path: Path) -> Matcher:
    """Raises NotAnIndexError, FormatVersionError for a newer one, CorruptIndexError for damaged files."""
    place = FilePath(path)
    try:
        document = json.loads((place / DOCUMENT).read_bytes())
        version = int(document["version"])
    except OSError:
        raise NotAnIndexError(f"{place} holds no matcher") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptIndexError(f"{place / DOCUMENT} cannot be read: {error}") from None
    if version > VERSION:
        raise FormatVersionError(f"{place}: matcher version {version} is newer than {VERSION}")
    try:
        weights = _read(place, TOWERS, document["digests"])
        hashes, points = (_pair(document[kind], kind, weights) for kind in ("hashes", "points"))
        assert hashes is not None
        database = None
        if DATABASE in document["digests"]:
            database = _database(_read(place, DATABASE, document["digests"]), document)
        return Matcher(
            hashes,
            points,
            None if document["exact"] is None else MatchingDTW(**document["exact"]),
            int(document["penalty"]),
            float(document["gully"]),
            tuple(Keep(**keep) for keep in document["keeps"]),
            int(document["size"]),
            float(document.get("blend", 0.0)),
            database,
            document["measured"],
        )
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise CorruptIndexError(f"{place} is damaged: {error!r}") from None


def _document(matcher: Matcher) -> dict[str, Any]:
    database = matcher.database
    return {
        "version": VERSION,
        "hashes": matcher.hashes.document(),
        "points": None if matcher.points is None else matcher.points.document(),
        "exact": None if matcher.exact is None else matcher.exact.parameters(),
        "penalty": matcher.penalty,
        "gully": matcher.gully,
        "size": matcher.size,
        "blend": matcher.blend,
        "measured": matcher.measured,
        "keeps": [{"count": keep.count, "threshold": keep.threshold} for keep in matcher.keeps],
        "entries": 0 if database is None else len(database),
    }


def _pair(document: dict[str, Any] | None, kind: str, weights: dict[str, AnyArray]) -> TowerPair | None:
    if document is None:
        return None
    own = {name.removeprefix(f"{kind}."): value for name, value in weights.items() if name.startswith(f"{kind}.")}
    return TowerPair.restore(document, own)


def _tower_arrays(matcher: Matcher) -> dict[str, AnyArray]:
    pairs = {"hashes": matcher.hashes, "points": matcher.points}
    return {
        f"{kind}.{name}": value
        for kind, pair in pairs.items()
        if pair is not None
        for name, value in pair.weights.items()
    }


def _database_arrays(held: Database) -> dict[str, AnyArray]:
    sequences = held.sequences
    made: dict[str, AnyArray] = {
        "series": sequences.data[sequences.offsets[0] : sequences.offsets[-1]],
        "offsets": sequences.offsets - sequences.offsets[0],
        "hash_offsets": held.hashes.offsets,
        # as bytes: every safetensors there is knows them
        "hashes": held.hashes.codes.view(np.uint8).reshape(-1, held.hashes.bits // 8),
    }
    joined = Strings.of(list(sequences.ids))
    made |= {"ids": joined.data, "id_offsets": joined.offsets}
    if held.points is not None:
        made["points"] = held.points
    return made


def _database(arrays: dict[str, AnyArray], document: dict[str, Any]) -> Database:
    ids = Strings(arrays["ids"], arrays["id_offsets"])
    sequences = Sequences(arrays["series"], arrays["offsets"], ids, None)
    held = Database(sequences, HashSequences.of(arrays["hashes"], arrays["hash_offsets"]), arrays.get("points"))
    if not len(held) == len(held.hashes) == document["entries"]:
        raise ValueError(f"{len(held)} series, {len(held.hashes)} hash sequences, {document['entries']} entries")
    return held


def _named(name: str, digest: str) -> str:
    stem, _, ending = name.partition(".")
    return f"{stem}-{digest[:16]}.{ending}"


def _write(place: FilePath, name: str, arrays: dict[str, AnyArray]) -> str:
    """Write the file under its name with the digest in it; the digest."""
    from safetensors.numpy import save

    content = save({key: np.ascontiguousarray(value) for key, value in sorted(arrays.items())})
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    _replace(place / _named(name, digest), content)
    return digest


def _replace(target: FilePath, content: bytes) -> None:
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, target)


def _read(place: FilePath, name: str, digests: dict[str, str]) -> dict[str, AnyArray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = place / _named(name, digests[name])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CorruptIndexError(f"{file} cannot be read: {error.strerror}") from None
    if hashlib.blake2b(content, digest_size=16).hexdigest() != digests[name]:
        raise CorruptIndexError(f"{file} is damaged: its content has another digest")
    try:
        arrays: dict[str, AnyArray] = load(content)
    except SafetensorError as error:
        raise CorruptIndexError(f"{file} is damaged: {error}") from None
    return arrays
