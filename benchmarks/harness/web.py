"""A service as a process of its own, and clients that cost little, so that the machine is left to it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
JSON_TYPE = "application/json"


class Served:
    """`seqsearch serve` of indexes with options, on a free port; `cores`: those it may run on."""

    def __init__(self, *arguments: object, cores: set[int] | None = None, log: Path | None = None) -> None:
        self.port = free_port()
        self.arguments = [str(each) for each in arguments]
        self.cores = cores
        self.log = log
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-c", "from seqsearch.cli import main; main()", "serve", *self.arguments]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        with open(self.log or os.devnull, "ab") as file:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], env=environment, stdout=file, stderr=file
            )
        if self.cores is not None:
            os.sched_setaffinity(self.process.pid, self.cores)
        end = time.monotonic() + 120
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
                    one.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if b" 200 " in one.recv(64):
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the service does not start: see {self.log}")
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def anonymous(self) -> int:
        """Bytes of memory that belong to no file."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return sum(1024 * int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def seconds(self) -> float:
        """Processor time it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def request(method: str, path: str, body: bytes = b"", kind: str = JSON_TYPE, token: str | None = None) -> bytes:
    """The bytes of a request."""
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(head) + "\r\n\r\n").encode("utf-8") + body


def search_request(name: str, body: dict[str, Any], token: str | None = None) -> bytes:
    """A search of an index."""
    return request("POST", f"/v1/indexes/{name}/search", json.dumps(body).encode(), token=token)


class Connection:
    """One that is kept open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, content: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 where the service hangs up."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)
            reader, writer = self._streams
            writer.write(content)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            status = int(lines[0].split()[1])
            headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            if "content-length" in headers:
                body = await reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = await _chunks(reader)
            else:
                body = b""
            if headers.get("connection") == "close":
                self.close()
            return status, body
        except (OSError, ValueError, asyncio.IncompleteReadError):  # hung up, perhaps in the middle
            self.close()
            return 0, b""

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)
