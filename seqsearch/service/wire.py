"""JSON over HTTP, as a client needs it: one connection a thread, tried again where the service asks for it."""

from __future__ import annotations

import http.client
import json
import math
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from .. import __version__
from ..arrays import JSON
from ..errors import (
    ConditionError,
    DuplicateIdError,
    IndexLockedError,
    InputError,
    MismatchError,
    MissingVectorsError,
    ParameterError,
    ReadOnlyIndexError,
    SeqsearchError,
    ServiceError,
    StorageFullError,
    UnknownIdError,
)

_KINDS: dict[str, Callable[[str], SeqsearchError]] = {
    "unknown_id": UnknownIdError,
    "duplicate_id": DuplicateIdError,
    "bad_condition": ConditionError,
    "bad_input": InputError,
    "bad_parameter": ParameterError,
    "needs_vectors": MissingVectorsError,
    "mismatch": MismatchError,
    "index_locked": IndexLockedError,
    "read_only": ReadOnlyIndexError,
    "storage_full": StorageFullError,
}
_LONGEST_WAIT = 30.0


class Wire:
    """Requests to a service; `url`: http://HOST:PORT, or what is before /v1. Any number of threads may use it."""

    def __init__(self, url: str, token: str | None, timeout: float, tries: int) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ParameterError(f"{url!r} is no address of a service: http://HOST:PORT/INDEX")
        try:
            self._port = parts.port
        except ValueError:
            raise ParameterError(f"{url!r} has no valid port") from None
        self.url = url
        self._secure, self._host = parts.scheme == "https", parts.hostname
        self._before = parts.path.rstrip("/")
        self._timeout, self._tries = timeout, max(1, tries)
        self._headers = {"User-Agent": f"seqsearch/{__version__}", "Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._own = threading.local()
        self._open: set[http.client.HTTPConnection] = set()

    def ask(self, method: str, path: str, body: JSON | None = None) -> JSON:
        """The answer to a request. Raises the exceptions of the library, and ServiceError."""
        content = None if body is None else _written(body)
        for attempt in range(1, self._tries + 1):
            status, headers, answer = self._sent(method, f"{self._before}{path}", content)
            if status < 400:
                return _read(answer, self.url)
            if status not in (429, 503) or attempt == self._tries or headers.get("Retry-After") is None:
                raise _error(status, answer, self.url)
            time.sleep(min(_LONGEST_WAIT, _seconds(headers["Retry-After"])) * random.uniform(0.5, 1.0))
        raise AssertionError

    def close(self) -> None:
        """Close the connections of all threads; whoever asks again opens another one."""
        while self._open:
            self._open.pop().close()
        self._own = threading.local()

    def _sent(self, method: str, path: str, content: bytes | None) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One attempt; a second one where a connection that was kept open turns out to be closed."""
        kept: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        try:
            if kept is not None:
                try:
                    return self._over(kept, method, path, content)
                except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                    self._drop()
                    if method != "GET" and not path.endswith(_ASKS):
                        raise  # whether it was done is not known
            self._own.connection = fresh = self._connected()
            self._open.add(fresh)
            return self._over(fresh, method, path, content)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            told = "it does not answer in time" if isinstance(error, (TimeoutError, socket.timeout)) else str(error)
            raise ServiceError(f"{self.url}: {told or type(error).__name__}") from None

    def _drop(self) -> None:
        """Close the connection of this thread."""
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
            self._open.discard(connection)
            self._own.connection = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _over(
        self, connection: http.client.HTTPConnection, method: str, path: str, content: bytes | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection.request(method, path, content, self._headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


_ASKS = ("/search", "/novelty", "/classify", "/embed", "/align", "/lookup")
"""POST requests that change nothing."""


def quoted(name: str) -> str:
    """A part of a path."""
    return quote(name, safe="")


def _written(body: JSON) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise ParameterError(f"it cannot be sent as JSON: {error}") from None


def _read(answer: bytes, url: str) -> JSON:
    if not answer:
        return {}
    try:
        found: JSON = json.loads(answer)
    except ValueError:
        raise ServiceError(f"{url} answers, but not as seqsearch does") from None
    return found


def _error(status: int, answer: bytes, url: str) -> SeqsearchError:
    try:
        told = json.loads(answer)["error"]
        code, message, remedy = str(told["code"]), str(told["message"]), told.get("remedy")
    except (ValueError, KeyError, TypeError):
        return ServiceError(f"{url} answers {status}, and not as seqsearch does", status)
    message = f"{message}: {remedy}" if remedy else message
    kind = _KINDS.get(code)
    return ServiceError(f"{url}: {message}", status) if kind is None else kind(message)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 1.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 1.0
