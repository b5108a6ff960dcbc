"""Which columns JSON records make, from all of them: JSON's own types, and nothing guessed from texts.

Records that fit what is known already are only checked, which costs a fraction of building them; those that do not are
looked at and widen it. So the types do not depend on which records come first, and never on how a text looks.
"""

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Any

import msgspec

from firn_runtime.connectors.values.lists import elements
from firn_runtime.connectors.values.projection import refuse_other_case
from firn_runtime.connectors.values.texts import WHOLE, exact_below
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier

Shape = str | list[Any] | dict[str, Any]
"""The SQL type of a scalar, a list of the shape of the elements, or the shapes of an object's fields."""

NULL, BOOLEAN, BIGINT, HUGEINT, DOUBLE, VARCHAR, JSON = "NULL BOOLEAN BIGINT HUGEINT DOUBLE VARCHAR JSON".split()
LONG, VAST = "LONG", "VAST"
"""A BIGINT and a HUGEINT of more digits than a DOUBLE has."""
_UNITED = {
    frozenset({BIGINT, LONG}): LONG,
    frozenset({BIGINT, HUGEINT}): HUGEINT,
    frozenset({BIGINT, DOUBLE}): DOUBLE,
    frozenset({HUGEINT, DOUBLE}): DOUBLE,
    **{frozenset({VAST, other}): VAST for other in (BIGINT, LONG, HUGEINT)},
    frozenset({LONG, HUGEINT}): VAST,
}
"""Numbers of two shapes, and the narrowest that holds both."""
_MOST_FIELDS = 100
"""An object within a record that has more is a map by its nature: it stays JSON."""

_NAMED = {NULL: JSON, LONG: BIGINT, VAST: HUGEINT}
"""The types of shapes that are none themselves."""

_Exact = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""What a double surely has; of what lies beyond, each is looked at."""
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_DECODED: Mapping[str, Any] = {
    NULL: None,
    BOOLEAN: bool | None,
    BIGINT: _Exact | None,
    LONG: _Int64 | None,
    HUGEINT: _Exact | None,
    VAST: int | None,
    DOUBLE: _Exact | float | None,
    VARCHAR: str | None,
    JSON: msgspec.Raw,
}
_GIVEN: Mapping[str, Any] = {**dict.fromkeys(WHOLE, int | str | None), BOOLEAN: bool | str | None}
"""What a `schema` takes for whole numbers and truth values: the engine would round a fraction, and take 2 for true."""

_OWN: Mapping[str, Any] = {
    BOOLEAN: bool | None,
    DOUBLE: float | None,
    **{
        kind: Annotated[int, msgspec.Meta(ge=-(2**bits), le=2**bits - 1)] | None
        for kind, bits in {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, BIGINT: 63}.items()
    },
}
"""What a type of the `schema` holds as it stands in JSON."""

_LIMIT, _IN_A_DOUBLE = re.compile(r"`float` [<>] \S+"), "a number of no more digits than a double has"
"""How msgspec says what a number in a column of decimals must be, and how we do."""

_RECORD = msgspec.json.Decoder(dict[str, Any])
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])


_NO_OBJECT = "a record is not an object"


class Types:
    """The columns of records: those that a `schema` gives, and where it does not give all, those that are found."""

    def __init__(self, given: Mapping[str, str], wanted: Iterable[str] | None) -> None:
        """`given` are the types of the `schema`, as the engine names them."""
        self.given = given
        self._finds = not self.given or any(name not in self.given for name in wanted or ())
        self._found: dict[str, Any] = {}
        self.own = frozenset(name for name, kind in given.items() if own_values(kind) is not None)
        """Those of the `schema` that have held nothing yet but JSON's own values of their types: no texts."""
        self._takes = self._checker()
        self._fits = self._decoder()
        self._has_seen = False

    def see(self, lines: bytes) -> None:
        """Take in records, each on a line; raise ConnectorError for what no column can hold."""
        if self.given and not self._has_seen and lines:
            self._has_seen = True
            refuse_other_case(self.given, _keys(lines))
        if self.given and _misfit(self._takes, lines):
            self._less_own(lines)
        if self._finds and _misfit(self._fits, lines):
            self._widen(lines)

    def columns(self) -> dict[str, str]:
        """Return the SQL type of each column, in the order in which they were met."""
        found = {name: column_type(shape) for name, shape in self._found.items()}
        return {**found, **self.given} if self._finds else dict(self.given)

    def _checker(self) -> Any:
        kinds = self.given.items()
        fields = {name: own_values(kind) if name in self.own else _taken(kind) for name, kind in kinds}
        return msgspec.json.Decoder(_struct(fields, closed=False))

    def _less_own(self, lines: bytes) -> None:
        alone = {name: _struct({name: own_values(self.given[name])}, closed=False) for name in self.own}
        self.own = frozenset(name for name, one in alone.items() if not _misfit(msgspec.json.Decoder(one), lines))
        self._takes = self._checker()
        if wrong := _misfit(self._takes, lines):
            raise ConnectorError("data", f"a record does not fit the `schema`: {wrong}")

    def _widen(self, lines: bytes) -> None:
        try:
            for line in lines.splitlines():
                self._found = _united(self._found, _shape(_RECORD.decode(line)))
        except msgspec.ValidationError as error:
            wrong = "a number is larger than a DOUBLE can be" if "range" in str(error) else _NO_OBJECT
        except msgspec.DecodeError:
            wrong = "a text in a record is not Unicode"
        except RecursionError:
            wrong = "a record is nested too deeply"
        else:
            wrong = _unusable(self._found)
        if wrong:
            help = "name the list with `records:`" if wrong == _NO_OBJECT else "say the columns to read with `schema:`"
            raise ConnectorError("data", wrong, help)
        self._fits = self._decoder()

    def _decoder(self) -> Any:
        fields = {name: _decoded(shape) for name, shape in self._found.items()}
        return msgspec.json.Decoder(_struct(fields | dict.fromkeys(self.given.keys() & fields, msgspec.Raw)))


def _keys(lines: bytes) -> set[str]:
    """Return the keys of records; none where one is no record, which is told of where the values are looked at."""
    try:
        return set().union(*_KEYS.decode_lines(lines))
    except (msgspec.DecodeError, RecursionError):
        return set()


def column_type(shape: Shape) -> str:
    """Return the SQL type of a shape; what is of several types, or always null, is JSON."""
    if isinstance(shape, list):
        return f"{column_type(shape[0])}[]"
    if isinstance(shape, str):
        return _NAMED.get(shape, shape)
    if not shape or _stays_json(shape):
        return JSON
    return f"STRUCT({', '.join(f'{identifier(name)} {column_type(field)}' for name, field in shape.items())})"


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [reduce(_union, map(_shape, value), NULL)]
    if isinstance(value, int) and not isinstance(value, bool):
        return _whole(value)
    return {type(None): NULL, bool: BOOLEAN, float: DOUBLE, str: VARCHAR}[type(value)]


def _whole(value: int) -> str:
    is_exact = value.bit_length() - (value & -value).bit_length() < 53
    if -(2**63) <= value < 2**63:
        return BIGINT if is_exact else LONG
    return HUGEINT if is_exact else VAST


def _union(one: Any, other: Any) -> Any:
    """Return the narrowest shape that holds both."""
    if one == other or other == NULL:
        return one
    if one == NULL:
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        return _united(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return [_union(one[0], other[0])]
    if isinstance(one, str) and isinstance(other, str):
        return _UNITED.get(frozenset({one, other}), JSON)
    return JSON


def _united(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: _union(one.get(name, NULL), other.get(name, NULL)) for name in one | other}


def _decoded(shape: Any) -> Any:
    """Return the type of what fits a shape."""
    if isinstance(shape, list):
        return list[_decoded(shape[0])] | None  # type: ignore[misc]  # made at run time, for msgspec
    if isinstance(shape, str):
        return _DECODED[shape]
    if _stays_json(shape):
        return msgspec.Raw
    return _struct({name: _decoded(field) for name, field in shape.items()}) | None


def own_values(kind: str) -> Any:
    """Return the type of JSON's values that the engine reads as this type without a change; None where it is unsure."""
    if kind in _OWN:
        return _OWN[kind]
    if not kind.startswith("DECIMAL") or kind.endswith("]"):
        return None
    limit = exact_below(kind) / 8
    return Annotated[float, msgspec.Meta(gt=-limit, lt=limit)] | None


def _taken(kind: str) -> Any:
    """Return the type of what a type of the `schema` takes."""
    element, depth = elements(kind)
    if not element.startswith("DECIMAL"):
        return _GIVEN.get(kind, msgspec.Raw)
    limit = exact_below(element)
    taken: Any = int | str | Annotated[float, msgspec.Meta(gt=-limit, lt=limit)] | None
    for _ in range(depth):
        taken = list[taken] | str | None
    return taken


def _struct(fields: Mapping[str, Any], *, closed: bool = True) -> Any:
    names = {f"f{number}": name for number, name in enumerate(fields)}
    made = [(own, kind, None) for own, kind in zip(names, fields.values(), strict=True)]
    return msgspec.defstruct("Record", made, rename=names, forbid_unknown_fields=closed, gc=False)


def _stays_json(shape: Mapping[str, Any]) -> bool:
    return len(shape) > _MOST_FIELDS or bool(_unusable(shape))


def _unusable(names: Iterable[str]) -> str:
    """Say which names cannot be columns of one table: SQL's have a letter, and no case."""
    known: dict[str, str] = {}
    for name in names:
        if not name or "\0" in name:
            return "a record has a key that cannot name a column: it is empty or holds a NUL"
        if known.setdefault(name.lower(), name) != name:
            return f"the records have keys that differ in case alone: `{known[name.lower()]}` and `{name}`"
    return ""


def _misfit(decoder: Any, lines: bytes) -> str:
    """Return what is wrong and where, of what msgspec says: it names types and places, and no values but unknown keys;
    nothing, if all is right."""
    try:
        decoder.decode_lines(lines)
    except RecursionError:
        return "it is nested too deeply"
    except msgspec.DecodeError as error:
        return _LIMIT.sub(_IN_A_DOUBLE, str(error).lower())
    return ""
