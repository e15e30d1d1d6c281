"""File formats, as pure functions over bytes: what a file is, whether it is whole, and the members of a ZIP."""
