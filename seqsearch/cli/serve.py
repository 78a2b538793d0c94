"""seqsearch serve"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, Command, option, takes, threads_option

if TYPE_CHECKING:
    from ..search import Answers
    from ..sequences import Sequences
    from ..service.limits import Limits
    from ..service.tokens import Tokens

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Options:
    """Where it listens, who may ask, and how much."""

    host: str = option("Address to listen at.", default="127.0.0.1")
    port: int = option("Port to listen at.", type=click.IntRange(0, 65535), default=8080)
    allow_host: tuple[str, ...] = option(
        "A name under which it may be asked, too.  [default: those of --host]", multiple=True, metavar="NAME"
    )
    writable: bool = option("Records may be added and removed.")
    token_file: str | None = option("Tokens, one a line: read TOKEN or write TOKEN.", type=PATH, metavar="FILE")
    jobs: str | None = option("Keep questions that nobody waits for, and their answers.", type=PATH, metavar="DIR")
    max_body: int = option("Bytes of a request.", type=click.IntRange(1), default=16 << 20, metavar="N")
    max_queries: int = option("Queries of a request.", type=click.IntRange(1), default=1000, metavar="N")
    max_length: int = option("Letters or steps of a query.", type=click.IntRange(1), default=100_000, metavar="N")
    max_k: int = option("Neighbours of a query.", type=click.IntRange(1), default=1000, metavar="N")
    max_waiting: int = option("Requests that may wait.", type=click.IntRange(1), default=256, metavar="N")
    max_seconds: float = option(
        "Time of a request.", type=click.FloatRange(0, min_open=True), default=30.0, metavar="S"
    )

    ray: str | None = option(
        "Of shards: serve them on a Ray cluster: auto, its address, or local:N processors.", metavar="ADDRESS"
    )
    replicas: int = option("With --ray: copies of each shard.", type=click.IntRange(1), default=1, metavar="N")
    processes: int = option("With --ray: processes of the service.", type=click.IntRange(1), default=2, metavar="N")

    @property
    def is_local(self) -> bool:
        """Whether nobody else can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> frozenset[str]:
        """Names under which it may be asked: where only this machine can, pages of others must not by a name of
        theirs."""
        if not self.is_local and not self.allow_host:
            return frozenset()
        return frozenset((*_LOCAL, "[::1]", self.host, *self.allow_host))


def hits_as_columns(answers: Answers, queries: Sequences, names: Iterable[str]) -> dict[str, Items[object]]:
    """Hits of jobs as `search` prints them."""
    from .output import HitColumns

    return HitColumns(answers, answers.table(), queries).columns(tuple(names), "json")


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")  # which is not buffered


@click.command(
    "serve",
    cls=Command,
    first=("port", "host", "writable", "token_file", "jobs"),
    short_help="Indexes over HTTP, and a page to look at neighbours.",
)
@click.argument("indexes", metavar="INDEX...", nargs=-1, required=True, type=PATH)
@takes(options=Options)
@threads_option
def command(indexes: tuple[str, ...], options: Options) -> None:
    """Answer questions about INDEXES over HTTP, and show a page at http://HOST:PORT/.

    Each index is called as its folder, without .ss. What other processes commit to it is seen without a restart.
    Every request is one line of JSON on stderr. It stops at SIGTERM or Ctrl-C, when what runs is done.

    \b
    Examples:
      seqsearch serve refs.ss
      seqsearch serve genes.ss names.ss --port 9000
      seqsearch serve refs.ss --writable --token-file tokens.txt
      seqsearch serve refs.ss --jobs jobs --max-queries 100
      seqsearch serve refs.ss --host 0.0.0.0 --allow-host genes.example.org --token-file tokens.txt
      seqsearch serve refs.shards --ray auto --replicas 2 --processes 4
      seqsearch search http://127.0.0.1:8080/refs queries.fasta -k 10
    """
    from ..extras import SERVE, imported

    if options.writable and options.token_file is None and not options.is_local:
        raise click.UsageError(f"--writable at {options.host}, which others reach, needs --token-file")
    for package in ("fastapi", "uvicorn", "prometheus_client", "orjson"):
        imported(package, SERVE)
    from ..service.hosted import Hosted, Shelf
    from ..service.job_answers import JobAnswers
    from ..service.limits import Limits
    from ..service.running import Service
    from ..service.serving import serve
    from ..service.tokens import Tokens

    limits = Limits(
        body=options.max_body,
        queries=options.max_queries,
        length=options.max_length,
        k=options.max_k,
        waiting=options.max_waiting,
        seconds=options.max_seconds,
    )
    tokens = Tokens() if options.token_file is None else Tokens.read(options.token_file)
    if options.ray is not None:
        _on_ray(indexes, options, limits, tokens)
        return
    shelf = Shelf([Hosted.open(path, writable=options.writable) for path in indexes])
    service = Service(shelf, limits, tokens, options.hosts, log=_log)
    if options.jobs is not None:
        service.jobs = JobAnswers(service, hits_as_columns).runner(options.jobs)
    shown = f"[{options.host}]" if ":" in options.host else options.host
    click.echo(f"http://{shown}:{options.port}/  ({', '.join(each.name for each in shelf.values())})", err=True)
    serve(service, options.host, options.port)


def _on_ray(indexes: tuple[str, ...], options: Options, limits: Limits, tokens: Tokens) -> None:
    """In several processes of a cluster. Raises usage errors for what is not of shards, and for changes."""
    from ..distributed import holds_shards
    from ..service.ray_serve import Builder, serve_forever, serving

    assert options.ray is not None
    for path in indexes:
        if not holds_shards(path):
            raise click.UsageError(f"--ray is for shards: {path} is one index (`seqsearch shard` makes shards)")
    for flag, there in (("--writable", options.writable), ("--jobs", options.jobs is not None)):
        if there:
            raise click.UsageError(f"{flag} is not for --ray: change the folder, which is looked at every second")
    with serving(
        indexes,
        options.ray,
        Builder(limits, tokens, options.hosts),
        processes=options.processes,
        replicas=options.replicas,
        host=options.host,
        port=options.port,
    ) as look:
        click.echo(f"http://{options.host}:{options.port}/  ({options.processes} processes)", err=True)
        serve_forever(look)
