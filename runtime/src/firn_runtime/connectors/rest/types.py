"""Which columns JSON records make, from all of them: JSON's own types, and nothing guessed from texts.

Records that fit what is known already are only checked, which costs a fraction of building them; those that do not are
looked at and widen it. So the types do not depend on which records come first, and never on how a text looks.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Any

import msgspec

from firn_runtime.connectors.values.projection import sql_type
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal

Shape = str | list[Any] | dict[str, Any]
"""The SQL type of a scalar, a list of the shape of the elements, or the shapes of an object's fields."""

NULL, BOOLEAN, BIGINT, HUGEINT, DOUBLE, VARCHAR, JSON = "NULL BOOLEAN BIGINT HUGEINT DOUBLE VARCHAR JSON".split()
_NUMBERS = (BIGINT, HUGEINT, DOUBLE)
"""From the narrowest to the widest."""
_MOST_FIELDS = 100
"""An object within a record that has more is a map by its nature: it stays JSON."""

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_DECODED: Mapping[str, Any] = {
    NULL: None,
    BOOLEAN: bool | None,
    BIGINT: _Int64 | None,
    HUGEINT: int | None,
    DOUBLE: float | None,
    VARCHAR: str | None,
    JSON: msgspec.Raw,
}
_GIVEN: Mapping[str, Any] = dict.fromkeys(
    "tinyint smallint integer int bigint hugeint utinyint usmallint uinteger ubigint uhugeint".split(), int | str | None
) | {"boolean": bool | str | None, "bool": bool | str | None}
"""What a `schema` takes for whole numbers and truth values: the engine would round a fraction, and take 2 for true."""

_RECORD = msgspec.json.Decoder(dict[str, Any])


_NO_OBJECT = "a record is not an object"


class Types:
    """The columns of records: those that a `schema` gives, and where it does not give all, those that are found."""

    def __init__(self, given: Mapping[str, str] | None, wanted: Iterable[str] | None) -> None:
        self._given = {name: sql_type(name, text) for name, text in (given or {}).items()}
        self._finds = not self._given or any(name not in self._given for name in wanted or ())
        self._found: dict[str, Any] = {}
        self._fits = self._decoder()

    def see(self, lines: bytes) -> None:
        """Take in records, each on a line; raise ConnectorError for what no column can hold."""
        try:
            self._fits.decode_lines(lines)
        except (msgspec.DecodeError, RecursionError) as error:
            wrong = _sentence(error)
        else:
            return
        if self._finds:
            self._widen(lines)
            wrong = ""
        if wrong:
            raise ConnectorError("data", f"a record does not fit the `schema`: {wrong}")

    def columns(self) -> dict[str, str]:
        """Return the SQL type of each column, in the order in which they were met."""
        found = {name: column_type(shape) for name, shape in self._found.items()}
        return found | self._given if self._finds else self._given

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
        if not self._finds:
            fields = {name: _GIVEN.get(text.lower(), msgspec.Raw) for name, text in self._given.items()}
            return msgspec.json.Decoder(_struct(fields, closed=False))
        fields = {name: _decoded(shape) for name, shape in self._found.items()}
        return msgspec.json.Decoder(_struct(fields | dict.fromkeys(self._given.keys() & fields, msgspec.Raw)))


def columns_literal(columns: Mapping[str, str]) -> str:
    """Return columns as the engine's JSON reader takes them."""
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items()) + "}"


def column_type(shape: Shape) -> str:
    """Return the SQL type of a shape; what is of several types, or always null, is JSON."""
    if isinstance(shape, list):
        return f"{column_type(shape[0])}[]"
    if isinstance(shape, str):
        return JSON if shape == NULL else shape
    if not shape or _stays_json(shape):
        return JSON
    return f"STRUCT({', '.join(f'{identifier(name)} {column_type(field)}' for name, field in shape.items())})"


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [reduce(_union, map(_shape, value), NULL)]
    if isinstance(value, int) and not isinstance(value, bool):
        return BIGINT if -(2**63) <= value < 2**63 else HUGEINT
    return {type(None): NULL, bool: BOOLEAN, float: DOUBLE, str: VARCHAR}[type(value)]


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
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
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


def _sentence(error: Exception) -> str:
    """Return where and what, of what msgspec says: it names types and places, and no values but unknown keys."""
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).lower()
