"""Manifests: accepted forms, refused lines, and their line numbers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.cli.choose.listing import manifest_packages
from pixxel_async.cli.choose.manifest import LINE_LIMIT, open_manifest, read_manifest
from pixxel_async.errors import ConfigError
from pixxel_async.packages import AssetPackage, CatalogPackage, InsightPackage, JobPackage, TaskPackage

JOB = JobPackage(workflow_id="w-1", job_id="j-1")
ASSETS = AssetPackage(aoi_id="a", asset_ids=["r", "s"])
TASK = TaskPackage(workflow_id="w-1", job_id="j-1", task_id="t-1")


def packages(text: str) -> list[object]:
    return [item.package for item in read_manifest(text.splitlines(keepends=True))]


@pytest.mark.fault("H-10")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("package\njob:w-1/j-1\n", [JOB]),
        ("package\r\njob:w-1/j-1\r\ntask:w-1/j-1/t-1\r\n", [JOB, TASK]),
        ("\ufeffpackage\njob:w-1/j-1", [JOB]),
        ("\n\npackage\n\njob:w-1/j-1\n\n", [JOB]),
        ("job_id,workflow_id\nj-1,w-1\n", [JOB]),
        ("workflow_id,job_id,task_id\nw-1,j-1,t-1\nw-1,j-1,\n", [TASK, JOB]),
        ("workflow_id, job_id ,cost\nw-1, j-1 ,12\n", [JOB]),
        ("package,workflow_id\njob:w-1/j-1,other\n", [JOB]),
        ('{"package": "job:w-1/j-1"}\n', [JOB]),
        ('\ufeff{"workflow_id": "w-1", "job_id": "j-1", "task_id": null}\r\n\n', [JOB]),
        ('{"workflow_id": "w-1", "job_id": "j-1", "task_id": "t-1", "cost": 5}', [TASK]),
        ("package\njob:w-1/j-1\njob:w-1/j-1\njob:w%2D1/j-1\n", [JOB]),
        ("aoi_id,insight_id\na,i\n", [InsightPackage(aoi_id="a", insight_id="i")]),
        ('aoi_id,asset_ids\na,"s, r"\n', [ASSETS]),
        ('{"aoi_id": "a", "asset_ids": ["r", "s"]}\n{"package": "asset:a/asset_ids=s,r"}\n', [ASSETS]),
        ('{"order_item_ids": ["o"]}', [CatalogPackage(order_item_ids="o")]),
        ("workflow_id;job_id\r\nw-1;j-1\r\n", [JOB]),
        ('"workflow_id"\t"job_id"\r\nw-1\tj-1\r\n', [JOB]),
        ("sep=;\r\nworkflow_id;job_id;cost\r\nw-1;j-1;1,5\r\n", [JOB]),
        ("sep=\t\nworkflow_id\tjob_id\nw-1\tj-1\n", [JOB]),
        ("workflow_id,job_id,task_id,name,note\nw-1,j-1\nw-1,j-1,t-1\n", [JOB, TASK]),
        ("workflow_id,job_id\nw-1,j-1,,\n", [JOB]),
        ('[\n{"workflow_id": "w-1", "job_id": "j-1"},\n{"package": "task:w-1/j-1/t-1"}\n]\n', [JOB, TASK]),
        (json.dumps([{"workflow_id": "w-1", "job_id": "j-1"}], indent=2), [JOB]),
        ("[]\n", []),
        ("package\n", []),
        ("", []),
        ("\ufeff\n", []),
    ],
)
def test_readable(text: str, expected: list[object]) -> None:
    """CSV, NDJSON and JSON are read with any line end, delimiter, byte order mark, blank lines and repeats."""
    assert packages(text) == expected


@pytest.mark.fault("H-10")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("package\njob:w-1/j-1\nnonsense\n", 3, "is no package"),
        ('{"aoi_id": "a", "asset_ids": [7]}', 1, "texts only"),
        ('{"catalog_ids": ["c"], "order_item_ids": ["o"]}', 1, "exactly one"),
        ("package\nlink:scene/0badcafe\n", 2, "pass SignedLink"),
        ("package\n\n\njob:w-1\n", 4, "must be written"),
        ("packge\njob:w-1/j-1\n", 1, "a header is needed"),
        ("job:w-1/j-1\n", 1, "a header is needed"),
        ("package,package\na,b\n", 1, "comes twice"),
        ("workflow_id,job_id\nw-1\n", 2, "it needs `package`"),
        ("workflow_id,job_id\nw-1,j-1,x\n", 2, "3 cells where the header has 2 columns separated by ',': workflow_id"),
        ("sep=;\nworkflow;job\nw-1;j-1\n", 2, "found 2 columns separated by ';': workflow, job"),
        ("one\ttwo\tthree\n", 1, "found 3 columns separated by"),
        ('[{"package": "job:w-1/j-1"},\n\n7]', 3, "not a JSON object"),
        ('[\n{"package": "job:w-1/j-1"}\n', 2, "breaks off"),
        ('[{"package": "job:w-1/j-1"}]\n{"package": "job:w-1/j-1"}', 1, "something follows"),
        ('["job:w-1/j-1"]', 1, "not a JSON object"),
        ("workflow_id,job_id\nw-1,\n", 2, "it needs `package`"),
        ('package\n"job:w-1/j-1\n', 2, "unexpected end of data"),
        ("package\njob:w-1/j-1\0\n", 2, "not UTF-8"),
        ('{"package": "job:w-1/j-1"}\n{"package": \n', 2, "not a JSON object"),
        ('{"package": "job:w-1/j-1"}\n[1]\n', 2, "not a JSON object"),
        ('{"workflow_id": "w-1", "job_id": 7}\n', 1, "`job_id` must be text, not int"),
        ("{" * 100_000, 1, "not a JSON object"),
        ("package,name\njob:w-1/j-1,a\njob:w-1/j-1,b\n", 3, "another name on line 2"),
        ("package\n" + "x" * LINE_LIMIT, 2, "longer than"),
    ],
)
def test_bad_line(text: str, line: int, words: str) -> None:
    """The error about an unusable line has its number and the reason."""
    with pytest.raises(ConfigError, match=f"^line {line} of the manifest: .*{words}"):
        packages(text)


def test_good_lines_come_before_a_bad_one() -> None:
    """Reading is lazy: lines above a bad one are yielded before the error is raised."""
    items = read_manifest(["package\n", "job:w-1/j-1\n", "?\n"])

    assert next(items).package == JOB
    with pytest.raises(ConfigError, match="line 3"):
        next(items)


def test_name() -> None:
    """Column `name` is the file's name; an empty cell counts as absent."""
    items = read_manifest(["package,name\n", "job:w-1/j-1,2026/first\n", "task:w-1/j-1/t-1,\n"])

    assert [item.name for item in items] == ["2026/first", None]


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    """A byte that is not UTF-8 is reported with its line number, not as a codec error."""
    path = tmp_path / "list.csv"
    path.write_bytes(b"package\njob:w-1/j-1\njob:w-1/\xff\n")

    with open_manifest(str(path)) as lines, pytest.raises(ConfigError, match="line 3 of the manifest: not UTF-8"):
        list(read_manifest(lines))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(tmp_path: Path, codec: str) -> None:
    """A manifest is read in every Unicode encoding that spreadsheets and shells write."""
    path = tmp_path / "m.csv"
    path.write_bytes("workflow_id\tjob_id\tname\r\nw-1\tj-1\tGrün\r\n".encode(codec))
    with open_manifest(str(path)) as lines:
        assert [(item.package, item.name) for item in read_manifest(lines)] == [(JOB, "Grün")]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors have no names here")
def test_a_pipe_is_read_once() -> None:
    """A pipe, such as `<(command)`, is read once and yields all of its packages."""
    read_end, write_end = os.pipe()
    os.write(write_end, b"package\njob:w-1/j-1\n")
    os.close(write_end)

    async def read() -> list[object]:
        return [item.package async for batch in manifest_packages(f"/dev/fd/{read_end}", print) for item in batch]

    try:
        assert asyncio.run(asyncio.wait_for(read(), 20)) == [JOB]
    finally:
        os.close(read_end)


@pytest.mark.parametrize("text", ["", "package\n", "[]"])
def test_an_empty_manifest_is_said_to_be_empty(tmp_path: Path, text: str) -> None:
    """A manifest without packages is reported as empty in every format."""
    path, notes = tmp_path / "m.csv", list[str]()
    path.write_text(text)

    async def read() -> list[object]:
        return [item async for batch in manifest_packages(str(path), notes.append) for item in batch]

    assert asyncio.run(read()) == []
    assert len(notes) == 1 and "is empty" in notes[0]


def test_cells_quoted_against_formulas_are_read_back() -> None:
    """The apostrophe before a cell that a spreadsheet would evaluate is not part of the name."""
    items = read_manifest(["package,name\n", "job:w-1/j-1,'-first\n", "task:w-1/j-1/t-1,'quoted\n"])

    assert [item.name for item in items] == ["-first", "'quoted"]


def test_missing_file(tmp_path: Path) -> None:
    """A manifest that cannot be opened is a configuration error that names it."""
    with (
        pytest.raises(ConfigError, match=r"cannot read the manifest .*gone\.csv: No such file"),
        open_manifest(str(tmp_path / "gone.csv")),
    ):
        pass


ids = st.text(min_size=1).filter(lambda text: text == text.strip() and "\0" not in text)


@pytest.mark.fault("H-10")
@pytest.mark.slow
@given(st.lists(st.tuples(ids, ids), unique=True), st.sampled_from(["\n", "\r\n"]))
def test_any_ids_survive_csv(pairs: list[tuple[str, str]], ending: str) -> None:
    """Package texts written by `csv` are read back as the same packages, whatever characters their ids contain."""
    expected = [JobPackage(workflow_id=workflow, job_id=job) for workflow, job in pairs]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows([["package"], *[[str(each)] for each in expected]])

    assert packages(text.getvalue()) == expected


@pytest.mark.slow
@given(st.lists(st.tuples(ids, ids)))
def test_any_ids_survive_ndjson(pairs: list[tuple[str, str]]) -> None:
    """Ids as JSON members give each package once, in the order of their first line."""
    lines = [json.dumps({"workflow_id": workflow, "job_id": job}) + "\n" for workflow, job in pairs]
    expected = [JobPackage(workflow_id=workflow, job_id=job) for workflow, job in dict.fromkeys(pairs)]

    assert [item.package for item in read_manifest(lines)] == expected
