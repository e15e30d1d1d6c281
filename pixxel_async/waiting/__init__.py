"""Waiting: one broker per client asks for everything that is waited for."""

from __future__ import annotations

from .._http.resource import Verdict
from .broker import Broker
from .listener import Update
from .rules.words import plain, verdict

__all__ = ["Broker", "Update", "Verdict", "plain", "verdict"]
