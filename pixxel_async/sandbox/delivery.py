"""From an answer to bytes on a socket, as whole or as broken as it was decided."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator

from aiohttp import web

from .alter import Sending
from .answers import Answer
from .raw import hold, send_raw

_SMALL = 1 << 16
_TICK = 0.05
"""Seconds between the drops of a drip."""


async def deliver(
    request: web.BaseRequest, answer: Answer, how: Sending, sent: Callable[[int], None]
) -> web.StreamResponse:
    """Send the answer; `sent` is told how many bytes of its body went out."""
    if how.raw:
        return await send_raw(request, answer, how)
    if how == Sending() and answer.length <= _SMALL:
        sent(answer.length)
        body = b"".join(answer.body.read(answer.start, answer.stop))
        return web.Response(status=answer.status, headers=answer.headers, body=body)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = answer.length
    try:
        await response.prepare(request)
        async for view in _views(request, answer, how):
            await response.write(view)
            sent(len(view))
    except ConnectionError:
        return response
    if how.cut is not None and how.cut < answer.length and request.transport is not None:
        request.transport.close()
    return response


async def _views(request: web.BaseRequest, answer: Answer, how: Sending) -> AsyncIterator[bytes | memoryview]:
    end = answer.length if how.cut is None else min(how.cut, answer.length)
    marks = {how.stall, how.flip, None if how.flip is None else how.flip + 1, end}
    at = 0
    for mark in sorted(mark for mark in marks if mark is not None and mark <= end):
        for view in answer.body.read(answer.start + at, answer.start + mark):
            async for drop in _dripping(view, how.rate):
                yield bytes([drop[0] ^ 0xFF]) if at == how.flip else drop
                at += len(drop)
        if at == how.stall and at < answer.length:
            await hold(request, how.pause)


async def _dripping(view: memoryview, rate: float | None) -> AsyncIterator[memoryview]:
    if rate is None:
        yield view
        return
    for drop in _drops(view, max(1, round(rate * _TICK))):
        await asyncio.sleep(len(drop) / rate)
        yield drop


def _drops(view: memoryview, size: int) -> Iterator[memoryview]:
    return (view[start : start + size] for start in range(0, len(view), size))


def break_off(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection; what is returned goes nowhere."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
