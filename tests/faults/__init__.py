"""Everything that can go wrong, by id, with the tests that hold it: `CATALOGUE.md`; and random faults for long runs."""
