"""Findings from responses, as pure functions over plain values."""
