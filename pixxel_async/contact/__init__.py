"""First contact with a real account: what it answers to questions that the vendor's pages leave open."""

from .asking import first_contact

__all__ = ["first_contact"]
