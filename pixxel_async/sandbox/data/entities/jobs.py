"""Jobs and their tasks: their state at any time, from their start and duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from attrs import frozen

from ..contents import SceneLocation
from .blocks import SandboxBlock


@frozen
class SandboxWorkflow:
    """A workflow as built in the vendor's user interface.

    Attributes:
        id, project_id, name, description, created_by: as in the API.
        created: when, in seconds since 1970.
        blocks: its steps in order.
        place: the location that its jobs process.
        errors: its validation errors.
    """

    id: str
    project_id: str
    name: str
    description: str
    created_by: str
    created: float
    blocks: tuple[SandboxBlock, ...]
    place: SceneLocation
    errors: tuple[Mapping[str, str], ...] = ()

    @property
    def cost(self) -> int:
        """The tokens for one run."""
        return sum(block.price for block in self.blocks)


@frozen
class JobStep:
    """One task of a job.

    Attributes:
        id: of the task.
        block: its processing block.
    """

    id: str
    block: SandboxBlock


@frozen(eq=False)
class JobRun:
    """One job.

    Attributes:
        id, workflow_id, created_by: as in the API.
        started_at: when it was created, in seconds since 1970.
        seconds: duration of all its steps together.
        steps: in order.
        fails_at: id of the failing step; empty if none fails.
        errors: the validation errors of its workflow.
    """

    id: str
    workflow_id: str
    created_by: str
    started_at: float
    seconds: float
    steps: tuple[JobStep, ...]
    fails_at: str = ""
    errors: tuple[Mapping[str, str], ...] = ()

    @property
    def task_ids(self) -> list[str]:
        """The ids of its tasks, in order."""
        return [step.id for step in self.steps]

    @cached_property
    def count(self) -> int:
        """The number of steps that start before it ends."""
        order = [step.id for step in self.steps]
        return order.index(self.fails_at) + 1 if self.fails_at in order else len(order)

    @cached_property
    def pace(self) -> float:
        """The seconds of one step."""
        return self.seconds / max(1, len(self.steps))

    @cached_property
    def ends(self) -> float:
        """When it completes or fails."""
        return self.started_at + self.pace * self.count

    @cached_property
    def cost(self) -> int:
        """The tokens for all its steps."""
        return sum(step.block.price for step in self.steps)

    def status(self, now: float) -> str:
        """Return `running`, `completed` or `failed`. Source: the words in the vendor's guides."""
        if now < self.ends:
            return "running"
        return "failed" if self.fails_at else "completed"

    def progress(self, now: float) -> int:
        """Return its progress, 0 to 100, which never decreases."""
        return (
            max(0, min(100, int(100 * (now - self.started_at) / (self.ends - self.started_at))))
            if self.ends > self.started_at
            else 100
        )

    def done(self, now: float) -> Sequence[JobStep]:
        """Return the completed steps."""
        return [step for step in self.steps if self.step_status(step, now) == "completed"]

    def step_status(self, step: JobStep, now: float) -> str:
        """Return `created`, `inprogress`, `completed` or `failed`. Source: the block states of the vendor's runner."""
        at = self.steps.index(step)
        if at >= self.count or now < self.started_at + at * self.pace:
            return "created"
        if now < self.started_at + (at + 1) * self.pace:
            return "inprogress"
        return "failed" if step.id == self.fails_at else "completed"
