"""What `columns` and `schema` make of a source's rows, the same for every connector."""

import re
from collections.abc import Collection, Iterable, Mapping

from firn_runtime.connectors.values.strict_cast import strict_cast
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?: [A-Za-z]+)*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\[\d*\])*\Z")

_HELP = "`schema` gives types to columns that the source has"


def sql_type(name: str, text: str) -> str:
    """Return a SQL type as it stands in a `schema`; raise ConnectorError for anything that is not one."""
    if not _TYPE.match(text.strip()):
        raise ConnectorError("data", f"the type of the column `{name}` is not a SQL type", "such as `decimal(18,2)`")
    return text.strip()


def projected(source: str, columns: Iterable[str] | None, values: Mapping[str, str] | None = None) -> str:
    """Return a SELECT over `source` with only `columns`, in their order; `values` is the SQL of those that change.

    All are listed then: with `* REPLACE`, the engine takes time by the square of their number.
    """
    if columns is None:
        return f"SELECT * FROM {source}"
    made = {name: f"{value} AS {identifier(name)}" for name, value in (values or {}).items()}
    return f"SELECT {', '.join(made.get(name, identifier(name)) for name in columns)} FROM {source}"


def retyped(
    session: Session, source: Relation, columns: list[str] | None, schema: Mapping[str, str] | None
) -> Relation:
    """Return the rows of `source`, a table or a SELECT in brackets, with only `columns` and of the types of `schema`.

    Raises ConnectorError for a column that is not there, and a type that is none. A value that the type does not hold
    is an error when it is read; see strict_cast.
    """
    if not schema:
        return source._replace(sql=projected(source.sql, columns))
    found = session.described(source._replace(sql=f"from {source.sql}"))
    own = {name.lower(): kind for name, kind in found.items()}
    kinds = engine_types(session, schema)
    if columns is not None:  # which name the columns, whatever case `schema` spells them in
        told = {name.lower(): kind for name, kind in kinds.items()}
        kinds = {name: told[name.lower()] for name in columns if name.lower() in told}
    values: dict[str, str] = {}
    for name, kind in kinds.items():
        if name.lower() not in own:
            raise ConnectorError("data", f"`schema` names the column `{name}`, which is not there", _HELP)
        value = strict_cast(name, own[name.lower()], kind)
        values |= {name: value} if value != identifier(name) else {}
    if values and columns is None:
        spelt = {name.lower(): name for name in values}
        columns = [spelt.get(name.lower(), name) for name in found]
    return source._replace(sql=projected(source.sql, columns, values))


def engine_types(session: Session, schema: Mapping[str, str]) -> dict[str, str]:
    """Return the types of a `schema` as the engine names them."""
    if not schema:
        return {}
    nulls = ", ".join(f"CAST(NULL AS {sql_type(name, text)})" for name, text in schema.items())
    made = ", ".join(f"c{number}" for number in range(len(schema)))
    kinds = session.described(Relation(f"SELECT * FROM (SELECT {nulls}) AS t({made})"))
    return dict(zip(schema, kinds.values(), strict=True))


def refuse_other_case(schema: Iterable[str], keys: Collection[str]) -> None:
    """Raise ConnectorError where a column of a `schema` is among the keys of JSON records in another case alone.

    Keys mind case, and may be absent: the column would be NULL in every row, without a word.
    """
    absent = {name.lower(): name for name in schema if name not in keys}
    for key in sorted(keys):
        if name := absent.get(key.lower()):
            said = f"the records have a key `{key}` and none `{name}`, as `schema` spells it: every value would be NULL"
            raise ConnectorError("data", said, f"spell it `{key}` in `schema`; a `sql` step gives it another name")


def table_name(text: str, default_schema: str = "main") -> tuple[str, str]:
    """Return schema and table of `table` or `schema.table`, unquoted."""
    schema, dot, table = text.rpartition(".")
    if not table or (dot and not schema):
        raise ConnectorError("data", "`table` is a name, or `schema.name`")
    return (schema or default_schema), table
