"""Ask a real account the questions that the vendor's pages leave open."""

from .asking import first_contact

__all__ = ["first_contact"]
