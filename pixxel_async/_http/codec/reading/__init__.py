"""Reading of JSON objects as models: hooks of annotations, compiled readers of classes, scalars."""
