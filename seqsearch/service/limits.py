"""What a service takes, and how much of it at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import ParameterError


@dataclass(frozen=True)
class Limits:
    """`body`: bytes of a request; `queries`: of one request, more go as a job; `length`: symbols or steps of one;
    `k`: neighbours of a query; `hits`: rows of one answer; `waiting`: requests that may wait for their turn; `seconds`:
    that a request may take; `records`: added or removed at once; `jobs`: that may wait; `job_body`: bytes of a job.
    """

    body: int = 16 << 20
    queries: int = 1000
    length: int = 100_000
    k: int = 1000
    hits: int = 200_000
    waiting: int = 256
    seconds: float = 30.0
    records: int = 10_000
    jobs: int = 100
    job_body: int = 1 << 30

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise ParameterError(f"a limit of {one.name} must be above 0, not {value}")
