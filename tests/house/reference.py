"""Write the reference pages of the guide from the package itself.

.venv/bin/python -m tests.house.reference --write     refresh examples/guide/reference
"""

from __future__ import annotations

import argparse
import ast
import html
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import attrs
import click

import pixxel_async
from pixxel_async import errors, events, models
from pixxel_async.cli.app import pixxel
from pixxel_async.resources import RESOURCES
from pixxel_async.sandbox.behaviour.behaviour import Behaviour, Spelling
from pixxel_async.sandbox.http import faults
from pixxel_async.sandbox.http.scenarios import SCENARIOS
from pixxel_async.settings import DownloadSettings, HTTPSettings, PollSettings, RetrySettings, Settings, sources

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "guide" / "reference"
WRITE = ".venv/bin/python -m tests.house.reference --write"

MODULES = ("pixxel_async", "pixxel_async.events", "pixxel_async.models", "pixxel_async.sandbox")
GROUPS = {"http": HTTPSettings, "retry": RetrySettings, "poll": PollSettings, "download": DownloadSettings}
CLASSES = ("PixxelClient", "DownloadManager", "Transfer", "PackageStream")
"""Names of the top level whose methods are listed."""

UNIT = re.compile(r"(?:seconds|bytes per second|bytes)\b")
"""A unit at the beginning of a setting's text."""

ADVICE = {
    "APIError": "read `status`, `message` and `hint`; `request_id` is for a support ticket",
    "BadRequest": "correct the arguments; `details` may name the field",
    "ClientClosed": "keep the client open as long as anything waits",
    "ConfigError": "correct the argument, setting or id that the text names; nothing was sent",
    "Conflict": "take another name, or look at what has it",
    "ConnectionFailed": "try again later; look at network, proxy and `base_url`",
    "Corrupt": "try again later; if it stays so, the package itself is damaged",
    "DecodeError": "look at `body`: a proxy or another server may have answered",
    "DiskError": "mount or repair the disk, or correct the permissions; then the same line again",
    "DiskFull": "make room, or lower `min_free_space`; then the same line again",
    "DownloadError": "read `stage` and the text",
    "Forbidden": "`pixxel check`; give the key access to the project",
    "IncompleteListing": "read the listing again; the rows that came are real",
    "KeyRefused": "`pixxel check`; make a new key",
    "LinkExpired": "try again later; compare the clocks of both machines",
    "NameTaken": "move the file away, or set `on_existing` or another `name_template`",
    "NoRanges": "fetch the whole package, and read the member from it",
    "NoSuchMember": "list `packages.members`; give a path, or a pattern that fits one",
    "NotAPackage": "read the text, which quotes the page; try again later",
    "NotFound": "look at the ids, and whether the key may see the project",
    "OutcomeUnknown": "call what `reconcile` names, before you do it again",
    "PackageFailed": "look at the job; ask for the package again later",
    "PackageTimedOut": "ask again after `retry_after`, or with a longer deadline",
    "PixxelError": "the base of all: catch it where any of them is handled alike",
    "RateLimited": "wait `retry_after` seconds; set `http.calls_per_second`",
    "ServerError": "try again later; the service is at fault",
    "Stalled": "try again later, or raise `http.read_timeout`",
    "TimedOut": "try again, or raise the time-out that the text names",
    "TooLarge": "raise the limit that the text names, if that size is right",
    "UnexpectedRedirect": "look at `base_url`: the API itself never redirects",
    "UnsafeLink": "nothing, but report it: such a link must not be followed",
    "WaitFailed": "look at `value`: the job or AOI ended badly",
}
"""What a user does about each error."""


def sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the summary of a docstring, and the texts of its attributes by name."""
    summary, _, rest = inspect.cleandoc(docstring).partition("\n\n")
    found: dict[str, str] = {}
    if match := re.search(r"^(?:Attributes|Args):\n((?:    .*\n?|\n)*)", rest, re.MULTILINE):
        for entry in re.split(r"\n(?=\S)", textwrap.dedent(match[1]).strip()):
            names, _, text = entry.partition(":")
            found |= {name.strip(): one_line(text) for name in names.split(",")}
    return one_line(summary), found


def field_docs(kind: type) -> dict[str, str]:
    """Return the docstrings below the fields of a class."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    pairs = zip(body.body, body.body[1:], strict=False)
    return {
        field.target.id: one_line(text.value.value)
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def one_line(text: str) -> str:
    """Return the text with every run of blanks as one."""
    return " ".join(text.split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def code(text: str) -> str:
    """Return the text as code for a table cell, where a bar would end the cell; empty stays empty."""
    if "|" in text:
        return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"
    return f"`{text}`" if text else ""


def annotation(value: Any) -> str:
    """Return an annotation as written in the source."""
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b(?:pixxel_async|collections|typing|pathlib|attr)\.[\w.]*\.?(?=\w)", "", text)


def signature(name: str, function: Callable[..., Any], *, bound: bool = False) -> str:
    """Return the signature as text, without `self` where it is bound."""
    parameters = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    shown = []
    star = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            shown.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        text = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {default(parameter.default)}"
        shown.append(text)
    return f"{name}({', '.join(shown)})"


def default(value: Any) -> str:
    """Return a default as text."""
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        return f"{value.factory.__name__}()"
    if value is attrs.NOTHING or repr(value) in ("<factory>", "NOTHING"):
        return "…"
    if isinstance(value, float) and value == int(value):
        return f"{value:_.0f}" if value >= 10_000 else f"{value:.0f}"
    return f"{value:_}" if type(value) is int and value >= 10_000 else repr(value)


def heading(title: str, *intro: str) -> Iterator[str]:
    """Yield the head of a page."""
    yield f"# {title}"
    yield ""
    yield f"<!-- generated by `{WRITE}`: do not edit -->"
    yield ""
    for text in intro:
        yield text
        yield ""


def names() -> Iterator[str]:
    """Yield the page of public names, with signatures and summaries."""
    yield from heading(
        "Public names",
        "What is not listed here or documented in the pages of the API is private and may change in any release.",
    )
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield from (f"## {module_name}", "")
        public = [name for name in module.__all__ if not name.startswith("__")]
        if module_name == "pixxel_async":
            public = [name for name in public if getattr(module, name) not in error_kinds()]
            yield from ("And every class of the [errors](errors.md).", "")
        if module_name == "pixxel_async.models":
            yield from table(("name", "what"), ((code(name), summary(module, name)) for name in public))
            continue
        for name in public:
            yield from (f"### {name}", "")
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield from ("```text", *wrapped(signature(name, value)), "```", "")
            yield from (summary(module, name), "")
            if name in CLASSES:
                yield from table(("member", "what"), members(value))


def wrapped(text: str) -> list[str]:
    """Break a long signature after its commas."""
    return textwrap.wrap(text, 110, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def summary(module: Any, name: str) -> str:
    """Return the first paragraph of a public name's docstring."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return sections(value.__doc__ or "")[0]
    home = importlib.import_module(f"pixxel_async.{pixxel_async._HOME_OF[name]}") if module is pixxel_async else module
    source = inspect.getsource(home)
    found = re.search(rf'^{name} = [^\n]*\n"""(.*?)"""', source, re.MULTILINE | re.DOTALL)
    return one_line(found[1]) if found else ""


def members(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the public methods and properties of a class."""
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield code(name), sections(value.__doc__ or "")[0]
        elif inspect.isfunction(value) and value.__doc__:
            prefix = "await " if inspect.iscoroutinefunction(value) else ""
            yield code(prefix + signature(name, value, bound=True)), sections(value.__doc__)[0]


def plain_names() -> Iterator[str]:
    """Yield the page of the names without asyncio, from their generated stub."""
    yield from heading(
        "Names without asyncio",
        "`from pixxel_async.sync import DownloadManager, PixxelClient`: the same methods as of the async classes, "
        "without `await`. They run in an event loop of a thread that belongs to the client, and may be called from any "
        "thread. [How to use them](../how-to/sync.md).",
    )
    stub = ast.parse((ROOT / "pixxel_async" / "sync" / "__init__.pyi").read_text(encoding="utf-8"))
    classes = {node.name: node for node in stub.body if isinstance(node, ast.ClassDef)}
    attributes = {
        ast.unparse(node.annotation): f"client.{ast.unparse(node.target)}"
        for node in classes["PixxelClient"].body
        if isinstance(node, ast.AnnAssign)
    }
    titles = {name: attributes.get(name, name) for name in classes}
    for name in sorted(classes, key=lambda name: (name.startswith("_"), titles[name])):
        yield from (f"## {titles[name]}", "", one_line(ast.get_docstring(classes[name]) or ""), "")
        found = [node for node in classes[name].body if isinstance(node, ast.FunctionDef) and node.name[:1] != "_"]
        rows = ((code(stub_signature(node)), one_line(ast.get_docstring(node) or "")) for node in found)
        yield from table(("member", "what"), rows)


def stub_signature(node: ast.FunctionDef) -> str:
    """Return a stub's method as it is called; a property as its name."""
    if any(ast.unparse(each) == "property" for each in node.decorator_list):
        return node.name
    arguments = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
    return f"{node.name}({arguments})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def settings() -> Iterator[str]:
    """Yield the page of settings, with types, defaults and meanings."""
    yield from heading(
        "Settings",
        (
            "Every setting has a default, a unit and a bound. Arguments, `with_values` and `--set` win over the "
            "environment, the environment over the profile file, and that over the defaults:"
        ),
    )
    yield from (
        "```python",
        "from pixxel_async import DownloadSettings, PixxelClient, Settings",
        "",
        'settings = Settings(api_key="…", download=DownloadSettings(max_concurrent_downloads=4))  # all by hand',
        'settings = Settings.load().with_values(**{"download.max_concurrent_downloads": 4})  # the rest as found',
        "client = PixxelClient(settings=settings)",
        "```",
        "",
    )
    by_setting = {setting: variable for variable, setting in sources._VARIABLES.items()}
    by_setting |= {"api_key": "PIXXEL_API_KEY"}
    yield from (
        (
            "A profile file, `~/.config/pixxel/config.toml` or what `PIXXEL_CONFIG` names, holds tables of them by the "
            "same names; `PIXXEL_PROFILE` or `--profile` choose one. On the command line: `pixxel --set "
            "http.call_timeout=60 …`. Fields of `download` are keywords of `fetch`, `fetch_all`, `submit` and `plan`, "
            "too."
        ),
        "",
        "| variable | for |",
        "| --- | --- |",
        "| `PIXXEL_API_KEY` | the key |",
        "| `PIXXEL_API_KEY_FILE` | path of a file with the key |",
        *(f"| `{variable}` | `{setting}` |" for variable, setting in sources._VARIABLES.items()),
        "| `PIXXEL_PROFILE` | name of a table of the profile file |",
        "| `PIXXEL_CONFIG` | path of the profile file |",
        "",
    )
    yield from ("## Settings: top level", "")
    documented = field_docs(Settings)
    top = [field for field in attrs.fields(Settings) if field.name not in (*GROUPS, "constants")]
    yield from settings_table("", top, documented, by_setting)
    for group, kind in GROUPS.items():
        intro, documented = sections(kind.__doc__ or "")
        yield from (f"## {kind.__name__}: `{group}`", "", intro, "")
        yield from settings_table(f"{group}.", attrs.fields(kind), documented, by_setting)


def settings_table(
    prefix: str, fields: Iterable[Any], documented: dict[str, str], variables: dict[str, str]
) -> Iterator[str]:
    rows = (
        (
            code(prefix + field.name),
            found[0] if (found := UNIT.match(documented[field.name])) else code(annotation(field.type)),
            code(default(field.default)),
            code(variables.get(prefix + field.name, "")),
            documented[field.name],
        )
        for field in fields
    )
    yield from table(("name", "unit or type", "default", "environment", "meaning"), rows)


def commands() -> Iterator[str]:
    """Yield the page of commands, with arguments and options."""
    yield from heading(
        "Commands", "Data goes to stdout, everything for people to stderr. `-h` shows the same as below."
    )
    context = click.Context(pixxel, info_name="pixxel")
    yield from command(context, pixxel)
    for name in pixxel.list_commands(context):
        found = pixxel.get_command(context, name)
        assert found is not None
        inner = click.Context(found, info_name=name, parent=context)
        yield from command(inner, found)
        if isinstance(found, click.Group) and name != "api":
            for below in found.list_commands(inner):
                child = found.get_command(inner, below)
                assert child is not None
                yield from command(click.Context(child, info_name=below, parent=inner), child)
    yield from (
        "## Operations of the API",
        "",
        "`pixxel api RESOURCE METHOD`; in Python `client.RESOURCE.METHOD(…)`.",
        "",
    )
    for name, kind in RESOURCES.items():
        yield from (f"### {name}", "", sections(kind.__doc__ or "")[0], "")
        methods = [(key, value) for key, value in vars(kind).items() if inspect.isfunction(value) and key[0] != "_"]
        rows = ((code(signature(key, value, bound=True)), sections(value.__doc__ or "")[0]) for key, value in methods)
        yield from table(("method", "what"), rows)


def command(context: click.Context, found: click.Command) -> Iterator[str]:
    """Yield the section of a command: usage, help and options."""
    arguments = " ".join(found.collect_usage_pieces(context))
    yield from (f"## {context.command_path}", "", "```text", f"{context.command_path} {arguments}", "```", "")
    for paragraph in (found.help or "").split("\n\n"):
        yield from (escaped(one_line(paragraph)), "")
    options = [each for each in found.params if isinstance(each, click.Option) and not each.hidden]
    rows = (
        (code(spelled(context, each)), escaped(one_line(each.help or "")) + shown_default(each)) for each in options
    )
    yield from table(("option", "meaning"), rows)


def escaped(text: str) -> str:
    """Escape angle and square brackets for Markdown."""
    return re.sub(r"([\[\]<>*])", r"\\\1", text)


def spelled(context: click.Context, option: click.Option) -> str:
    """Return an option's names and the word for its value."""
    spelling = ", ".join([*option.opts, *option.secondary_opts])
    return spelling if option.is_flag or option.count else f"{spelling} {option.make_metavar(context)}"


def shown_default(option: click.Option) -> str:
    """Return the default where the help shows it."""
    return f" Default: `{option.default}`." if option.show_default and option.default not in (None, ()) else ""


def error_kinds() -> list[type[errors.PixxelError]]:
    """Return the public error classes."""
    return [kind for name in errors.__all__ if inspect.isclass(kind := getattr(errors, name))]


def errors_page() -> Iterator[str]:
    """Yield the page of errors, with advice for each."""
    yield from heading(
        "Errors",
        (
            "One tree under `PixxelError`. Facts are attributes, the text says what to do next. No error holds a key "
            "or a signed link, and all of them can be pickled. `retryable` says whether it may succeed later."
        ),
    )
    kinds = error_kinds()
    rows = (
        (
            code(kind.__name__),
            code(", ".join(base.__name__ for base in kind.__bases__)),
            sections(kind.__doc__ or "")[0],
            ADVICE[kind.__name__] + (" (retryable)" if kind.retryable else ""),
        )
        for kind in kinds
    )
    yield from table(("error", "is a", "means", "what to do"), rows)
    yield from ("## Attributes", "")
    for kind in kinds:
        if attributes := sections(kind.__doc__ or "")[1]:
            yield from (f"### {kind.__name__}", "")
            yield from table(("attribute", "what"), ((code(name), text) for name, text in attributes.items()))
    yield from (
        "## Exit codes",
        "",
        "Those of the command line, and what to do about each, are in [first night](../first/night.md#exit-codes).",
        "",
    )


def events_page() -> Iterator[str]:
    """Yield the page of events of a download."""
    yield from heading(
        "Events",
        (
            "What `on_event` gets, `manager.watch` iterates, and `pixxel export --progress json` writes. The last "
            "event of a package is its outcome: `Downloaded`, `Skipped` or `Failed`; or it is `Dropped`, which the "
            "command does not write. None holds a key or a link. "
            "`item` is the package in its text form."
        ),
    )
    for kind in get_args(events.Event):
        for each in get_args(kind) or (kind,):
            intro, documented = sections(each.__doc__ or "")
            yield from (f"## {each.__name__}", "", intro, "")
            rows = (
                (
                    code(field.name),
                    code(annotation(field.type)),
                    documented.get(field.name, "the package in its text form"),
                )
                for field in attrs.fields(each)
                if not field.name.startswith("_")
            )
            yield from table(("field", "type", "what"), rows)
            properties = [pair for pair in members(each) if pair[0] in ("`members`", "`rasters`", "`path`")]
            if properties:
                yield from table(("property", "what"), properties)


def sandbox() -> Iterator[str]:
    """Yield the page of faults, scenarios and switches of the sandbox."""
    yield from heading(
        "The sandbox: faults and switches",
        (
            "Faults are what goes wrong; switches are questions about the API that nobody has answered, each with its "
            "thinkable answers, the documented or likeliest first. [Test your own code](../how-to/test.md) shows both "
            "in use."
        ),
    )
    yield from ("## Kinds of faults", "", '`Fault(route="storage", kind="cut", at=100_000)`', "")
    source = inspect.getsource(faults)
    kinds = re.findall(r'^    "([\w-]+)",  # (.+)$', source, re.MULTILINE)
    yield from table(("kind", "what happens"), ((code(kind), text) for kind, text in kinds))
    yield from ("## Members of a fault", "")
    _, documented = sections(faults.Fault.__doc__ or "")
    rows = (
        (code(each.name), code(default(each.default)), documented[each.name]) for each in attrs.fields(faults.Fault)
    )
    yield from table(("member", "default", "what"), rows)
    yield from ("## Scenarios", "", "`Sandbox(scenario=NAME)`, `pixxel sandbox --scenario NAME`", "")
    yield from table(
        ("scenario", "its faults"),
        (
            (code(name), ", ".join(sorted({f"{each.kind} at {each.route}" for each in plan})))
            for name, plan in SCENARIOS.items()
        ),
    )
    for title, kind in (("Switches", Behaviour), ("Switches of spelling", Spelling)):
        intro, documented = sections(kind.__doc__ or "")
        yield from (f"## {title}", "", intro, "")
        rows = (
            (code(each.name), code(default(each.default)), code(annotation(each.type)), documented[each.name])
            for each in attrs.fields(kind)
        )
        yield from table(("switch", "default", "type", "what"), rows)
    yield from ('`Sandbox(profile={"restarts": True})`, or a JSON file with such an object.', "")


def api(title: str, *objects: str, **members: Sequence[str]) -> Callable[[], Iterator[str]]:
    """Return the writer of a page that mkdocstrings fills from docstrings when the site is built.

    Args:
    title: of the page.
    objects: paths of the classes and modules.
    members: of a class by its name, if not all of its public members are for users.
    """

    def lines() -> Iterator[str]:
        yield from heading(title, "The site shows the docstrings here; in the repository they stand in the code.")
        for each in objects:
            chosen = members.get(each.rpartition(".")[2])
            options = [] if chosen is None else ["    options:", f"      members: [{', '.join(chosen)}]"]
            yield from (f"::: {each}", *options, "")

    return lines


OPERATIONS = [f"{kind.__module__}.{kind.__name__}" for kind in RESOURCES.values()]


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "client.md": api(
        "The client",
        "pixxel_async.client.PixxelClient",
        "pixxel_async._http.pages.Pages",
        "pixxel_async._http.pages.Page",
    ),
    "manager.md": api(
        "The download manager",
        "pixxel_async.downloads.manager.DownloadManager",
        "pixxel_async.downloads.batch.Outcomes",
        "pixxel_async.downloads.transfer.Transfer",
        "pixxel_async.downloads.transfer.Progress",
        "pixxel_async.downloads.plan.Planned",
        "pixxel_async.downloads.events_hub.Snapshot",
        Outcomes=("to_come", "aclose"),
        Transfer=("done", "progress", "cancel"),
    ),
    "packages.md": api(
        "Packages",
        "pixxel_async.packages.packages.Packages",
        "pixxel_async.packages.state.PackageState",
        "pixxel_async.packages.link.Link",
        "pixxel_async.packages.kinds.kinds",
    ),
    "resources.md": api("Operations of the API", *OPERATIONS),
    "integrations.md": api(
        "Integrations",
        "pixxel_async.integrations.stac",
        "pixxel_async.integrations.geo",
        "pixxel_async.integrations.xarray",
        "pixxel_async.integrations.fs",
        "pixxel_async.integrations.otel",
        "pixxel_async.integrations.dask.export.export",
        "pixxel_async.integrations.objects.ObjectStore",
    ),
    "models.md": api("Models", *sorted({getattr(models, name).__module__ for name in models.__all__})),
    "names.md": names,
    "sync.md": plain_names,
    "settings.md": settings,
    "commands.md": commands,
    "errors.md": errors_page,
    "events.md": events_page,
    "sandbox.md": sandbox,
}
"""The generated pages."""


def render(page: str) -> str:
    """Return the text of a page."""
    return "\n".join(PAGES[page]()).rstrip("\n") + "\n"


def main() -> None:
    """Write the pages, or print their names."""
    parser = argparse.ArgumentParser(description="Write the reference pages of the guide.")
    parser.add_argument("--write", action="store_true", help=f"refresh {FOLDER.relative_to(ROOT)}")
    if parser.parse_args().write:
        for page in PAGES:
            (FOLDER / page).write_text(render(page), encoding="utf-8", newline="\n")
    else:
        print(f"pixxel_async {pixxel_async.__version__}:", *PAGES)


if __name__ == "__main__":
    main()
