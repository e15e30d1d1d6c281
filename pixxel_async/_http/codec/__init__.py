"""JSON to typed objects and back: models, open enums, drift."""
