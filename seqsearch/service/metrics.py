"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .engine import Turn

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Metrics:
    """Counts of one service: nothing is shared with other services of the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry

        def histogram(name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"seqsearch_{name}", told, labels, buckets=buckets, registry=own)

        labels = ("method", "route", "status")
        self.requests = Counter("seqsearch_requests", "Requests answered.", labels, registry=own)
        self.seconds = histogram("request_seconds", "Until answered.", _SECONDS, "route")
        self.queries = Counter("seqsearch_queries", "Queries answered by the engine.", registry=own)
        self.turns = histogram("turn_seconds", "Turns of the engine.", _SECONDS)
        self.together = histogram("turn_requests", "Requests searched together.", _SIZES)
        self.waiting = Gauge("seqsearch_waiting_requests", "Requests in line.", registry=own)
        self.sequences = Gauge("seqsearch_sequences", "Stored sequences.", ("index",), registry=own)

    def turn(self, turn: Turn) -> None:
        """One turn of the engine."""
        self.queries.inc(turn.queries)
        self.turns.observe(turn.seconds)
        self.together.observe(turn.requests)

    def text(self) -> bytes:
        """In the format of Prometheus."""
        return generate_latest(self.registry)
