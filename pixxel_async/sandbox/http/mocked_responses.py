"""aioresponses on the aiohttp that is installed, for tests that need a single odd answer and no sandbox."""

from __future__ import annotations

import inspect
from typing import Any
from unittest.mock import Mock

from aiohttp import ClientResponse
from aiohttp.abc import AbstractStreamWriter
from aioresponses import aioresponses

__all__ = ["MockedResponses"]

_MISSING = {"stream_writer": AbstractStreamWriter}
"""Arguments of aiohttp's response that aioresponses 0.7 does not give, with the type of each."""
_TAKEN = inspect.signature(ClientResponse.__init__).parameters.keys() & _MISSING.keys()


class _Response(ClientResponse):
    """A response that comes from a table and not from a connection."""

    def __init__(self, *arguments: Any, **facts: Any) -> None:
        facts |= {name: Mock(spec=_MISSING[name]) for name in _TAKEN - facts.keys()}
        super().__init__(*arguments, **facts)


class MockedResponses(aioresponses):  # type: ignore[misc]
    """`aioresponses` whose answers are made as the installed aiohttp wants them."""

    def add(self, url: Any, method: str = "GET", **answer: Any) -> None:
        """Add the answer to a request; see `aioresponses.add`."""
        if answer.get("response_class") is None:
            answer["response_class"] = _Response
        super().add(url, method, **answer)
