"""All known faults by id, with their tests in `CATALOGUE.md`, and random faults for long runs."""
