"""Send a response over a socket, intact or damaged as decided."""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator

from aiohttp import web

from ..answers import SandboxAnswer
from .connection import Connection
from .fault_effects import PLAIN, Sending
from .send_raw import send_raw

_SMALL = 1 << 16
_TICK = 0.05
"""Sandbox seconds between two writes of a rate-limited body."""


async def send(
    line: Connection, answer: SandboxAnswer, sending: Sending, on_write: Callable[[int], None]
) -> web.StreamResponse:
    """Send a response; report the number of body bytes of each write to `on_write`."""
    request = line.request
    if sending.raw:
        return await send_raw(line, answer, sending)
    if sending is PLAIN and answer.length <= _SMALL and answer.send_length:
        on_write(answer.length)
        body = b"".join(answer.body.read(answer.start, answer.stop))
        return web.Response(status=answer.status, headers=answer.headers, body=body)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    if answer.send_length:
        response.content_length = answer.length
    try:
        await response.prepare(request)
        async for view in _body_views(line, answer, sending):
            await response.write(view)
            line.note_progress()
            on_write(len(view))
    except ConnectionError:
        return response
    if sending.cut is not None and sending.cut < answer.length and request.transport is not None:
        request.transport.close()
    return response


async def _body_views(line: Connection, answer: SandboxAnswer, sending: Sending) -> AsyncIterator[bytes | memoryview]:
    end = answer.length if sending.cut is None else min(sending.cut, answer.length)
    marks = {sending.stall, sending.flip, None if sending.flip is None else sending.flip + 1, end}
    at, started = 0, line.now()
    for mark in sorted(mark for mark in marks if mark is not None and mark <= end):
        for view in answer.body.read(answer.start + at, answer.start + mark):
            for piece in _split_writes(view, sending.rate):
                if sending.rate is not None:
                    await line.wait_until(started + (at + len(piece)) / sending.rate)
                yield bytes([piece[0] ^ 0xFF]) if at == sending.flip else piece
                at += len(piece)
        if at == sending.stall and at < answer.length:
            await line.hold(sending.pause or math.inf)
            started += sending.pause


def _split_writes(view: memoryview, rate: float | None) -> Iterator[memoryview]:
    """Split a view into single writes: all of it, or as much as the rate allows in one tick."""
    size = len(view) if rate is None else max(1, round(rate * _TICK))
    return (view[start : start + size] for start in range(0, len(view), size))


def break_off(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection; the returned response is never sent."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
