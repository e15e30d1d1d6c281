"""The guide's code works as shown, page by page, and its links resolve."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox
from tests.examples.guide import EXAMPLES, PAGES, PageRunner, blocks, commands, matches, needs
from tests.support.system import posix
from tests.support.tiers import quick_only

RUNNABLE = [page for page in PAGES if any(block.language in ("python", "console") for block in blocks(page))]
QUICK = {"guide/first/night.md", "guide/how-to/cancel.md", "guide/how-to/outcomes.md", "guide/how-to/sync.md"}
"""Pages that run in the edit loop: coroutines, plain code and the command line."""
PROFILE = "[default]\npoll = { initial_interval = 0.05 }\n"
"""Settings of the reader: the sandbox ends its jobs within a second."""


@posix
@pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")  # of rioxarray
@pytest.mark.parametrize("page", quick_only(RUNNABLE, *QUICK))
def test_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run in order against one sandbox and print what the page shows."""
    for module in needs(page):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "config.toml").write_text(PROFILE)
    with Sandbox(packing=0, job_seconds=0.3) as sandbox:
        environment = {
            "PIXXEL_API_KEY": sandbox.api_key,
            "PIXXEL_BASE_URL": sandbox.url,
            "PIXXEL_CONFIG": str(tmp_path / ".config" / "config.toml"),
            "HOME": str(tmp_path),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        runner = PageRunner(page, environment)
        try:
            for block in blocks(page):
                runner.run(block)
        finally:
            runner.close()


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    """Each relative link of a page names an existing file and heading."""
    text = re.sub(r"^```.*?^```$", "", (EXAMPLES / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (EXAMPLES / page).parent / name if name else EXAMPLES / page
        assert path.is_file(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page}: {target}"


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs both write them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_site() -> None:
    """The site's navigation lists each page exactly once."""
    text = (EXAMPLES.parent / ".github" / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    assert sorted(re.findall(r"[\w/-]+\.md", text)) == PAGES


def test_top_level_await_is_explained() -> None:
    """A page whose blocks await at top level links to the page on running them."""
    for page in (page for page in PAGES if page != "guide/running.md"):
        python = [block.text for block in blocks(page) if block.language == "python"]
        if any(re.search(r"^(?:\w.* = )?await |^async (?:for|with) ", text, re.MULTILINE) for text in python):
            assert "running.md" in (EXAMPLES / page).read_text(encoding="utf-8"), page


def test_commands_and_output_are_separated() -> None:
    """A command continues after a backslash, and the lines below it are its output."""
    text = "$ pixxel export \\\n    --to x\na\nb\n$ ls\n"
    assert list(commands(text)) == [("pixxel export \\\n    --to x", "a\nb\n"), ("ls", None)]


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [("a 1 b\n", "a … b", True), ("a\nb\nc", "a\n…\nc", True), ("a\nb", "a", False), ("a (x)", "a (y)", False)],
)
def test_three_dots_stand_for_anything(printed: str, expected: str, same: bool) -> None:
    """Output is compared completely, and only `…` matches anything."""
    assert matches(printed, expected) is same
