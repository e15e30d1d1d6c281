"""The start page: state, requests, clock."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pixxel_async.sandbox import Fault
from tests.sandbox.conftest import Caller


class Outline(HTMLParser):
    """Parser for the targets that a browser would load or open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect every target; scripts are not allowed."""
        assert tag != "script"
        self.targets += [value or "" for name, value in attrs if name in ("href", "src", "action")]


async def shown(caller: Caller) -> str:
    """Return the page's text."""
    got = await caller.call("GET", "/", key="")
    assert got.status == 200 and got.headers["Content-Type"].startswith("text/html")
    return got.body.decode()


async def test_it_shows_state_requests_and_clock(caller: Caller) -> None:
    """The page shows state, requests and clock, escaped, without the key and signatures."""
    caller.sandbox.add_job(fails_at="task-1")
    link = await caller.link()
    await caller.fetch(link)
    await caller.call("GET", "/v0/<script>alert(1)</script>")
    text = await shown(caller)
    assert "jobs.request_download" in text and "2 failed" in text and "&lt;script&gt;" in text
    assert caller.sandbox.api_key not in text and link[-40:] not in text


async def test_it_needs_no_network(caller: Caller) -> None:
    """Every target on the page is served by the sandbox."""
    for target in Outline(await shown(caller)).targets:
        if target != "data:,":
            method = "POST" if "step" in target else "GET"
            assert (await caller.call(method, target, key="")).status in (200, 303)


async def test_a_button_steps_the_clock(caller: Caller) -> None:
    """A button steps the clock and redirects back; other origins and links get 403."""
    before = caller.sandbox.clock.now()
    pressed = await caller.call("POST", "/-/step/600", key="", headers={"Origin": caller.sandbox.url})
    assert (pressed.status, pressed.headers["Location"]) == (303, "/")
    assert caller.sandbox.clock.now() == before + 600
    assert (await caller.call("POST", "/-/step/600", key="", headers={"Origin": "http://x.example"})).status == 403
    assert (await caller.call("GET", "/-/step/600", key="")).status == 403
    assert caller.sandbox.clock.now() == before + 600


async def test_the_page_is_not_part_of_the_api(caller: Caller) -> None:
    """The page is not recorded as a request, and faults do not affect it."""
    caller.sandbox.inject(Fault(route="*", kind="status", times=None))
    await shown(caller)
    assert caller.sandbox.requests == []
    assert (await caller.call("DELETE", "/", key="")).status == 405


async def test_the_description_is_linked(caller: Caller) -> None:
    """The page links to the complete description as JSON."""
    (target,) = re.findall(r'href="(/-/[^"]+)"', await shown(caller))
    got = await caller.call("GET", target, key="")
    assert got.json["openapi"].startswith("3.1") and "/v0/projects" in got.json["paths"]


@pytest.mark.parametrize("running", [True, False])
async def test_the_page_shows_the_clocks_mode(caller: Caller, running: bool) -> None:
    """The page says whether the clock runs or is stepped by buttons."""
    caller.sandbox.clock.running = running
    assert ("runs by itself" in await shown(caller)) == running
