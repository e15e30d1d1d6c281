"""An async-first SDK for Pixxel's hyperspectral imagery API, with a polling download manager."""

__version__ = "0.1.0"
