"""Rows between a plug-in and the engine: as mappings one after the other, or as one file. Memory stays bounded.

What a plug-in gives has the values of JSON; dates, times and UUIDs stand as their texts, decimals too, and a `schema`
gives them their types, as for an API's answers.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from firn_runtime.cancel import current
from firn_runtime.connectors.files.formats import format_of
from firn_runtime.connectors.files.scan import relation as file_relation
from firn_runtime.connectors.files.writing import write_file
from firn_runtime.connectors.rest.records import record_rows
from firn_runtime.connectors.rest.types import Types
from firn_runtime.connectors.values.projection import engine_types, projected
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal
from firn_runtime.plugins.outcome import asked
from firn_schemas.steps.data import ReadInputs, WriteInputs

Given = Iterable[Mapping[str, Any]] | Path
"""What a plug-in gives: rows, or a file of rows in the folder that it was lent, its format said by its ending."""

_AT_A_TIME = 1000
_FILE = "plugin-rows.ndjson"
_AS_TEXT = ("DECIMAL", "HUGEINT", "UHUGEINT")
"""Numbers that JSON's readers would round."""


def taken(plugin: str, what: str, given: Any, inputs: ReadInputs, session: Session, folder: Path) -> Relation:
    """Return what a plug-in gave as rows to come; raise ConnectorError."""
    if isinstance(given, Path):
        root, file = Path(folder).resolve(), (folder / given).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            help = "a plug-in leaves it in `context.scratch`"
            raise ConnectorError("process", f"the plug-in `{plugin}` gave a file from {what} that is not there", help)
        name = str(file.relative_to(root))
        return file_relation(session, root, [name], ReadInputs(**vars(inputs) | {"path": name}), "auto")
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConnectorError("process", f"the plug-in `{plugin}` gave neither rows nor a file from {what}")
    return _spooled(plugin, what, given, inputs, session, folder)


def _spooled(
    plugin: str, what: str, rows: Iterable[Any], inputs: ReadInputs, session: Session, folder: Path
) -> Relation:
    types = Types(engine_types(session, inputs.schema or {}), inputs.columns)
    longest, file = 0, folder / _FILE
    with file.open("wb") as spool:
        for piece in _pieces(plugin, what, rows):
            lines = [_line(plugin, row) for row in piece]
            longest = max(longest, *map(len, lines))
            together = b"".join(lines)
            types.see(together)
            spool.write(together)
    if not types.columns():
        help = "say them with `schema:`"
        raise ConnectorError("data", f"the plug-in `{plugin}` gave no rows, so their columns are unknown", help)
    return Relation(projected(record_rows(file, longest, types), inputs.columns))


def _pieces(plugin: str, what: str, rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the rows in lists; the plug-in's own code runs in here alone."""
    iterator = asked(plugin, what, lambda: iter(rows))
    while piece := asked(plugin, what, lambda: list(islice(iterator, _AT_A_TIME))):
        current().check()
        yield piece


def _line(plugin: str, row: Any) -> bytes:
    if isinstance(row, Mapping):
        try:
            return orjson.dumps(dict(row), default=_text, option=orjson.OPT_APPEND_NEWLINE)
        except (TypeError, ValueError):
            pass
    help = "a row maps names to what JSON has, dates, times and decimals; integers beyond 64 bits are text"
    raise ConnectorError("data", f"the plug-in `{plugin}` gave a row that is none", help) from None


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def handed(session: Session, dataset: str, file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a dataset as mappings of JSON values; decimals and large integers are text."""
    columns = ", ".join(
        f"{identifier(name)}::varchar as {identifier(name)}" if kind.startswith(_AS_TEXT) else identifier(name)
        for name, kind in session.columns(dataset).items()
    )
    options = "FORMAT json, ARRAY false, COMPRESSION uncompressed"
    session.execute(f"COPY (SELECT {columns} FROM {identifier(dataset)}) TO {literal(str(file))} ({options})")
    with file.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def handed_file(session: Session, dataset: str, file: Path) -> int:
    """Write a dataset to a file, in the format of its ending; return the number of its rows."""
    inputs = WriteInputs(from_=dataset, resource="", mode="replace", path=file.name)
    return write_file(session, inputs, format_of(file.name, inputs, "auto"), file.name, file)
