"""Object stores as destinations: S3 and what speaks its language, Google Cloud Storage, Azure; through obstore."""

from .store import ObjectStore

__all__ = ["ObjectStore"]
