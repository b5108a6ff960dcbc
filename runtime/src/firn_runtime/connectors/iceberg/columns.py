"""How a dataset's columns become those of a table: which schema the table has afterwards, and what is selected."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.databases.schema_policy import TableColumn, Types, fitted
from firn_runtime.connectors.iceberg.table import Table
from firn_runtime.connectors.iceberg.types import Field, engine_type, is_written, table_type
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json
from firn_schemas.steps.data import WriteInputs


class Fitted(NamedTuple):
    """How a dataset goes into its table."""

    fields: Sequence[Field]
    """The table's columns afterwards."""
    filled: Mapping[str, Field]
    """Those that are written, by the dataset's names for them."""
    last_column: int
    anew: str = ""
    """Why the columns of the table are others afterwards."""


def schema_of(fields: Sequence[Field], id: int = 0) -> dict[str, Any]:
    """Return a schema as the specification spells it."""
    listed = [{"id": one.id, "name": one.name, "required": one.required, "type": one.type} for one in fields]
    return {"type": "struct", "schema-id": id, "fields": listed}


def new_fields(dataset: Mapping[str, str]) -> Sequence[Field]:
    """Return the columns of a table that is made for a dataset; raise ConnectorError for types that it cannot have."""
    return [Field(at, name, table_type(name, kind)) for at, (name, kind) in enumerate(dataset.items(), 1)]


def fit(inputs: WriteInputs, dataset: Mapping[str, str], table: Table) -> Fitted:
    """Return how a dataset goes into a table that is there; raise ConnectorError where it does not."""
    wanted = {name: table_type(name, kind) for name, kind in dataset.items()}
    columns = [_column(one) for one in table.fields]
    if len({one.name.lower() for one in columns}) != len(columns):
        raise ConnectorError("data", "the table has two columns of one name, but for its case")
    found = fitted(inputs, dataset, columns, "t", _TYPES)
    if found.anew:
        return _anew(table, wanted, found.anew)
    known = {one.name: one for one in table.fields}
    added = [name for name in found.names if name not in known]
    fresh = {name: Field(table.last_column + at, name, wanted[name]) for at, name in enumerate(added, 1)}
    filled = {name: (known | fresh)[other] for name, other in zip(dataset, found.names, strict=True)}
    for one in filled.values():
        if not is_written(one.type):
            raise ConnectorError("data", f"the column `{shown(one.name)}` is {one.type}, which is not written")
    return Fitted([*table.fields, *fresh.values()], filled, table.last_column + len(fresh))


def _anew(table: Table, wanted: Mapping[str, str], why: str) -> Fitted:
    """Give the table the dataset's columns alone. A column that stays is the same; one of another type is another."""
    same = {(one.name, _spelled(one.type)): one for one in table.fields if isinstance(one.type, str)}
    last, filled = table.last_column, dict[str, Field]()
    for name, kind in wanted.items():
        last += (name, kind) not in same
        filled[name] = same.get((name, kind)) or Field(last, name, kind)
    gone = {one.id for one in table.fields} - {one.id for one in filled.values()}
    for done, sources in (("partitioned", {part.source for part in table.spec.parts}), ("sorted", table.sorted_by)):
        if gone & sources:
            said = f"the columns of the table would change, and it is {done} by one of them: {why}"
            raise ConnectorError("data", said, "make the dataset's columns those of the table in a `sql` step before")
    return Fitted(list(filled.values()), filled, last, why)


def _column(field: Field) -> TableColumn:
    try:
        kind = engine_type(field.name, field.type)
    except ConnectorError:
        kind = ""
    return TableColumn(field.name, kind, _spelled(field.type), is_nullable=not field.required)


def _spelled(kind: Json) -> str:
    return ", ".join(one.strip() for one in kind.split(",")) if isinstance(kind, str) else str(_shape(kind))


def _shape(kind: Json) -> Json:
    return kind["type"] if isinstance(kind, dict) else kind


def _declared(kind: str) -> str:
    return table_type("", kind)


_TYPES = Types(declared=_declared, stored=lambda kind: engine_type("", _declared(kind)))
