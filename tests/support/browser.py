"""A headless Chromium, driven over its debugging port."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.support.tools import tool

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-dev-shm-usage", "--disable-sync", "--window-size=1200,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--remote-debugging-port=0",
)  # fmt: skip


class Tab:
    """One tab of the browser.

    Attributes:
    asked: URLs of everything that the page loaded or tried to load.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.asked: list[str] = []

    async def started(self) -> Self:
        """Enable the tab's page and network events."""
        for domain in ("Page", "Network"):
            await self._do(f"{domain}.enable")
        return self

    async def open(self, url: str) -> None:
        """Open a URL and wait until it is loaded."""
        await self._do("Page.navigate", url=url)
        await self._event("Page.loadEventFired")

    async def click(self, selector: str) -> None:
        """Click the element of a CSS selector and wait until the page that it leads to is loaded."""
        at = await self.value(
            f"(found => {{found.scrollIntoView(); const box = found.getBoundingClientRect();"
            f"return [box.x + box.width / 2, box.y + box.height / 2]}})(document.querySelector({selector!r}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self._do("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)
        await self._event("Page.loadEventFired")

    async def resize(self, width: int, height: int) -> None:
        """Set the window's size in pixels."""
        await self._do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def text(self) -> str:
        """Return the text that the page shows."""
        shown: str = await self.value("document.body.innerText")
        return shown

    async def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value, awaiting a promise."""
        got = await self._do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got
        return got["result"]["value"]

    async def _do(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        while (message := await self._heard()).get("id") != self._count:
            pass
        return message["result"]

    async def _event(self, name: str) -> None:
        while (await self._heard()).get("method") != name:
            pass

    async def _heard(self) -> Any:
        message = await self._socket.receive_json(timeout=30)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        return message


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Tab]:
    """Start a browser that reaches only this machine, with its profile in the folder, and return a tab."""
    asked = [tool("browser"), *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = await asyncio.create_subprocess_exec(*asked, stdout=DEVNULL, stderr=PIPE)
    try:
        port = await _port(process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                pages = [page for page in await reply.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield await Tab(socket).started()
    finally:
        process.terminate()
        await process.communicate()


async def _port(process: Process) -> str:
    """Return the debugger's port, which the browser prints on stderr."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        async for line in process.stderr:
            if b"DevTools listening on ws://" in line:
                return line.decode().rsplit(":", 1)[1].partition("/")[0]
    raise AssertionError("the browser has no debugging port")
