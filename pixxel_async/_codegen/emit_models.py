"""Generate the modules of `models/` from schemas."""

from __future__ import annotations

from collections.abc import Mapping

from .layout import modules, read_schemas
from .names import attribute, constant
from .records import Document, SchemaRecord
from .text import HEADER, docstring, lazy_init, module, sentence, with_words
from .types import argument_type, attribute_type, is_geojson, is_word

_OFFERS = {
    "dt": "import datetime as dt",
    "Mapping": "collections.abc",
    "Sequence": "collections.abc",
    "Any": "typing",
    **dict.fromkeys(
        (
            "GeoModel",
            "HasGeoInterface",
            "Model",
            "OpenEnum",
            "member",
            "model",
            "word",
        ),
        ".._http.codec.model",
    ),
    **dict.fromkeys(("GeometryLike", "feature_collection"), ".._http.codec.geometry"),
}


def model_files(document: Document) -> dict[str, str]:
    """Return the files of `models/`, unformatted, by name."""
    homes = modules(document)
    files = {f"{home}.py": _emit_module(document, home, homes) for home in sorted(set(homes.values()))}
    return {**files, "__init__.py": _init(homes)}


def _emit_module(document: Document, home: str, homes: Mapping[str, str]) -> str:
    schemas = document.components.schemas
    own = [name for name in schemas if homes.get(name) == home]
    own.sort(key=lambda name: not is_word(schemas[name]))  # from its vocabulary down; else in the given order
    read = read_schemas(document)
    code = "\n\n\n".join(
        _emit_words(name, schemas[name]) if is_word(schemas[name]) else _Class(document, name, name in read).text()
        for name in own
    )
    offers = _OFFERS | {name: f".{module_name}" for name, module_name in homes.items() if module_name != home}
    return module(f"Models and open words: {home}.", f"__all__ = {sorted(own)!r}\n\n\n{code}\n", offers)


def _emit_words(name: str, schema: SchemaRecord) -> str:
    lines = [f"class {name}(OpenEnum):", docstring(schema.description or f"Words of {name}.", 4), ""]
    for text, meaning in schema.x_values.items():
        lines.append(f"    {constant(text)} = word({text!r})")
        if meaning:
            lines.append(docstring(sentence(meaning), 4))
    return "\n".join(lines)


class _Class:
    """Generate one class; `read` is whether the API sends such objects."""

    def __init__(self, document: Document, name: str, read: bool) -> None:
        self._document, self._name, self._read = document, name, read
        self._schemas = document.components.schemas
        self._schema = self._schemas[name]

    def text(self) -> str:
        """Return the class with its members."""
        base = "GeoModel" if is_geojson(self._schema) else "Model"
        about = self._schema.description or f"{self._name}."
        note = [sentence(self._schema.x_note)] if self._schema.x_note else []
        head = ["@model", f"class {self._name}({base}):", docstring(about, 4, {"Note": note}), ""]
        members = [self._emit_member(*each) for each in self._schema.properties.items()]
        return "\n".join([*head, *members, *self._emit_lent_members()])

    def _emit_member(self, wire: str, schema: SchemaRecord, within: str = "") -> str:
        if schema.properties:
            return "\n".join(self._emit_member(*each, wire) for each in schema.properties.items())
        name, facts = attribute(wire), self._facts(wire, schema)
        if within:
            facts["within"] = repr(within)
        if facts.keys() == {"default"}:
            value = f" = {facts['default']}"
        else:
            value = f" = member({', '.join(f'{k}={v}' for k, v in facts.items())})" if facts else ""
        description = schema.description or ""
        description = description if self._read else with_words(description, schema, self._schemas)
        about = f"\n{docstring(sentence(description), 4)}" if description else ""
        return f"    {name}: {self._emit_annotation(wire, schema)}{value}{about}"

    def _emit_annotation(self, wire: str, schema: SchemaRecord) -> str:
        if self._facts(wire, schema).get("write") == "feature_collection":
            return f"{schema.name} | GeometryLike"
        kind = attribute_type(schema) if self._read else argument_type(schema, self._schemas)
        kind = "str" if schema.const is not None else kind
        optional = self._emit_default(wire, schema) == {"default": "None"} and kind != "Any"
        return f"{kind} | None" if optional else kind

    def _facts(self, wire: str, schema: SchemaRecord) -> dict[str, str]:
        """Return the arguments of `member` as code."""
        facts = self._emit_default(wire, schema)
        if attribute(wire) != wire:
            facts["wire"] = repr(wire)
        if schema.const is not None:
            facts["keep"] = "True"
        if schema.x_secret:
            facts["secret"] = "True"  # noqa: S105 - a word of our own
        if schema.x_lazy:
            facts["lazy"] = "True"
        if "features" in (self._schemas[schema.name].properties if schema.name else ()):
            facts["write"] = "feature_collection"
        if lends := self._find_lent(wire):
            facts["lends"] = repr(lends)
        return facts

    def _emit_default(self, wire: str, schema: SchemaRecord) -> dict[str, str]:
        if not self._read and wire in self._schema.required:
            return {}
        if schema.const is not None:
            return {"default": repr(schema.const)}
        if self._read and wire in self._schema.required:
            return {"default": '""', "required": "True"}
        if self._read and schema.kind in ("array", "object"):
            return {"factory": "list" if schema.kind == "array" else "dict"}
        return {"default": "None"}

    def _find_lent(self, wire: str) -> dict[str, str]:
        path = f"{self._name}.{wire}"
        return {
            attribute(name): attribute(lent.member)
            for schema in self._schemas.values()
            for name, lent in schema.x_lent.items()
            if lent.from_ == path
        }

    def _emit_lent_members(self) -> list[str]:
        return [
            f'    {name}: str = member(default="", lent=True)\n'
            + docstring(f"`{lent.member}` of the {lent.from_.partition('.')[0]} that holds this; not in JSON.", 4)
            for name, lent in self._schema.x_lent.items()
        ]


def _init(homes: Mapping[str, str]) -> str:
    title = '"""What the API sends and takes: classes and open words, loaded at first use."""'
    return f"{HEADER}{title}\n\n{lazy_init(homes)}"
