"""Spell words, numbers and unset members of a response as the behaviour says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..answers import RequestRefused, SandboxAnswer, as_json, plain
from .behaviour import Behaviour, Spelling

_KEPT = frozenset({"geometry", "coordinates", "bbox", "signed_url", "limit", "offset", "total", "skip", "count"})
"""Members whose values clients send back, and which therefore stay unchanged."""


def shape_response(behaviour: Behaviour) -> Callable[[Any], Any]:
    """Return the function that spells a response's values."""
    usual = Spelling()
    names = ("words", "progress", "time_taken", "unset", "numbers")
    if all(getattr(behaviour.spelling, name) == getattr(usual, name) for name in names):
        return lambda value: value
    return lambda value: _spell(value, behaviour)


def _spell(value: Any, behaviour: Behaviour) -> Any:
    if isinstance(value, list):
        return [_spell(item, behaviour) for item in value]
    if not isinstance(value, dict):
        return value
    row = {name: item if name in _KEPT else _member(name, item, behaviour) for name, item in value.items()}
    if behaviour.spelling.unset == "absent":
        row = {name: item for name, item in row.items() if item not in ("", None) or name == "signed_url"}
    return row


def _member(name: str, value: Any, behaviour: Behaviour) -> Any:
    if isinstance(value, dict | list):
        return _spell(value, behaviour)
    if name == "status" and isinstance(value, str):
        return behaviour.spelling.words.get(value, value)
    if name == "progress" and isinstance(value, str) and behaviour.spelling.progress != "text":
        return f"{value}%" if behaviour.spelling.progress == "percent" else int(value)
    if name == "time_taken" and value:
        return _spell_duration(value, behaviour.spelling.time_taken)
    if value == "" and behaviour.spelling.unset == "null":
        return None
    if behaviour.spelling.numbers == "text" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _spell_duration(text: str, form: str) -> str:
    """Spell a duration such as `4m 10s` in another form."""
    minutes, _, rest = text.rpartition("m ")
    seconds = 60 * int(minutes or 0) + int(rest.removesuffix("s"))
    return {"words": text, "clock": str(timedelta(seconds=seconds)).rjust(8, "0"), "seconds": str(seconds)}[form]


def refusal(refused: RequestRefused, produces: str, behaviour: Behaviour) -> SandboxAnswer:
    """Build the response of an error."""
    status = behaviour.missing if refused.status == 404 else refused.status
    status = {"forbidden": behaviour.key_refusal, "foreign": behaviour.foreign}.get(refused.code, status)
    if behaviour.error_form == "text":
        return plain(status, refused.message.encode(), "text/plain")
    if behaviour.error_form == "html":
        return plain(status, f"<html><body><h1>{status}</h1></body></html>".encode(), "text/html")
    body = refused.envelope()
    details = body["error"]["details"]
    forms = {"object": details, "list": [details], "text": json.dumps(details), "null": None}
    word = refused.code if refused.code != "foreign" else "not_found" if status == 404 else "forbidden"
    codes = {"words": word, "upper": word.upper(), "status": str(status), "none": ""}
    body["error"] |= {"details": forms[behaviour.spelling.error_details], "code": codes[behaviour.spelling.error_codes]}
    return as_json(status, body, produces)
