"""Questions that nobody waits for: kept on disk, answered one after the other, in what the engine has left.

    DIR/ID/request.json     what is asked of which index
    DIR/ID/queries          the body: FASTA, FASTQ, lines or JSON
    DIR/ID/result.jsonl     the hits, one object a line
    DIR/ID/summary.json     written last: the job is done, or has failed

A folder appears when all of a request is in it, and a file when it is complete. So whatever interrupts the service, a
job is there whole or not at all, and one without a summary is answered (again) after a restart.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..arrays import JSON
from ..errors import InputError, SeqsearchError, StrPath
from ..files import atomic_write, sync_folder, write_errors
from ..search import Answers
from ..sequences import Sequences

REQUEST, QUERIES, RESULT, SUMMARY = "request.json", "queries", "result.jsonl", "summary.json"
_ID = re.compile(r"[0-9a-f]{32}")
Status = Literal["queued", "running", "done", "failed"]
Answering = Callable[[JSON, Path], Iterator[tuple[Sequences, list[Answers]]]]
"""Batches of the queries of a request, in a file, with their answers."""
Tabling = Callable[[Answers, Sequences, Sequence[str]], Mapping[str, Sequence[object]]]
"""The hits of a batch as columns of JSON values, those that are shown and others."""


@dataclass(frozen=True)
class Job:
    """A request on disk, and what became of it."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def request(self) -> JSON:
        """What is asked."""
        return _read(self.folder / REQUEST)

    @property
    def summary(self) -> JSON | None:
        """What became of it, once that is known."""
        try:
            return _read(self.folder / SUMMARY)
        except FileNotFoundError:
            return None

    @property
    def result(self) -> Path:
        return self.folder / RESULT


class JobFolder:
    """Jobs in a folder, which is made where there is none. Raises InputError, StorageFullError."""

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path)
        with write_errors(path):
            self.path.mkdir(parents=True, exist_ok=True)
            for left in (*self.path.glob(".new-*"), *self.path.glob(".gone-*")):
                shutil.rmtree(left, ignore_errors=True)

    def __iter__(self) -> Iterator[Job]:
        """All of them, in the order they came."""
        found = [Job(each) for each in self.path.iterdir() if _ID.fullmatch(each.name)]
        return iter(sorted(found, key=lambda job: (job.request["created"], job.id)))

    def get(self, job_id: str) -> Job | None:
        """One by its id."""
        folder = self.path / job_id
        return Job(folder) if _ID.fullmatch(job_id) and (folder / REQUEST).is_file() else None

    def new(self) -> Path:
        """A folder to put queries into, which is no job yet."""
        folder = self.path / f".new-{secrets.token_hex(16)}"
        with write_errors(self.path):
            folder.mkdir()
        return folder

    def keep(self, folder: Path, request: JSON) -> Job:
        """Make a job of a folder of `new`, durably."""
        job = Job(self.path / folder.name.removeprefix(".new-"))
        with write_errors(self.path):
            with open(folder / QUERIES, "rb") as queries:
                os.fsync(queries.fileno())
            _write(folder / REQUEST, request | {"created": time.time()})
            os.rename(folder, job.folder)
            sync_folder(self.path)
        return job

    def remove(self, job: Job) -> None:
        """Forget a job."""
        gone = self.path / f".gone-{job.id}"
        os.rename(job.folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


class JobRunner:
    """The thread that answers jobs, from the oldest on.

    `explain`: what is told of an error, (code, message).
    """

    def __init__(
        self, folder: JobFolder, answering: Answering, tabling: Tabling, explain: Callable[[Exception], tuple[str, str]]
    ) -> None:
        self.folder = folder
        self._answering, self._tabling, self._explain = answering, tabling, explain
        self._changed = threading.Condition()
        self._line = [job.id for job in folder if job.summary is None]
        self._running: str | None = None
        self._done = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="seqsearch-jobs", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> None:
        """Put a job into line."""
        with self._changed:
            self._line.append(job.id)
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Jobs in line."""
        return len(self._line)

    def status(self, job: Job) -> JSON:
        """What is told of a job."""
        summary, told = job.summary, {"id": job.id, "index": job.request["index"], "created": job.request["created"]}
        if summary is not None:
            return told | summary
        if self._running == job.id:
            return told | {"status": "running", "queries": self._done}
        return told | {"status": "queued"}

    def remove(self, job: Job) -> None:
        """Forget a job; one that runs is given up."""
        with self._changed:
            if job.id in self._line:
                self._line.remove(job.id)
        self.folder.remove(job)

    def stop(self) -> None:
        """End after the batch that is being answered; what is not done is done again after a restart."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line or self._stopping)
                if self._stopping:
                    return
                self._running, self._done = self._line.pop(0), 0
                job = self.folder.get(self._running)
            if job is not None:
                self._work(job)
            self._running = None

    def _work(self, job: Job) -> None:
        try:
            summary = self._answered(job)
        except FileNotFoundError:  # it was removed meanwhile
            return
        except Exception as error:
            code, message = self._explain(error)
            summary = {"status": "failed", "error": {"code": code, "message": message}}
        if summary is not None and job.folder.is_dir():
            try:
                _write(job.folder / SUMMARY, summary | {"finished": time.time()})
            except OSError:
                return  # removed meanwhile, or a full disk: it is answered again after a restart

    def _answered(self, job: Job) -> JSON | None:
        """Write the hits; None where the service stops meanwhile."""
        hits, columns, message, warnings = 0, list[str](), "", dict[str, None]()
        with _unless_stopped(), write_errors(RESULT), atomic_write(job.result, text=True) as file:
            for queries, parts in self._answering(job.request, job.folder / QUERIES):
                if self._stopping or not job.folder.is_dir():
                    raise Stopped
                for part in parts:
                    asked = queries if part.asked is None else part.asked
                    table = self._tabling(part, asked, job.request["shown"])
                    columns = list(table)
                    for row in zip(*table.values(), strict=True):
                        file.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")
                        hits += 1
                    message = part.budget
                    warnings |= dict.fromkeys(part.warnings)
                self._done += len(queries)
            told = {"message": message, "warnings": list(warnings), "columns": columns}
            return {"status": "done", "queries": self._done, "hits": hits, **told}
        return None


class Stopped(Exception):
    """The service stops: what was written of a result is thrown away."""


class _unless_stopped:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, Stopped)


def _read(path: Path) -> JSON:
    found: JSON = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, content: JSON) -> None:
    with atomic_write(path, text=True) as file:
        json.dump(content, file)


def explained(error: Exception) -> str:
    """An error of a job without the place of its queries."""
    if isinstance(error, InputError):
        error.path = "queries"
    return str(error) if isinstance(error, SeqsearchError) else type(error).__name__
