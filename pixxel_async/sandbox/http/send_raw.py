"""Malformed HTTP, byte by byte, that no library would send."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import web

from ..answers import SandboxAnswer
from .connection import Connection
from .fault_effects import Sending

_STEP = 0.02
"""Seconds between two malformed parts."""
_HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </nothing>; rel=preload\r\n\r\n"
_NO_CHUNK = b"no chunk\r\n"


async def send_raw(line: Connection, answer: SandboxAnswer, sending: Sending) -> web.StreamResponse:
    """Send the malformed response until it ends or the peer disconnects, then close the connection."""
    writer, transport = line.request.writer, line.request.transport
    try:
        for part in _malformed_parts(answer, sending):
            if transport is None or transport.is_closing():
                break
            if part in (_HINT, _NO_CHUNK):
                await asyncio.sleep(_STEP)
            transport.write(part)
            await writer.drain()
        if sending.raw == "broken-chunks":
            await line.hold(math.inf)
    except ConnectionError:
        pass
    if transport is not None:
        transport.close()
    return web.Response()


def _malformed_parts(answer: SandboxAnswer, sending: Sending) -> Iterator[bytes | memoryview]:
    if sending.raw == "early-hints":
        while True:
            yield _HINT
    if sending.raw == "wrong-length":
        yield _head(answer, {"Content-Length": str(max(0, answer.length + (sending.at or 1)))})
        yield from answer.body.read(answer.start, answer.stop)
    if sending.raw == "broken-chunks":
        yield _head(answer, {"Transfer-Encoding": "chunked"})
        part = b"".join(answer.body.read(answer.start, min(answer.stop, answer.start + sending.at)))
        yield b"%x\r\n%b\r\n" % (len(part), part) if part else b""
        yield _NO_CHUNK
    if sending.raw == "endless":
        yield _head(answer, {"Connection": "close"})
        while True:
            yield from answer.body.read(answer.start, answer.stop) if answer.length else (b" " * 1024,)


def _head(answer: SandboxAnswer, framing: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in {**answer.headers, **framing}.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
