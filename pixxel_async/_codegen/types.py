"""Map types of the description to Python annotations."""

from __future__ import annotations

from collections.abc import Mapping

from .records import SchemaRecord

Schemas = Mapping[str, SchemaRecord]

_SCALARS = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}
_TIMES = {"date-time": "dt.datetime", "instant": "dt.datetime", "date": "dt.date"}


def is_word(schema: SchemaRecord) -> bool:
    """Return whether a schema is a word list."""
    return bool(schema.x_values)


def is_geojson(schema: SchemaRecord) -> bool:
    """Return whether a schema's objects are plain GeoJSON."""
    members = schema.properties.keys()
    return "type" in members and bool({"coordinates", "geometry", "features"} & members)


def is_geometry(schema: SchemaRecord) -> bool:
    """Return whether a schema is the bare GeoJSON geometry."""
    return is_geojson(schema) and "coordinates" in schema.properties


def attribute_type(schema: SchemaRecord) -> str:
    """Return the annotation of a value that was read, null aside."""
    if schema.name:
        return schema.name
    if schema.kind == "array":
        return f"list[{_element(schema.items)}]"
    if schema.kind == "object":
        return f"dict[str, {_values(schema)}]"
    if schema.format in ("date-time", "instant"):
        return "dt.datetime"
    return _SCALARS.get(schema.kind or "", "Any")


def _values(schema: SchemaRecord) -> str:
    inner = schema.additional_properties
    return _element(inner) if isinstance(inner, SchemaRecord) else "Any"


def _element(schema: SchemaRecord | None) -> str:
    kind = attribute_type(schema) if schema else "Any"
    return f"{kind} | None" if schema and schema.nullable else kind


def argument_type(schema: SchemaRecord, schemas: Schemas) -> str:
    """Return the annotation of an argument that becomes this value."""
    if schema.name:
        return _given_type(schema.name, schemas)
    if schema.kind == "array":
        return f"Sequence[{argument_type(schema.items or SchemaRecord(), schemas)}]"
    if schema.kind == "object":
        inner = schema.additional_properties
        return f"Mapping[str, {argument_type(inner, schemas) if isinstance(inner, SchemaRecord) else 'Any'}]"
    if schema.format in _TIMES:
        return f"{_TIMES[schema.format]} | str"
    return _SCALARS.get(schema.kind or "", "Any")


def _given_type(name: str, schemas: Schemas) -> str:
    if is_word(schemas[name]):
        return f"{name} | str"
    geo = " | HasGeoInterface" if is_geojson(schemas[name]) else ""
    return f"{name} | Mapping[str, Any]{geo}"
