"""Jobs and tasks as JSON rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...clock import zulu
from .jobs import JobRun

Row = dict[str, Any]


def job_row(run: JobRun, now: float) -> Row:
    """Render the job for the listing; the row of a finished job is cached and must not be changed."""
    return _ended_row(run) if now >= run.ends else _row(run, now)


@lru_cache(maxsize=4096)
def _ended_row(run: JobRun) -> Row:
    return _row(run, run.ends)


def _row(run: JobRun, now: float) -> Row:
    has_ended = now >= run.ends
    return {
        "id": run.id,
        "workflow_id": run.workflow_id,
        "created_by": run.created_by,
        "status": run.status(now),
        "progress": str(run.progress(now)),
        "cost": run.cost,
        "estimated_duration": round(run.seconds),
        "time_taken": _span(min(now, run.ends) - run.started_at),
        "created_at": zulu(run.started_at),
        "updated_at": zulu(min(now, run.ends)),
        "finished_at": zulu(run.ends) if has_ended else "",
    }


def job_detail(run: JobRun, now: float) -> Row:
    """Render a single job; the row of a finished job is cached and must not be changed."""
    return _ended_detail(run) if now >= run.ends else _detail(run, now)


@lru_cache(maxsize=1024)
def _ended_detail(run: JobRun) -> Row:
    return _detail(run, run.ends)


def _detail(run: JobRun, now: float) -> Row:
    last = zulu(min(now, run.ends))
    return {
        **job_row(run, now),
        "exec_created_at": zulu(run.started_at),
        "exec_updated_at": last,
        "val_errors": list(run.errors),
        "spec": {"blocks": [{"name": step.block.name, "version": step.block.versions[-1]} for step in run.steps]},
        "tasks": [_task(run, at, now) for at in range(len(run.steps))],
    }


def _task(run: JobRun, at: int, now: float) -> Row:
    step, starts = run.steps[at], run.started_at + at * run.pace
    status, ends = run.step_status(step, now), starts + run.pace
    has_begun, has_ended = status != "created", status in ("completed", "failed")
    block = step.block
    return {
        "id": step.id,
        "name": block.title,
        "status": status,
        "state_msg": "Runtime exception" if status == "failed" else "",
        "progress": 100 if has_ended else round(100 * max(0.0, now - starts) / run.pace) if has_begun else 0,
        "depends_on": [run.steps[at - 1].block.title] if at else [],
        "block_info": {"id": step.id, "name": block.name, "version": block.versions[-1]},
        "inputs": [port.data(block.name) for port in block.inputs],
        "result": [port.data(block.name, value=f"s3://sandbox/{step.id}/{port.name}") for port in block.outputs]
        if has_ended
        else [],
        "info_logs": [{"timestamp": zulu(ends), "message": f"{block.name} {status}"}] if has_ended else [],
        "disclaimer": [block.disclaimer] if has_ended and block.disclaimer else [],
        "estimated_time_duration": round(run.pace),
        "time_taken": _span(min(now, ends) - starts) if has_begun else "",
        "created_at": zulu(run.started_at),
        "updated_at": zulu(min(now, ends) if has_begun else run.started_at),
        "finished_at": zulu(ends) if has_ended else "",
        "send_time": zulu(starts) if has_begun else "",
        "recv_time": zulu(starts) if has_begun else "",
        "block_inf_start_time": zulu(starts) if has_begun else "",
        "block_inf_end_time": zulu(ends) if has_ended else "",
        "err_msg": "internal server error" if status == "failed" else "",
        "failure_type": "runtime_exception" if status == "failed" else "",
    }


def _span(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
