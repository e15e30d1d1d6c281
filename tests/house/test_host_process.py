"""The package changes nothing of the host process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.test_layers import ROOT, imports

OWN_PROCESS = ROOT / "cli"
"""The command line runs in a process of its own."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gc", "signal", "faulthandler", "resource"])
def test_modules_that_change_the_process_are_not_used(name: str) -> None:
    """No module of the library imports gc, signal, faulthandler or resource."""
    users = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(OWN_PROCESS) and any(dotted.partition(".")[0] == name for dotted, _ in imports(path))
    ]
    assert users == [], f"{name} is the host's: find a way without it"


def test_calls_run_in_threads_of_our_own() -> None:
    """In `_http` every thread belongs to a limiter of ours, since anyio's default one runs the host's endpoints."""
    for path in Path(ROOT / "_http").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("to_thread.run_sync(") == text.count("limiter=self."), path
        assert "asyncio.to_thread" not in text and "getaddrinfo(host, port, family=" not in text
