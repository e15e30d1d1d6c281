"""Run the blocks of a guide page in order, in one namespace and one folder, against one sandbox.

| block | action |
| --- | --- |
| `python` | runs in the page's namespace; top-level `await` is allowed |
| `python title="NAME"` | is written to that file, and runs by pytest, by the command that names it, or as above |
| `console` | each line after `$` runs: `pixxel` in this process, anything else, or a line of shell syntax, in bash |
| any other language with a title | is written to that file |
| any other | is shown only |

The lines of a `console` block below a command, and a `text` block after a `python` block, are its expected output;
`…` in them matches anything.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from click.testing import CliRunner

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.cli.app import pixxel
from tests.support.tools import tool

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.md"))
"""Paths below `examples`."""

_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"[|&;<>$`*?]")
_PYTEST = (
    "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", "-p", "pixxel_async.pytest_plugin",
    "-o", "asyncio_default_fixture_loop_scope=function",
)  # fmt: skip
"""With the plugins that are needed alone: loading the others of this environment takes seconds."""
TIMEOUT = 120
"""Seconds for one command."""


@frozen
class Block:
    """One fenced block of a page.

    Attributes:
    language: the first word after the fence.
    title: the file's name, or empty.
    text: the content.
    line: number of its first line.
    printed: the expected output, if the page shows it.
    """

    language: str
    title: str
    text: str
    line: int
    printed: str | None = None


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page; a `text` block after a `python` block belongs to that one."""
    text = (EXAMPLES / page).read_text(encoding="utf-8")
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        language, title, body = match[1], match[2] or "", match[3]
        if language == "text" and found and found[-1].language == "python" and found[-1].printed is None:
            last = found.pop()
            found.append(Block(last.language, last.title, last.text, last.line, body))
        else:
            found.append(Block(language, title, body, text.count("\n", 0, match.start(3)) + 1))
    return found


def needs(page: str) -> list[str]:
    """Return the modules of extras that a page needs, as its comment `<!-- needs: NAME NAME -->` says."""
    found = re.search(r"^<!-- needs: (.+) -->$", (EXAMPLES / page).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].split() if found else []


def commands(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield each command of a `console` block with its expected output, or None if none is shown."""
    command, printed = "", ""
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield command, printed or None
            command, printed = line[2:].rstrip("\n"), ""
        elif command.endswith("\\"):
            command += "\n" + line.rstrip("\n")
        else:
            printed += line
    if command:
        yield command, printed or None


def matches(printed: str, expected: str) -> bool:
    """Return whether the output is as shown; `…` matches anything, trailing blanks are ignored."""
    shown = "\n".join(line.rstrip() for line in expected.strip().splitlines())
    actual = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(re.escape(shown).replace("…", ".*"), actual, re.DOTALL) is not None


@define
class PageRunner:
    """Run the blocks of a page.

    Args:
    page: its name, for messages.
    environment: additional environment variables for commands.
    """

    page: str
    environment: dict[str, str]
    _commands: str = field(init=False)
    _names: dict[str, Any] = field(factory=lambda: {"__name__": "__main__"})
    _loop: asyncio.Runner = field(factory=asyncio.Runner)

    def __attrs_post_init__(self) -> None:
        self._commands = "".join(block.text for block in blocks(self.page) if block.language == "console")

    def run(self, block: Block) -> None:
        """Run one block and compare its output with the page."""
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, encoding="utf-8")
        where = f"{EXAMPLES / self.page}:{block.line}"
        if block.language == "console":
            for command, printed in commands(block.text):
                self._compare(where, self._command(where, command), printed)
        elif f"$ python {block.title}" in self._commands:
            return
        elif block.language == "python" and "def test_" in block.text:
            self._process(where, [sys.executable, *_PYTEST, block.title])
        elif block.language == "python":
            self._compare(where, self._python(block), block.printed)

    def close(self) -> None:
        """Close the clients and managers that the page left open."""

        async def close() -> None:
            for kind in (DownloadManager, PixxelClient):
                for value in [value for value in self._names.values() if isinstance(value, kind)]:
                    await value.aclose()

        self._loop.run(close())
        self._loop.close()

    def _python(self, block: Block) -> str:
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, str(EXAMPLES / self.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        output = io.StringIO()
        with redirect_stdout(output):
            if code.co_flags & inspect.CO_COROUTINE:
                self._loop.run(self._awaited(code))
            else:
                exec(code, self._names)
        return output.getvalue()

    async def _awaited(self, code: Any) -> None:
        await eval(code, self._names)

    def _command(self, where: str, command: str) -> str:
        plain, _, file = command.partition(" > ")
        if not plain.startswith("pixxel ") or _SHELL.search(plain + file):
            return self._process(where, [tool("bash"), "-euo", "pipefail", "-c", command])
        result = CliRunner().invoke(pixxel, shlex.split(plain)[1:], env=self.environment, prog_name="pixxel")
        assert result.exit_code == 0, f"{where}: {command}\nexit code {result.exit_code}\n{result.output}"
        if not file:
            return result.output
        Path(file).write_text(result.stdout, encoding="utf-8")
        return result.stderr

    def _process(self, where: str, arguments: list[str]) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {**os.environ, **self.environment, "PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        ended = subprocess.run(
            arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=TIMEOUT, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{where}: {arguments[-1]}\nexit code {ended.returncode}\n{ended.stdout}"
        return ended.stdout

    def _compare(self, where: str, output: str, printed: str | None) -> None:
        if printed is not None:
            assert matches(output, printed), f"{where}: it printed\n{output}\nbut the page shows\n{printed}"
