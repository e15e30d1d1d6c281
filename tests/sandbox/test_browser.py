"""The start page in a real browser that reaches only this machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixxel_async.description import load
from pixxel_async.sandbox.clock import zulu
from tests.sandbox.conftest import Caller
from tests.support.browser import browser

pytestmark = pytest.mark.slow


async def test_the_start_page_shows_the_state(caller: Caller, tmp_path: Path) -> None:
    """The page shows state, clock and requests, escaped, without the key, and loads only from the sandbox."""
    sandbox = caller.sandbox
    sandbox.add_job(fails_at="task-1")
    await caller.do("jobs.list")
    await caller.call("GET", "/v0/<b>bold</b>")
    async with browser(tmp_path) as tab:
        await tab.open(sandbox.url)
        text = await tab.text()
        assert zulu(sandbox.clock.now())[:19] in text and "stands still" in text
        assert re.search(r"\b3\s+Projects", text) and re.search(r"\b2\s+Requests", text) and "2 failed" in text
        assert "jobs.list" in text and "/v0/<b>bold</b>" in text
        assert sandbox.api_key not in text
        assert {url for url in tab.asked if not url.startswith("data:")} == {f"{sandbox.url}/"}


async def test_its_buttons_step_the_clock(caller: Caller, tmp_path: Path) -> None:
    """Each button steps the clock by its label, and the page returned shows the new time."""
    sandbox = caller.sandbox
    before = sandbox.clock.now()
    async with browser(tmp_path) as tab:
        await tab.open(sandbox.url)
        for button, seconds in ((1, 60), (2, 660), (3, 4260), (4, 90660)):
            await tab.click(f"form:nth-of-type({button}) button")
            assert sandbox.clock.now() == before + seconds
            assert zulu(before + seconds)[:19] in await tab.text()


async def test_its_link_leads_to_the_description(caller: Caller, tmp_path: Path) -> None:
    """The link leads to the complete description as JSON."""
    async with browser(tmp_path) as tab:
        await tab.open(caller.sandbox.url)
        await tab.click("a[href$='description.json']")
        shown = await tab.value("Object.keys(JSON.parse(document.body.innerText).paths)")
        assert sorted(shown) == sorted(load()["paths"])


async def test_it_fits_a_small_screen(caller: Caller, tmp_path: Path) -> None:
    """On a small screen only tables and code are wider than the window, and scroll in place."""
    await caller.do("jobs.list")
    async with browser(tmp_path) as tab:
        await tab.open(caller.sandbox.url)
        await tab.resize(420, 900)
        assert await tab.value("document.documentElement.scrollWidth") <= 420
