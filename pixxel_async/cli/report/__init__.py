"""The HTML report of a folder: its figures, charts, map and page; pure functions over the record's rows."""
