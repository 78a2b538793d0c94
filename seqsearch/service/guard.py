"""What stands before the routes: tokens, the size of bodies, headers, one line of log a request."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import Problem
from .running import Service

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_JOBS = "/v1/jobs"


class Guard:
    """Lets requests through to `app`, or answers them itself."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Request(self.service, scope, receive, send).handled(self.app)


class _Request:
    """One request on its way."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self.service, self.scope, self._receive, self._send = service, scope, receive, send
        self.start = time.perf_counter()
        self.status = 0
        self.came = 0
        self.most = service.limits.job_body if scope["path"] == _JOBS else service.limits.body
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    async def handled(self, app: ASGIApp) -> None:
        failure: str | None = None
        try:
            self._admit()
            await app(self.scope, self.receive, self.send)
        except Problem as problem:
            await self._tell(problem)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            await self._tell(Problem(500, "internal", "something went wrong here, and is logged"))
        finally:
            self._log(failure)

    def _admit(self) -> None:
        """Raise Problem for a request that is not answered."""
        service, path = self.service, self.scope["path"]
        if service.hosts and self._host() not in service.hosts:
            raise Problem(400, "bad_host", "this service is not asked under that name", "seqsearch serve --allow-host")
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self.most:
            raise self._too_large()
        role = service.tokens.role(self.headers.get(b"authorization", b"").decode("latin-1"))
        if role is None and (path.startswith("/v1") or path == "/metrics"):
            raise Problem(401, "needs_token", "a token is needed", "send the header Authorization: Bearer TOKEN")
        state: MutableMapping[str, Any] = self.scope.setdefault("state", {})
        state["role"] = role

    def _host(self) -> str:
        host = self.headers.get(b"host", b"").decode("latin-1").lower()
        name, _, port = host.rpartition(":")
        return name if name and port.isdigit() else host

    def _too_large(self) -> Problem:
        return Problem(413, "too_large", f"at most {self.most:,} bytes are read", "send less at a time, or a job")

    async def receive(self) -> Message:
        message = await self._receive()
        self.came += len(message.get("body", b""))
        if self.came > self.most:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            own = [pair for pair in HEADERS if pair[0] not in given]
            if self.scope["path"].startswith("/v1"):
                own.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *own]}
        await self._send(message)

    async def _tell(self, problem: Problem) -> None:
        if self.status:  # the answer has begun: all that is left is to end it
            return
        body = json.dumps(problem.to_json()).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **problem.headers}
        if problem.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        spelled = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": spelled})
        await self.send({"type": "http.response.body", "body": body})

    def _log(self, failure: str | None) -> None:
        took = time.perf_counter() - self.start
        found = self.scope.get("route")
        route = getattr(found, "path", None) or "other"
        method = self.scope["method"] if self.scope["method"] in _METHODS else "OTHER"
        self.service.metrics.requests.labels(method, route, str(self.status)).inc()
        self.service.metrics.seconds.labels(route).observe(took)
        client = self.scope.get("client")
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "level": "error" if failure else "info",
            "method": method,
            "path": self.scope["path"][:200],
            "status": self.status,
            "ms": round(1000 * took, 2),
            "bytes": self.came,
            "client": client[0] if client else None,
        }
        if failure is not None:
            line["error"] = failure
        self.service.log(json.dumps(line))


_METHODS = ("GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH")
