"""Named scenarios of faults, and fault plans from JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import fields_dict

from ..._files import read_named
from ..._formats.text_encoding import decode_text
from ...errors import ConfigError
from .faults import Fault

_MOST_BYTES = 1 << 20
"""Bytes of a fault plan."""
_BUSY = {"Retry-After": "2"}
_DOWN_PAGE = "<html><body><h1>Back soon</h1></body></html>"
SCENARIOS: dict[str, tuple[Fault, ...]] = {
    "flaky-storage": (
        Fault(route="storage", kind="status", status=503, headers=_BUSY, times=None, probability=0.1),
        Fault(route="storage", kind="cut", at=65_536, times=None, probability=0.2),
        Fault(route="storage", kind="reset", times=None, probability=0.1),
        Fault(route="storage", kind="corrupt", at=2048, times=1, after=3),
    ),
    "rate-limited": (Fault(route="api", kind="status", status=429, headers=_BUSY, times=None, probability=0.3),),
    "expiring-links": (
        *(Fault(route="storage", kind="expired", after=at) for at in range(0, 400, 20)),
        Fault(route="storage", kind="cut", at=32_768, times=None, probability=0.25),
    ),
    "maintenance": (
        Fault(
            route="api",
            kind="status",
            status=503,
            headers={"Retry-After": "5"},
            body=_DOWN_PAGE,
            times=20,
            after=5,
        ),
    ),
    "lost-answers": (
        Fault(route="orders.create", kind="lost"),
        Fault(route="api", kind="lost", times=None, probability=0.1),
    ),
}
"""The scenarios by name."""


def load_scenario(scenario: str | Path) -> tuple[Fault, ...]:
    """Load the faults of a named scenario, or of a JSON file with a list of `Fault` objects.

    Raises:
        ConfigError: there is no such scenario or file, or it holds something else.
    """
    if isinstance(scenario, str) and scenario in SCENARIOS:
        return SCENARIOS[scenario]
    path = Path(scenario)
    if path.suffix != ".json":
        raise ConfigError(f"a scenario is one of {', '.join(SCENARIOS)} or a JSON file, not {str(scenario)!r}")
    try:
        rows = json.loads(decode_text(read_named(path, _MOST_BYTES)))
    except OSError as error:
        raise ConfigError(f"the plan {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the plan {path} is not JSON: {error}") from None
    if not isinstance(rows, list):
        raise ConfigError(f"the plan {path} must hold a list of faults")
    return tuple(_fault(row, f"fault {at} of {path}") for at, row in enumerate(rows, 1))


def _fault(row: Any, place: str) -> Fault:
    members = fields_dict(Fault)
    if not isinstance(row, dict) or not {"route", "kind"} <= row.keys() <= members.keys():
        raise ConfigError(f"{place} must be an object with route, kind and members among {', '.join(members)}")
    for name, value in row.items():
        if not isinstance(value, _TYPES[name]):
            raise ConfigError(f"{place}: {name} cannot be {value!r}")
    return Fault(**row)


_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    "route": (str,),
    "kind": (str,),
    "times": (int, type(None)),
    "probability": _NUMBER,
    "after": (int,),
    "at": (int,),
    "status": (int,),
    "headers": (dict,),
    "body": (str, type(None)),
    "seconds": _NUMBER,
    "rate": _NUMBER,
    "location": (str,),
    "style": (str,),
    "work_done": (bool,),
}
"""JSON types of each member of a fault."""
