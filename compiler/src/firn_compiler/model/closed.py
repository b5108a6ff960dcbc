"""Records as checks: closed keys and exact types. A fault has its path and what was expected there, never a value.

Written out here because a library's validators cost more to import and to build than all that they check in a compile.
"""

import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union

from firn_compiler.document import Deferred, Path
from firn_compiler.model.names import TEXTS
from firn_schemas.base import doc, record
from firn_schemas.decode import hints, spelling, tag
from firn_schemas.form import Form
from firn_schemas.secret import Secret


class Fault(NamedTuple):
    """One thing that does not fit."""

    kind: Literal["unknown", "missing", "type", "key", "rule", "bound", "word", "tag", "untagged"]
    path: Path
    """Below the record's mapping; of a missing key, where it should stand."""
    expected: str = ""
    """What the value must be, in the words of the messages."""
    words: tuple[str, ...] = ()
    """The words that may stand there."""
    chosen_by: str = ""
    """The key that tells the members of a union apart."""


Faults = Sequence[Fault]
Check = Callable[[Any], Faults]
"""Returns what is wrong with a value; paths begin at it."""
FITS: Faults = ()


@record
class SecretReference:
    """A reference to a secret; its value is fetched at run time."""

    secret_ref: str = doc("The secret's name.", examples=["shop-db"])
    key: str | None = doc("One key of a secret that has several.", default=None, examples=["password"])


def alternatives(kind: Any) -> list[Any]:
    """Return the types that a type is one of; a secret is written as a reference to it."""
    several = typing.get_args(kind) if typing.get_origin(kind) in (UnionType, Union) else [kind]
    return [SecretReference if one is Secret else one for one in several]


def faults(of: Any, value: Any) -> Faults:
    """Return what of a value does not fit a record; aliases are not known, they are spelled out before the check."""
    if not isinstance(value, dict):
        return [Fault("type", (), "a mapping")]
    members = _members(of)
    found: list[Fault] = []
    for key, (words, check) in members.items():
        if key in value:
            found += _below(key, check(value[key]))
        elif words is not None:
            found.append(Fault("missing", (key,), words=words))
    return [*found, *(Fault("unknown", (key,)) for key in value if key not in members)]


@cache
def _members(of: Any) -> dict[str, tuple[tuple[str, ...] | None, Check]]:
    """Return a record's keys, each with its check, and where it is required with the words that it may be, if any."""
    kinds = hints(of)
    return {
        spelling(field): (
            _words(kinds[field.name]) if field.default is MISSING and field.default_factory is MISSING else None,
            _check(kinds[field.name], _Rules(*(field.metadata[key] for key in _Rules._fields))),
        )
        for field in fields(of)
    }


def _words(kind: Any) -> tuple[str, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


def _below(part: str | int, found: Faults) -> Faults:
    return [one._replace(path=(part, *one.path)) for one in found] if found else found


class _Rules(NamedTuple):
    """What a field asks of its value beyond the type."""

    minimum: float | None = None
    maximum: float | None = None
    form: Form | None = None


NO_RULES = _Rules()


def _check(kind: Any, rules: _Rules = NO_RULES) -> Check:
    """Return the check of a type; a value that is known only at run time may stand where a plain one does."""
    if kind is Secret:
        return partial(faults, SecretReference)
    if is_dataclass(kind):
        return partial(faults, kind)
    if kind in TEXTS:
        return partial(_text, TEXTS[kind])
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (UnionType, Union):
        return _union(arguments, rules)
    if origin is Literal:
        return partial(_word, arguments)
    if origin is list:
        return partial(_list, _check(arguments[0], _Rules(form=rules.form)))
    if origin is dict:
        return partial(_dict, _check(arguments[0]), _check(arguments[1]))
    if kind is Any:
        return lambda _: FITS
    if kind is str and rules.form is not None:
        return partial(_text, rules.form)
    return partial(_number, *_PLAIN[kind], rules) if kind in (int, float) else partial(_plain, *_PLAIN[kind])


_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "an integer"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    NoneType: ((NoneType,), "null"),
}
"""Plain types: what a value must be exactly, and what that is called."""


def _plain(types: tuple[type, ...], called: str, value: Any) -> Faults:
    return FITS if type(value) in types or type(value) is Deferred else [Fault("type", (), called)]


def _number(types: tuple[type, ...], called: str, rules: _Rules, value: Any) -> Faults:
    if type(value) not in types:
        return _plain(types, called, value)
    least, most = rules.minimum, rules.maximum
    if least is not None and value < least:
        return [Fault("bound", (), f"must be at least {least:.15g}")]
    if most is not None and value > most:
        return [Fault("bound", (), f"must be at most {most:.15g}")]
    return FITS


def _text(form: Form, value: Any) -> Faults:
    if type(value) is not str:
        return FITS if type(value) is Deferred else [Fault("type", (), "text")]
    return FITS if form.fits(value) else [Fault("rule", (), form.rule)]


def _word(words: tuple[str, ...], value: Any) -> Faults:
    """Check one of some words; the one word that tells records apart cannot be left to the run."""
    if value in words or (type(value) is Deferred and len(words) > 1):
        return FITS
    return [Fault("word", (), words=words)]


def _list(check: Check, value: Any) -> Faults:
    if type(value) is not list:
        return FITS if type(value) is Deferred else [Fault("type", (), "a list")]
    return [fault for at, item in enumerate(value) for fault in _below(at, check(item))]


def _dict(of_keys: Check, of_values: Check, value: Any) -> Faults:
    if type(value) is not dict:
        return FITS if type(value) is Deferred else [Fault("type", (), "a mapping")]
    return [fault for key, item in value.items() for fault in _below(key, [*_of_a_key(of_keys(key)), *of_values(item)])]


def _of_a_key(found: Faults) -> Faults:
    return [one._replace(kind="key") for one in found] if found else found


def _union(kinds: Iterable[Any], rules: _Rules) -> Check:
    """Return the check of a union; records in it are told apart by the word of one key."""
    kinds = list(kinds)
    tagged = {found[1]: kind for kind in kinds if (found := tag(kind))}
    rest = [kind for kind in kinds if not tag(kind) and kind is not NoneType]
    checks = [_check(kind, rules) for kind in rest]
    if tagged:
        chosen_by = next(found[0] for kind in kinds if (found := tag(kind)))
        checks.insert(0, partial(_tagged, chosen_by, tagged))
    return partial(_any, checks, NoneType in kinds)


def _any(checks: list[Check], nothing: bool, value: Any) -> Faults:
    """Return nothing where one check passes, else what all of them say."""
    found: list[Fault] = []
    for check in checks if value is not None or not nothing else ():
        wrong = check(value)
        if not wrong:
            return FITS
        found += wrong
    return found


def _tagged(chosen_by: str, records: dict[str, type], value: Any) -> Faults:
    if not isinstance(value, dict):
        return [Fault("type", (), "a mapping")]
    if chosen_by not in value:
        return [Fault("untagged", (), words=tuple(records), chosen_by=chosen_by)]
    word = value[chosen_by]
    if not isinstance(word, str) or word not in records:
        return [Fault("tag", (), words=tuple(records), chosen_by=chosen_by)]
    return faults(records[word], value)
