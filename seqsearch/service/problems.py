"""What a service answers when it cannot: a status, a code, a message and, where there is one, a remedy.

    {"error": {"code": "unknown_id", "message": "no sequence 'x7'", "remedy": "..."}}

Messages are those of the library, with the name of the index in place of its path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .. import errors

JSON_ERROR = "error"


class Problem(Exception):
    """An answer that is no answer. `retry_after`: seconds after which it is worth trying again."""

    def __init__(
        self, status: int, code: str, message: str, remedy: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.remedy, self.retry_after = remedy, retry_after

    def to_json(self) -> dict[str, dict[str, str]]:
        """The body of the answer."""
        told = {"code": self.code, "message": self.message}
        return {JSON_ERROR: told if self.remedy is None else {**told, "remedy": self.remedy}}

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


@dataclass(frozen=True)
class Kind:
    """How an exception of the library is told."""

    error: type[Exception]
    status: int
    code: str
    remedy: str | None = None
    retry_after: int | None = None
    told: str | None = None  # in place of its message, where that is about the machine


_DISK = "the disk of the service is full"
KINDS = (
    Kind(errors.UnknownIdError, 404, "unknown_id"),
    Kind(errors.DuplicateIdError, 409, "duplicate_id"),
    Kind(errors.MissingVectorsError, 422, "needs_vectors", told="this index holds vectors that were made elsewhere"),
    Kind(errors.ConditionError, 422, "bad_condition"),
    Kind(errors.InputError, 422, "bad_input"),
    Kind(errors.ParameterError, 422, "bad_parameter"),
    Kind(errors.MismatchError, 422, "mismatch"),
    Kind(errors.MissingExtraError, 422, "not_installed"),
    Kind(errors.IndexLockedError, 503, "index_locked", "another process writes just now", 1),
    Kind(errors.ReadOnlyIndexError, 409, "read_only", told="the folder of this index cannot be written to"),
    Kind(errors.StorageFullError, 503, "storage_full", retry_after=60, told=f"{_DISK}; nothing was changed"),
    Kind(errors.IndexClosedError, 503, "stopping", retry_after=5, told="the service stops"),
    Kind(errors.StoreError, 503, "index_unavailable", retry_after=30, told="this index cannot be read just now"),
    Kind(MemoryError, 503, "out_of_memory", "ask for less at a time", 5, "there is not enough memory for this request"),
)
"""The first that fits counts."""


def problem_of(error: Exception, names: Mapping[str, str]) -> Problem | None:
    """What is told of an exception of the library; None where it is a mistake of ours. `names`: of paths that no answer
    may hold."""
    for kind in KINDS:
        if isinstance(error, kind.error):
            message = without_paths(str(error), names) if kind.told is None else kind.told
            return Problem(kind.status, kind.code, message, kind.remedy, kind.retry_after)
    return None


def without_paths(message: str, names: Mapping[str, str]) -> str:
    """A message with names in place of paths, whichever way they are written."""
    spelled = {os.path.abspath(path): name for path, name in names.items()} | dict(names)
    for path in sorted(spelled, key=len, reverse=True):
        message = message.replace(path, spelled[path])
    return message
