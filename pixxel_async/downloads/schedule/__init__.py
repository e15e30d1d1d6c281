"""When to ask for which package and when to poll it, and a fair queue between calls."""
