"""Generate `resources/`, `models/` and `description/pixxel.json` from `description/pixxel.yaml`; not in the wheel."""
