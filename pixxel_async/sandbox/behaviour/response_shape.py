"""What habits make of an answer that is right: words, numbers and gaps in another form."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..answers import RequestRefused, SandboxAnswer, as_json, plain
from .behaviour import Behaviour

_KEPT = frozenset({"geometry", "coordinates", "bbox", "signed_url", "limit", "offset", "total", "skip", "count"})
"""Members whose values one goes on with as they are."""


def shape_response(habits: Behaviour) -> Callable[[Any], Any]:
    """The function that gives an answer's value its form."""
    usual = Behaviour()
    names = ("words", "progress", "time_taken", "unset", "numbers")
    if all(getattr(habits, name) == getattr(usual, name) for name in names):
        return lambda value: value
    return lambda value: _formed(value, habits)


def _formed(value: Any, habits: Behaviour) -> Any:
    if isinstance(value, list):
        return [_formed(one, habits) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: one if name in _KEPT else _member(name, one, habits) for name, one in value.items()}
    if habits.unset == "absent":
        made = {name: one for name, one in made.items() if one not in ("", None) or name == "signed_url"}
    return made


def _member(name: str, value: Any, habits: Behaviour) -> Any:
    if isinstance(value, dict | list):
        return _formed(value, habits)
    if name == "status" and isinstance(value, str):
        return habits.words.get(value, value)
    if name == "progress" and isinstance(value, str) and habits.progress != "text":
        return f"{value}%" if habits.progress == "percent" else int(value)
    if name == "time_taken" and value:
        return _taken(value, habits.time_taken)
    if value == "" and habits.unset == "null":
        return None
    if habits.numbers == "text" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _taken(text: str, form: str) -> str:
    """How long something took, such as `4m 10s`, in another form."""
    minutes, _, rest = text.rpartition("m ")
    seconds = 60 * int(minutes or 0) + int(rest.removesuffix("s"))
    return {"words": text, "clock": str(timedelta(seconds=seconds)).rjust(8, "0"), "seconds": str(seconds)}[form]


def refusal(refused: RequestRefused, produces: str, habits: Behaviour) -> SandboxAnswer:
    """The answer that an error becomes."""
    status = habits.missing if refused.status == 404 else refused.status
    status = {"forbidden": habits.key_refusal, "foreign": habits.foreign}.get(refused.code, status)
    if habits.error_form == "text":
        return plain(status, refused.message.encode(), "text/plain")
    if habits.error_form == "html":
        return plain(status, f"<html><body><h1>{status}</h1></body></html>".encode(), "text/html")
    body = refused.envelope()
    details = body["error"]["details"]
    forms = {"object": details, "list": [details], "text": json.dumps(details), "null": None}
    word = refused.code if refused.code != "foreign" else "not_found" if status == 404 else "forbidden"
    codes = {"words": word, "upper": word.upper(), "status": str(status), "none": ""}
    body["error"] |= {"details": forms[habits.error_details], "code": codes[habits.error_codes]}
    return as_json(status, body, produces)
