"""`pixxel export --processes N`: one source shared by worker processes that fetch into one folder and record."""
