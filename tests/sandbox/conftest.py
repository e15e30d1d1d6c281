"""Fixtures: a sandbox with a manual clock, and a plain aiohttp session with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from attrs import frozen
from yarl import URL

from pixxel_async.sandbox import Sandbox
from tests.sandbox.valid_requests import MAKERS, filled, requests


@frozen
class Got:
    """A response, read completely."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


class Caller:
    """Calls a sandbox with plain aiohttp."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.valid = requests(sandbox)
        self._ids: dict[str, str] = {}

    async def call(self, method: str, path: str, *, key: str | None = None, **given: Any) -> Got:
        """Call the API once, by default with the right key."""
        headers = {"Authorization": self.sandbox.api_key if key is None else key, **given.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value}
        url = URL(self.sandbox.url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **given) as reply:
            body = await reply.read()
            text = body[:1] in (b"{", b"[", b'"')
            return Got(reply.status, reply.headers, body, await reply.json(content_type=None) if text else None)

    async def do(self, operation: str, **changes: Any) -> Got:
        """Send the valid request of an operation, after creating what it needs."""
        valid = self.valid[operation]
        for needed in MAKERS:
            if f"{{{needed}}}" in f"{valid.path} {valid.body}":
                valid = filled(valid, f"{{{needed}}}", await self._made(needed))
        given: dict[str, Any] = {"params": valid.query, "json": valid.body, **changes}
        return await self.call(valid.method, valid.path, **given)

    async def _made(self, operation: str) -> str:
        """Return the id of what an operation creates; it is created once."""
        if operation not in self._ids:
            got = (await self.do(operation)).json
            self._ids[operation] = got.get("id") or got["download_id"]
        return self._ids[operation]

    async def fetch(self, link: str, method: str = "GET", **headers: str) -> Got:
        """Send one request to the storage; underscores in header names become hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(link, encoded=True)
        async with self.session.request(method, url, headers=named, allow_redirects=False) as reply:
            return Got(reply.status, reply.headers, await reply.read(), None)

    async def link(self, operation: str = "jobs.request_download") -> str:
        """Return a signed link to a ready package."""
        await self.do(operation)
        await self.sandbox.advance(minutes=5)
        made: str = (await self.do(operation)).json["signed_url"]
        return made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that neither follows redirects nor decompresses."""
    async with aiohttp.ClientSession(auto_decompress=False) as opened:
        yield opened


@pytest.fixture
async def still() -> AsyncIterator[Sandbox]:
    """Open a sandbox with a manual clock."""
    async with Sandbox(clock="manual", packing=30.0) as opened:
        yield opened


@pytest.fixture
def caller(still: Sandbox, session: aiohttp.ClientSession) -> Caller:
    """Return a caller of that sandbox."""
    return Caller(still, session)
