"""HTTP semantics shared by several slices: pure functions over headers, statuses and numbers."""
