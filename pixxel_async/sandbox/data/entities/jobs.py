"""Runs of workflows: what a job and its tasks are at any moment, from when it began and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from attrs import frozen

from ..contents import SceneLocation
from .blocks import SandboxBlock


@frozen
class SandboxWorkflow:
    """A workflow as it was built in the vendor's user interface.

    Attributes:
        id, project_id, name, description, created_by: as in the API.
        created: when, in seconds since 1970.
        blocks: its steps, one after the other.
        place: what its jobs look at.
    """

    id: str
    project_id: str
    name: str
    description: str
    created_by: str
    created: float
    blocks: tuple[SandboxBlock, ...]
    place: SceneLocation

    @property
    def cost(self) -> int:
        """Tokens for one run."""
        return sum(block.price for block in self.blocks)


@frozen
class JobStep:
    """One task of a run.

    Attributes:
        id: of the task.
        block: what it does.
    """

    id: str
    block: SandboxBlock


@frozen(eq=False)
class JobRun:
    """One job.

    Attributes:
        id, workflow_id, created_by: as in the API.
        begun: when, in seconds since 1970.
        seconds: how long all its steps take together.
        steps: one after the other.
        fails_at: id of the step that fails; empty when all goes well.
    """

    id: str
    workflow_id: str
    created_by: str
    begun: float
    seconds: float
    steps: tuple[JobStep, ...]
    fails_at: str = ""

    @property
    def task_ids(self) -> list[str]:
        """Ids of its tasks, in their order."""
        return [step.id for step in self.steps]

    @cached_property
    def count(self) -> int:
        """Steps that are begun before it ends."""
        order = [step.id for step in self.steps]
        return order.index(self.fails_at) + 1 if self.fails_at in order else len(order)

    @cached_property
    def pace(self) -> float:
        """Seconds of one step."""
        return self.seconds / max(1, len(self.steps))

    @cached_property
    def ends(self) -> float:
        """When it completes or fails."""
        return self.begun + self.pace * self.count

    @cached_property
    def cost(self) -> int:
        """Tokens for all its steps."""
        return sum(step.block.price for step in self.steps)

    def status(self, now: float) -> str:
        """`running`, `completed` or `failed`. Source: the words that the vendor's guides show."""
        if now < self.ends:
            return "running"
        return "failed" if self.fails_at else "completed"

    def progress(self, now: float) -> int:
        """From 0 to 100; it never goes back."""
        return (
            max(0, min(100, int(100 * (now - self.begun) / (self.ends - self.begun))))
            if self.ends > self.begun
            else 100
        )

    def done(self, now: float) -> Sequence[JobStep]:
        """The steps that have ended well."""
        return [step for step in self.steps if self.step_status(step, now) == "completed"]

    def step_status(self, step: JobStep, now: float) -> str:
        """`created`, `inprogress`, `completed` or `failed`. Source: the block states of the vendor's runner."""
        at = self.steps.index(step)
        if at >= self.count or now < self.begun + at * self.pace:
            return "created"
        if now < self.begun + (at + 1) * self.pace:
            return "inprogress"
        return "failed" if step.id == self.fails_at else "completed"
