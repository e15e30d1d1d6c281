"""Compilation of the function that reads one class, member after member: straight code takes half the time of a loop
over hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..drift import drift_now
from ..open_enum import OpenEnum
from .scalars import Misfit, read_any, read_flag, read_id, read_number, read_text, read_whole

__all__ = ["Hook", "ReadMember", "WordReader", "compile_reader"]

Hook = Callable[[Any, Any], Any]
"""Reads a value, given its announced type; raises for one that does not fit."""

_TAKEN: dict[Any, str] = {
    read_any: "True",
    read_text: "type(value) is str",
    read_id: "type(value) is str",
    read_flag: "type(value) is bool",
    read_whole: "type(value) is int",
    read_number: "type(value) is int or type(value) is float and value - value == 0",  # neither NaN nor infinite
}
"""When a value is taken as it is, without a call of its hook."""


class WordReader:
    """Hook of the words of one member; unlisted ones are counted as drift.

    Args:
        kind: class of the words.
        place: class and name of the member.
    """

    def __init__(self, kind: type[OpenEnum], place: str) -> None:
        self._kind, self._place = kind, place
        self.listed: dict[str, OpenEnum] = {str(word): word for word in kind.words()}

    def __call__(self, value: Any, _: object) -> OpenEnum:
        word = self._kind(read_text(value))
        if word and not word.known and (drift := drift_now.get()) is not None:
            drift.note_word(f"{self._place}={word}")
        return word


class ReadMember(NamedTuple):
    """A member of a model, as it is read from JSON.

    Attributes:
        name: the attribute.
        wire: its name in JSON.
        hook: reads values; None for a member that JSON does not have.
        kind: announced type.
        default: value of an absent member, as a literal.
        required: whether every answer has it.
    """

    name: str
    wire: str
    hook: Hook | None
    kind: Any
    default: str
    required: bool


def compile_reader(
    model: type[Any],
    members: Sequence[ReadMember],
    *,
    odd: Callable[[Any, str, Any, Exception, Any], None],
    unknown: Callable[[Any, dict[str, Any]], None],
    missing: Callable[[str], None],
    lift: Callable[[dict[str, Any]], dict[str, Any]] | None,
    fill: Callable[[Any], None] | None,
) -> Callable[[Any], Any]:
    """Compile a function that makes an object of the model from a JSON object; null counts as absent.

    The function raises `Misfit` for a value that is no object.

    Args:
        odd: sets an attribute whose hook raised, given the object, the name in JSON, the value, the exception, and the
            default.
        unknown: keeps members that the model does not have, given the object and the JSON object.
        missing: reports a required member that is absent, given its name in JSON.
        lift: returns the JSON object with members lifted out of the objects that hold them; None for none.
        fill: fills members of inner rows from the object; None for none.
    """
    names: dict[str, Any] = {
        "model": model,
        "odd": odd,
        "unknown": unknown,
        "missing": missing,
        "lift": lift,
        "fill": fill,
    }
    names |= {"Misfit": Misfit, "known": dict.fromkeys(member.wire for member in members if member.hook).keys()}
    lines = [
        "def read(raw):",
        " if not isinstance(raw, dict): raise Misfit",
        " raw = lift(raw)" if lift else "",
        " instance, get = model.__new__(model), raw.get",
        " instance.extra = {}",
    ]
    for number, member in enumerate(members):
        lines += _member_lines(str(number), member, names)
    lines += [
        " if not raw.keys() <= known: unknown(instance, raw)",
        " fill(instance)" if fill else "",
        " return instance",
    ]
    exec(compile("\n".join(lines), f"<reader of {model.__name__}>", "exec"), names)  # noqa: S102 - names of our classes
    read: Callable[[Any], Any] = names["read"]
    return read


def _member_lines(number: str, member: ReadMember, names: dict[str, Any]) -> list[str]:
    """Return the lines that set one attribute, and add what they use to `names`."""
    name, wire, hook, kind, default, required = member
    if hook is None:
        return [f" instance.{name} = {default}"]
    names |= {f"hook{number}": hook, f"kind{number}": kind}
    read = f"hook{number}(value, kind{number})"
    if hook in _TAKEN:
        read = f"value if {_TAKEN[hook]} else {read}"
    elif isinstance(hook, WordReader):
        names[f"word{number}"] = hook.listed.get
        read = f"word{number}(value) or {read}"
    return [
        f" value = get({wire!r})",
        f" if value is None: instance.{name} = {default}" + (f"; missing({wire!r})" if required else ""),
        " else:",
        f"  try: instance.{name} = {read}",
        f"  except Exception as error: odd(instance, {wire!r}, value, error, {default})",
    ]
