"""A wrong guess of a name is answered by the name to use, wherever a newcomer may look for it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import pixxel_async
from pixxel_async import ConfigError, Downloaded, DownloadManager, Failed, JobPackage, Page, PixxelClient, Skipped
from pixxel_async._formats.zip_entry import Entry
from pixxel_async.errors import PixxelError
from pixxel_async.models import AOI, Job, STACItem, STACItemProperties, Workflow
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Settings

PACKAGE = JobPackage(workflow_id="w", job_id="j")
CLIENT = PixxelClient("a-key")
DONE = Downloaded(PACKAGE, Path("j.zip"), 1)


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (pixxel_async, "Client", "but PixxelClient"),
        (pixxel_async, "Sandbox", "from pixxel_async.sandbox import Sandbox"),
        (pixxel_async, "Job", "from pixxel_async.models import Job"),
        (pixxel_async, "login", "PIXXEL_API_KEY"),
        (CLIENT.orders, "estimate", "dry_run=True"),
        (CLIENT.orders, "wait", "client.catalogs.search"),
        (CLIENT.jobs, "run", "client.jobs.create"),
        (CLIENT.jobs, "cancel", "no call that stops a job"),
        (CLIENT.tasks, "list", "client.jobs.get"),
        (CLIENT.assets, "download", "DownloadManager(client, folder)"),
        (CLIENT.packages, "download", "DownloadManager(client, folder)"),
        (CLIENT.packages, "opne", "but open"),
        (Job(), "download", "DownloadManager(client, folder)"),
        (Job(), "wait", "a row is data"),
        (Job(), "name", "it has "),
        (Workflow(), "jobs", "client.jobs.list"),
        (AOI(), "assets", "client.assets.list"),
        (STACItem(), "datetime", "`properties.datetime`"),
        (STACItem(), "cloud_cover", "`properties.eo_cloud_cover`"),
        (STACItemProperties(), "cloud_cover", "but eo_cloud_cover"),
        (Page([]), "items", "a sequence of rows"),
        (DONE, "filename", "`path`"),
        (DONE, "ok", "isinstance or match"),
        (Skipped(PACKAGE, "there"), "status", "isinstance or match"),
        (Failed(PACKAGE, PixxelError("x"), "ask"), "errors", "but error"),
    ],
)
def test_a_missing_attribute_names_the_one_to_use(owner: object, name: str, said: str) -> None:
    """An AttributeError says what to write instead, if there is something; hasattr is False."""
    with pytest.raises(AttributeError, match=name) as caught:
        getattr(owner, name)
    assert said in str(caught.value) and not hasattr(owner, name)


def test_outcomes_are_copied_and_pickled() -> None:
    """Hints do not disturb protocols that look for special methods."""
    assert copy.deepcopy(DONE) == DONE and pickle.loads(pickle.dumps(DONE)) == DONE


@pytest.mark.parametrize(
    ("option", "said"),
    [("max_workers", "max_concurrent_downloads=8"), ("overwrite", 'on_existing="replace"'), ("speed", "there are ")],
)
async def test_an_unknown_option_names_the_one_to_use(tmp_path: Path, option: str, said: str) -> None:
    """An unknown option of fetch_all names its word here, or all options."""
    async with PixxelClient("a-key") as client, DownloadManager(client, tmp_path) as manager:
        guessed: dict[str, Any] = {option: 3}
        with pytest.raises(ConfigError, match=option) as caught:
            manager.fetch_all([], **guessed)
    assert said in str(caught.value)


async def test_values_that_are_no_packages(tmp_path: Path) -> None:
    """A list for fetch, and a workflow for fetch_all, are refused with the call to write."""
    async with PixxelClient("a-key") as client, DownloadManager(client, tmp_path) as manager:
        lists: Any = [PACKAGE]
        with pytest.raises(ConfigError, match="`fetch_all` takes many"):
            await manager.fetch(lists)
        workflow: Any = Workflow(id="w")
        with pytest.raises(ConfigError, match=r"client\.jobs\.list"):
            manager.fetch_all(workflow)


def test_groups_of_settings_are_objects() -> None:
    """A mapping in the place of a group of settings is refused with the class to use."""
    group: Any = {"read_timeout": 3}
    with pytest.raises(ConfigError, match="HTTPSettings"):
        Settings(http=group)


def test_a_fault_is_a_fault() -> None:
    """The sandbox refuses a fault that is a text, which would never fire; route and kind may be positional."""
    assert Fault("storage", "cut") == Fault(route="storage", kind="cut")
    text: Any = "cut"
    with pytest.raises(ConfigError, match="takes a Fault"):
        Sandbox().inject(text)


def test_members_have_short_reprs() -> None:
    """The members of a fetched archive are shown by name and size."""
    entry = Entry(raw_name=b"outputs/ndvi.tif", flags=0, method=0, crc=1, packed=2, size=2, offset=0)
    assert repr(entry) == "Entry(name='outputs/ndvi.tif', size=2)"


async def test_counts_after_the_end(tmp_path: Path) -> None:
    """A closed manager still says what it did, for the last line of a program."""
    async with Sandbox(packing=0) as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        async with DownloadManager(client, tmp_path) as manager:
            await manager.fetch(JobPackage(workflow_id=(job := sandbox.add_job()).workflow_id, job_id=job.id))
        assert (manager.snapshot().done, manager.snapshot().pending) == (1, 0)
