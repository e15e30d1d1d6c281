"""Bulk export on a Dask cluster: batches of packages on many workers, one record beside the data."""

from .export import Export, Result, export

__all__ = ["Export", "Result", "export"]
