"""How jobs are answered: their queries read batch by batch, and what the engine says of each as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from math import inf
from pathlib import Path

from ..arrays import JSON
from ..errors import StrPath
from ..search import Answers
from ..sequences import Sequences, read_batches
from .answering import aligns
from .asking import Asked, SearchAsked, sequences_of
from .job_formats import BLAST6
from .jobs import JobFolder, JobRunner, Stopped, explained
from .problems import Problem, problem_of
from .questions import Search, no_farther
from .running import Service

BATCH = 4096
_LOOK = 0.2  # seconds after which it is looked whether the service stops
ColumnsOf = Callable[[Answers, Sequences, Sequence[str]], Mapping[str, Sequence[object]]]
"""The hits of queries as columns of names, of JSON values: what `seqsearch search` prints."""


class JobAnswers:
    """Answers jobs of a service; `columns_of`: see there."""

    def __init__(self, service: Service, columns_of: ColumnsOf) -> None:
        self.service, self._columns_of = service, columns_of

    def runner(self, path: StrPath) -> JobRunner:
        """The thread that answers the jobs of a folder. Raises InputError, StorageFullError."""
        return JobRunner(JobFolder(path), self.answers, self.table, self.explain)

    def answers(self, request: JSON, queries: Path) -> Iterator[tuple[Sequences, list[Answers]]]:
        """See `jobs.Answering`. Raises Problem, and what the library raises."""
        question = self._question(request)
        limit = request["max_distance"]
        for part in self._batches(request, queries, question):
            found = self._waited(self.service.engine.submit(question, part, inf, later=True))
            if limit is not None and question.within is None:
                found = [no_farther(each, limit) for each in found]
            yield part, found

    def _waited(self, future: Future[list[Answers]]) -> list[Answers]:
        """What the engine says. Raises Stopped where the service stops before that."""
        while True:
            try:
                return future.result(_LOOK)
            except TimeoutError:
                if not self.service.ready:
                    future.cancel()
                    raise Stopped from None
            except CancelledError:
                raise Stopped from None

    def _question(self, request: JSON) -> Search:
        fields = {name: value for name, value in request.items() if name in SearchAsked.model_fields}
        return SearchAsked.model_validate(fields).search(self.service.hosted(request["index"]), self.service.limits)

    def _batches(self, request: JSON, path: Path, question: Search) -> Iterator[Sequences]:
        limits, hosted = self.service.limits, question.hosted
        with open(path, "rb") as file:
            head = file.read(1)
        if request["body"] == "text" and head in (b">", b"@") and hosted.index.alphabet_name is not None:
            kind = "fasta" if head == b">" else "fastq"
            for part in read_batches(path, size=BATCH, format=kind, alphabet=hosted.index.alphabet_name):
                longest = int(part.lengths.max())
                if longest > limits.length:
                    told = f"a query has {longest:,} symbols, at most {limits.length:,} are read"
                    raise Problem(413, "too_long", told)
                yield part
            return
        text = path.read_text(encoding="utf-8")
        asked = Asked.model_validate_json(text) if request["body"] == "json" else Asked(queries=None, fasta=text)
        whole = sequences_of(asked, hosted, replace(limits, body=limits.job_body), most=limits.job_body)
        for start in range(0, len(whole), BATCH):
            yield whole[start : start + BATCH]

    def table(self, found: Answers, queries: Sequences, shown: Sequence[str]) -> Mapping[str, Sequence[object]]:
        """See `jobs.Tabling`: what is shown, and what JSON and blast6 have beside it."""
        names = dict.fromkeys((*shown, "guarantee", *(BLAST6 if aligns(found) else ())))
        return self._columns_of(found, queries, tuple(names))

    def explain(self, error: Exception) -> tuple[str, str]:
        """A code and a message."""
        if isinstance(error, Problem):
            return error.code, error.message
        message = explained(error)
        told = problem_of(error, self.service.shelf.names)
        if told is None:
            return "internal", f"something went wrong: {message}"
        return told.code, told.message
