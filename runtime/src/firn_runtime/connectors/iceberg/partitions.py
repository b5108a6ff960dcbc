"""How rows find their partition: the transforms of the Iceberg specification as SQL, and as what manifests hold."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.table import Part, Spec
from firn_runtime.connectors.iceberg.types import Field
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_schemas.base import Json

_DAY = "DATE '1970-01-01'"
_PLAIN: Mapping[str, tuple[str, Json]] = {
    "boolean": ("{0}", "boolean"),
    "date": (f"{{0}} - {_DAY}", {"type": "int", "logicalType": "date"}),
    "int": ("{0}", "int"),
    "long": ("{0}", "long"),
    "string": ("{0}", "string"),
}
"""Of each type that files are partitioned by as it is: SQL, and the types in Avro of a partition."""
_OF_TIME: Mapping[str, str] = {
    "day": f"CAST({{0}} AS DATE) - {_DAY}",
    "hour": "date_diff('hour', TIMESTAMP '1970-01-01', {0})",
    "month": f"date_diff('month', {_DAY}, {{0}})",
    "year": f"date_diff('year', {_DAY}, {{0}})",
}
_MOMENTS = {"date": "{0}", "timestamp": "{0}", "timestamptz": "make_timestamp(epoch_us({0}))"}
_TRUNCATED: Mapping[str, str] = {
    "int": "{0} - (({0} % {1}) + {1}) % {1}",
    "long": "{0} - (({0} % {1}) + {1}) % {1}",
    "string": "left({0}, {1})",
}


class Value(NamedTuple):
    """A field of a partition."""

    part: Part
    sql: str
    avro: Json


def values(spec: Spec, fields: Sequence[Field], filled: Mapping[int, str]) -> Sequence[Value]:
    """Return what a row's partition is made of; raise ConnectorError where this version cannot tell.

    `filled` are names in the written files, by the columns' ids; a column that is not written is NULL.
    """
    known = {one.id: one for one in fields}
    return [_value(part, known.get(part.source), filled) for part in spec.parts]


def _value(part: Part, field: Field | None, filled: Mapping[int, str]) -> Value:
    kind = field.type if field is not None and isinstance(field.type, str) else ""
    column = identifier(filled[part.source]) if part.source in filled else "NULL"
    cut = re.fullmatch(r"truncate\[(\d{1,9})\]", part.transform)
    if part.transform == "void":
        return Value(part, "NULL", _PLAIN.get(kind, ("", "string"))[1])
    if part.transform == "identity" and kind in _PLAIN:
        sql, avro = _PLAIN[kind]
        return Value(part, sql.format(column), avro)
    if part.transform in _OF_TIME and kind in _MOMENTS and (part.transform, kind) != ("hour", "date"):
        moment = f"CAST({column} AS {_ENGINE[kind]})" if column == "NULL" else column
        avro = {"type": "int", "logicalType": "date"} if part.transform == "day" else "int"
        return Value(part, _OF_TIME[part.transform].format(_MOMENTS[kind].format(moment)), avro)
    if cut and int(cut[1]) and kind in _TRUNCATED:
        return Value(part, _TRUNCATED[kind].format(column, int(cut[1])), kind)
    name = shown(field.name if field is not None else part.name)
    said = f"the table is partitioned by `{shown(part.transform)}` of `{name}`, which this version does not write"
    raise ConnectorError("data", said, "write it by an engine that does, or change the table's partition spec")


_ENGINE = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE"}


def avro_record(found: Sequence[Value]) -> Json:
    """Return the Avro schema of a partition."""
    listed: list[Json] = [
        {"name": _name(one.part.name), "type": ["null", one.avro], "default": None, "field-id": one.part.id}
        for one in found
    ]
    return {"type": "record", "name": "r102", "fields": listed}


def _name(text: str) -> str:
    """Return a name that Avro takes (Iceberg, appendix A: what is no letter or digit becomes `_x` and its code)."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one == "_") else f"_x{ord(one):X}" for one in text)
    return f"_{plain}" if plain[:1].isdigit() else plain
