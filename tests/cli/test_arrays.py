"""Job arrays whose tasks export into one folder on a network file system, each as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.cli.errors import Exit
from pixxel_async.sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="only Linux has mountinfo")]


class Machine:
    """One machine of a cluster: a home of its own, and a folder that it takes for one on Lustre.

    Args:
        home: the machine's home directory.
        shared: the folder; the process sees it as a mount of Lustre.
    """

    def __init__(self, home: Path, shared: Path, sandbox: Sandbox) -> None:
        self._mounts = home / "mountinfo"
        home.mkdir()
        self._mounts.write_text(
            "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
            f"35 22 0:36 / {shared.resolve()} rw,relatime - lustre mds@tcp:/scratch rw\n"
        )
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LANG": "C.UTF-8",
            "PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url,
        }  # fmt: skip

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `pixxel` in a mount namespace where /proc/self/mountinfo is the machine's."""
        shell = 'mount --bind "$0" /proc/$$/mountinfo && exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell, str(self._mounts)]
        return subprocess.Popen(
            [*command, sys.executable, "-m", "pixxel_async", *arguments],
            env=self._environment | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run `pixxel` to its end; return its exit code and what it printed."""
        process = self.start(*arguments, **environment)
        printed = "".join(process.communicate(timeout=120))
        return process.returncode, printed


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that machines take for one on Lustre; skips where no mount namespace can be made."""
    probe = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount --bind /dev/null /proc/$$/mountinfo"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    (tmp_path / "lustre").mkdir()
    return tmp_path / "lustre"


def zips(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.zip")}


def test_tasks_of_an_array_share_a_folder(served: Sandbox, shared: Path, tmp_path: Path) -> None:
    """Each task keeps its record on its machine; the last one merges the records; nothing is fetched twice.

    A further run on a machine that has never seen the folder skips everything.
    """
    to = shared / "exports"
    machines = [Machine(tmp_path / f"machine-{number}", shared, served) for number in range(4)]
    export = ("export", "--packages", "both", "--to", str(to))
    workflow = next(workflow for workflow, runs in served.world.runs.items() if len(runs) > 1)
    array = {"SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "0"}
    tasks = [
        machine.start(*export, "--workflow", workflow, "--shard", "auto", SLURM_ARRAY_TASK_ID=str(task), **array)
        for task, machine in enumerate(machines[:3])
    ]
    printed = ["".join(task.communicate(timeout=120)) for task in tasks]
    assert [task.returncode for task in tasks] == [Exit.DONE] * 3, printed
    assert all("network file system (lustre)" in text for text in printed)
    assert any("all 3 shards are complete" in text for text in printed)
    assert not (to / ".pixxel" / "record.sqlite").exists()
    listed = {line.split("  ", 1)[1] for line in (to / "SHA256SUMS").read_text().splitlines()}
    assert listed == zips(to) and len(listed) > 3
    bodies = [seen for seen in served.requests if seen.host == "storage"]
    assert sum(seen.sent for seen in bodies) == sum((to / name).stat().st_size for name in listed)

    before = len(served.requests)
    code, text = machines[3].run(*export, "--workflow", workflow)
    assert code == Exit.DONE, text
    assert not [seen for seen in served.requests[before:] if seen.operation.endswith(".download") or seen.host != "api"]
    assert machines[3].run("verify", str(to))[0] == Exit.DONE


def test_a_killed_task_goes_on_elsewhere(served: Sandbox, shared: Path, tmp_path: Path) -> None:
    """The files of a machine that died without publishing its record are known as ours on the next one."""
    to = shared / "exports"
    first, second = (Machine(tmp_path / name, shared, served) for name in ("first", "second"))
    export = ("export", "--packages", "both", "--to", str(to))
    workflow = next(workflow for workflow, runs in served.world.runs.items() if len(runs) > 1)
    assert first.run(*export, "--workflow", workflow, "--shard", "1/2")[0] == Exit.DONE
    shutil.rmtree(to / ".pixxel" / "records")
    before = len(served.requests)
    code, text = second.run(*export, "--workflow", workflow, "--shard", "1/2")
    assert code == Exit.DONE, text
    assert not [seen for seen in served.requests[before:] if seen.host == "storage" and seen.sent]
