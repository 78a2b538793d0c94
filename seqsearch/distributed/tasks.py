"""Work as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import SeqsearchError
from ..extras import CLUSTER, imported
from ..progress import Task
from .asking_copies import cause_of
from .on_ray import connect

T = TypeVar("T")


def run_on(address: str, work: Sequence[Callable[[], T]], task: Task) -> list[T]:
    """What each gives, in order; each has a processor of its own, and threads for that. Raises what one raises."""
    ray: Any = imported("ray", CLUSTER)
    started = connect(ray, address)
    try:
        remote = ray.remote(num_cpus=1, max_retries=2)(_alone)
        waiting = [remote.remote(each) for each in work]
        left = list(waiting)
        while left:
            done, left = ray.wait(left, num_returns=1)
            task.advance(len(done))
        try:
            made: list[T] = ray.get(waiting)
        except Exception as error:
            cause = cause_of(error)
            raise (cause if isinstance(cause, SeqsearchError) else error) from None
        return made
    finally:
        if started:
            ray.shutdown()


def _alone(work: Callable[[], T]) -> T:
    from ..threads import use

    use(1)
    return work()
