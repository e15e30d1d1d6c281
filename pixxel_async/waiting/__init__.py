"""Polling: one broker per client polls for all waiters, with shared requests."""

from __future__ import annotations

from .._http.resource import Verdict
from .broker import Broker
from .listener import Update
from .rules.words import plain as plain
from .rules.words import verdict as verdict

__all__ = ["Broker", "Update", "Verdict"]
