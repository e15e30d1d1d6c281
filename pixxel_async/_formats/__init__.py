"""File formats, as pure functions over bytes: container, completeness, and the members of a ZIP."""
