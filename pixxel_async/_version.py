"""The version, read by the package, the client and pyproject.toml."""

__version__ = "0.1.0"
