"""The `export` step: a dataset as a CSV file for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import uuid4

from firn_runtime.connector import Writable
from firn_runtime.engine import Session, identifier, literal
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import dataset_result, lent, naming_stream
from firn_schemas.steps.data import FormatOptions, WriteInputs
from firn_schemas.steps.exports import ExportInputs

_FORMULA = r"""^[\s"\x{A0}\x{FEFF}]*[=+\-@\t\r\n\x{0}＝＋－＠]"""  # the signs in full width too
"""Beginnings that a spreadsheet may take for a formula (OWASP, CSV Injection; ASVS 1.2.10), also after what some of
them leave out: spaces and quotes."""
_PLAIN = ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "UUID", "FLOAT", "DOUBLE", "DECIMAL")
"""Types whose values are no texts, by how they begin; whole numbers end with INT or INTEGER."""


def export(inputs: ExportInputs, context: StepContext) -> StepResult:
    """Publish the dataset as a CSV file in one atomic act."""
    target = cast(Writable, context.resource(inputs.resource))
    kinds = context.session.columns(inputs.from_)
    chosen = [_spelled(name, kinds) for name in inputs.columns] if inputs.columns is not None else list(kinds)
    guarded = inputs.formula_guard
    cells = guarded_cells(context.session, kinds, chosen) if guarded else [identifier(name) for name in chosen]
    with naming_stream(context.session, inputs.from_), viewed(context.session, inputs.from_, cells) as view:
        write = WriteInputs(
            from_=view,
            resource=inputs.resource,
            path=inputs.path,
            mode="replace",
            format="csv",
            format_options=inputs.format_options or FormatOptions(),
        )
        written = target.write(write, lent(context))
        return dataset_result(context.session, view, written.rows, written.bytes)


@contextmanager
def viewed(session: Session, dataset: str, cells: list[str]) -> Iterator[str]:
    """Lend the name of a view over a dataset; the dataset is scanned when the view is, once."""
    view = f"export_{uuid4().hex}"
    session.execute(f"CREATE TEMP VIEW {view} AS SELECT {', '.join(cells)} FROM {identifier(dataset)}")
    try:
        yield view
    finally:
        session.execute(f"DROP VIEW {view}")


def guarded_cells(session: Session, kinds: dict[str, str], chosen: list[str]) -> list[str]:
    """Return columns whose texts and names begin with `'` where they would look like a formula."""
    sql = f"SELECT {_guarded('name')} FROM (SELECT unnest($names) AS name)"
    names = [str(row[0]) for row in session.execute(sql, {"names": chosen})]
    values = [_guarded(identifier(one)) if _is_text(kinds[one]) else identifier(one) for one in chosen]
    return [f"{value} AS {identifier(name)}" for value, name in zip(values, names, strict=True)]


def _guarded(text: str) -> str:
    text = f"CAST({text} AS VARCHAR)"
    return f"CASE WHEN regexp_matches({text}, {literal(_FORMULA)}) THEN '''' || {text} ELSE {text} END"


def _is_text(kind: str) -> bool:
    return (not kind.startswith(_PLAIN) and not kind.endswith(("INT", "INTEGER"))) or kind.endswith("]")


def _spelled(name: str, kinds: dict[str, str]) -> str:
    """Return a column's name as the dataset spells it."""
    found = next((column for column in kinds if column.lower() == name.lower()), None)
    if found is None:
        listed = ", ".join(f"`{column}`" for column in list(kinds)[:12])
        raise ConnectorError("data", f"there is no column `{name}`", f"there are {listed}")
    return found
