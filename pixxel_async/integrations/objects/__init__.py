"""Object stores as destinations: S3 and compatible ones, Google Cloud Storage, Azure; through obstore."""

from .store import ObjectStore

__all__ = ["ObjectStore"]
