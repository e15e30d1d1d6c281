"""Output: rows and the summary on stdout, progress as bars, lines or JSON on stderr."""
