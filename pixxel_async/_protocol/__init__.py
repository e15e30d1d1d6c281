"""HTTP semantics that several slices share: pure functions over headers, statuses and numbers."""
