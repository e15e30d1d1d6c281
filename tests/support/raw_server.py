"""A server that sends given bytes, for responses that no HTTP library would send."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from attrs import field, frozen

Step = bytes | float | Literal["hang", "fin", "rst"]
"""Bytes to send, seconds to wait, or how to end: say no more, close, or reset."""


@frozen
class Seen:
    """One received request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


def answer(status: int = 200, body: Any = None, **headers: str) -> bytes:
    """Return a well-formed response; other bodies than bytes become JSON, underscores in header names become dashes."""
    payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(payload)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


class RawServer:
    """Answer the n-th request with the n-th script, and every later one with the last.

    Args:
    scripts: the steps for one request each; plain bytes are one step.
    """

    def __init__(self, *scripts: bytes | Sequence[Step]) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        self._scripts: list[Sequence[Step]] = [[one] if isinstance(one, bytes) else one for one in scripts]
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0)

    def count(self, method: str) -> int:
        """Return the number of requests of a method."""
        return sum(seen.method == method for seen in self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while (seen := await _read(reader)) is not None:
                self.requests.append(seen)
                script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
                if not await _play(script, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
            self._tasks.discard(task)


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Seen(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _play(script: Sequence[Step], writer: asyncio.StreamWriter) -> bool:
    """Play a script; return whether the connection stays open for another request."""
    for step in script:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "hang":
            await asyncio.Event().wait()
        else:
            if step == "rst":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(1, 13, struct.pack("ii", 1, 0))
            return False
    return True
