"""Integrations with other libraries, one module each; each needs an extra."""
