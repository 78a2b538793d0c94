"""What is searched: an index, or references in a file, which are compared with everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import click

from .options import Cluster, DistanceOptions, Reading, given, option
from .progress import progress_for

if TYPE_CHECKING:
    from ..distributed import ShardedIndex
    from ..search import References, SequenceIndex
    from ..service.client import Client

INDEX = "INDEX|REFS"
TOKEN = "SEQSEARCH_TOKEN"
"""The variable of the environment with the token of a service."""
_MODELS = (".model", ".safetensors")
_MODEL = b"{"  # the ninth byte of safetensors; the eight before are a length, whose last ones are 0


@dataclass(frozen=True)
class RefsDistance(DistanceOptions):
    """The exact distance where there is no index, which has its own."""

    distance: str = option(
        "Of REFS: edit, dtw, infix, ..., those of `seqsearch build`; an index has its own.",
        metavar="NAME",
        default="edit",
    )


def is_address(path: str) -> bool:
    """Whether it is an index of a service: http://HOST:PORT/INDEX."""
    return path.startswith(("http://", "https://"))


def is_references(path: str) -> bool:
    """Whether it is read as sequences: standard input, a data set by name, or a file that is there.

    Folders, what is not there and what is named .ss are taken for indexes.
    """
    if path.endswith(".ss"):
        return False
    if path == "-" or (os.path.exists(path) and not os.path.isdir(path)):
        return True
    from ..sequences.readers.table import data_sets_of

    return data_sets_of(path) is not None


def is_model(path: str) -> bool:
    """Whether a file is named or begins as a model is and does, which no file of sequences can."""
    if path.endswith(_MODELS):
        return True
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[4:8] == bytes(4) and head[8:] == _MODEL


_HERE = Cluster()


def open_index(path: str, cluster: Cluster = _HERE) -> SequenceIndex | ShardedIndex:
    """The index in a folder, or the shards. Raises a usage error for a cluster without shards."""
    from ..distributed import holds_shards
    from ..search import SequenceIndex

    if holds_shards(path):
        from ..distributed import ShardedIndex

        return ShardedIndex.open(path, ray=cluster.ray, replicas=cluster.replicas, partial=cluster.partial)
    for flag, there in (("--ray", cluster.ray is not None), ("--partial", cluster.partial)):
        if there:
            raise click.UsageError(f"{flag} is for shards: {path} is one index (`seqsearch shard` makes shards)")
    return SequenceIndex.open(path)


def is_sharded(opened: object) -> TypeGuard[ShardedIndex]:
    """Whether these are shards; one index is told from them without loading what shards need."""
    loaded = sys.modules.get("seqsearch.distributed.index")
    return loaded is not None and isinstance(opened, loaded.ShardedIndex)


@contextmanager
def searched(
    path: str,
    queries: str,
    distance: DistanceOptions,
    reading: Reading,
    of_index: Iterable[str],
    quiet: bool,
    cluster: Cluster = _HERE,
) -> Iterator[SequenceIndex | ShardedIndex | References]:
    """The index in a folder; or the references of a file, with a line on stderr that says so.

    `of_index`: options on the command line that only an index has. Raises usage errors for these without one, and for
    another distance than that of an index.
    """
    if is_address(path):
        raise click.UsageError(f"{path} is a service, which `seqsearch search` asks; in Python seqsearch.Client does")
    if not is_references(path):
        with open_index(path, cluster) as index:
            _require_same(index, distance)
            yield index
        return
    for flag in of_index:
        made = f"`seqsearch build {path} -o INDEX` makes one"
        raise click.UsageError(f"{flag} means nothing for {path}, which is no index: {made}")
    if path == queries == "-":
        raise click.UsageError('"-" is standard input: it holds the references or the queries, not both')
    yield _read(path, distance, reading, quiet)


@contextmanager
def asked(
    path: str,
    queries: str,
    distance: DistanceOptions,
    reading: Reading,
    of_index: Iterable[str],
    quiet: bool,
    cluster: Cluster = _HERE,
) -> Iterator[SequenceIndex | ShardedIndex | References | Client]:
    """What is `searched`, or the index of a service, with the token of the environment."""
    if not is_address(path):
        with searched(path, queries, distance, reading, of_index, quiet, cluster) as opened:
            yield opened
        return
    from ..service.client import Client

    with Client(path, token=os.environ.get(TOKEN)) as client:
        _require_same(client, distance)
        yield client


def _read(path: str, distance: DistanceOptions, reading: Reading, quiet: bool) -> References:
    from ..search import References

    exact = distance.suiting(path).exact()
    # labels and columns are of what is searched: a table keeps those that are nothing else
    sets = reading.batches(path, columns=None)
    references = References(sets, distance=exact, name=path, progress=progress_for(quiet))
    if not quiet:
        pays = "" if exact.partial else "; `seqsearch build` makes an index, which pays for many queries"
        click.echo(f"{path}: every query is compared with all {len(references):,} sequences{pays}", err=True)
    return references


def _require_same(index: SequenceIndex | ShardedIndex | Client, distance: DistanceOptions) -> None:
    """Raise a usage error for a distance on the command line that is not the one of the index."""
    asked = given(distance)
    if not asked:
        return
    own = index.distance
    if asked.get("distance", own.name) == own.name:
        from ..distances import distance_named

        if distance_named(own.name, **distance.distance_parameters).parameters() == own.parameters():
            return
    flags = " and ".join("-D" if name == "distance_parameters" else "--distance" for name in asked)
    raise click.UsageError(f"{index.path} was built to compare by {own!r}: leave out {flags}, which are for REFS")
