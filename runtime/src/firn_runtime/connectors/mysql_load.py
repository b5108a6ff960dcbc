"""Rows of a dataset into a table of MySQL by INSERT: the engine spells the rows, the driver sends them in pieces.

LOAD DATA would take half the time, but servers refuse it by default, and it makes warnings of errors.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from firn_runtime.connector import WriteContext
from firn_runtime.connectors.mysql_server import Server
from firn_runtime.connectors.mysql_types import is_nested
from firn_runtime.connectors.pipe import piped
from firn_runtime.connectors.schema_policy import TableColumn
from firn_runtime.engine import identifier, literal

_PIECE = 1 << 20
"""Bytes of one INSERT, about."""
_OPTIONS = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
"""One column as it is, a line for each row."""
_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,\d+\)|DOUBLE)\Z")


def spelled_row(kinds: Mapping[str, str], columns: Sequence[TableColumn]) -> str:
    """Return the SQL by which the engine spells a row of these types for these columns of the table."""
    values = [_value(name, kind, column) for (name, kind), column in zip(kinds.items(), columns, strict=True)]
    listed = ", ',', ".join(values)
    return f"concat('(', {listed}, ')')"


def loaded(server: Server, into: str, row: str, dataset: str, context: WriteContext) -> int:
    """Add the rows of a dataset, each spelled by `row`; `into` names a table and its columns. Return their number.

    The dataset is read once, and the rows go straight to the server.
    """
    pipe = context.scratch / "rows.pipe"
    copy = f"COPY (SELECT {row} FROM {identifier(dataset)}) TO {literal(str(pipe))} ({_OPTIONS})"
    insert = f"insert into {into} values ".encode()
    with piped(pipe, lambda: context.session.execute(copy)) as blocks:
        return sum(server.changed(insert + rows) for rows in _pieces(blocks, min(_PIECE, server.packet // 4)))


def _pieces(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield whole rows, with commas between them."""
    kept: list[bytes] = []
    length = 0
    for block in blocks:
        kept.append(block)
        length += len(block)
        if length < size:
            continue
        whole, end, rest = b"".join(kept).rpartition(b"\n")
        if end:
            yield whole.replace(b"\n", b",")
        kept, length = [rest], len(rest)
    whole = b"".join(kept).rstrip(b"\n")
    if whole:
        yield whole.replace(b"\n", b",")


def _value(name: str, kind: str, column: TableColumn) -> str:
    """Return the SQL by which the engine spells a value as the server's literal, on one line."""
    spelled = _spelling(kind)(identifier(name))
    guard = _guard(kind, column, identifier(name))
    if guard:
        refused = literal(f"a value of the column `{name}` cannot be kept by the table's `{column.name}`")
        spelled = f"if({guard}, error({refused}), {spelled})"
    if column.is_nullable:
        return f"coalesce({spelled}, 'NULL')"
    missing = literal(f"the dataset has NULL in `{name}`, and the table's column `{column.name}` takes none")
    return f"coalesce({spelled}, error({missing}))"


def _guard(kind: str, column: TableColumn, name: str) -> str:
    """Return what is true of values that the server would change without a word."""
    if kind in ("FLOAT", "DOUBLE"):
        return f"not isfinite({name})"
    if column.declared.startswith("char("):
        return f"suffix({name}::varchar, ' ')"  # they are cut off when it is read
    return ""


def _spelling(kind: str) -> Callable[[str], str]:
    if _NUMBER.match(kind):
        return "{0}::varchar".format
    if is_nested(kind):
        return lambda name: _text(f"to_json({name})::varchar")
    return _SPELLINGS.get(kind, lambda name: _text(f"{name}::varchar"))


def _text(value: str) -> str:
    r"""Return a text between quotes, with what ends a text or a line escaped; the server's mode knows `\`.

    Most texts hold nothing of that, and are not copied three times.
    """
    ends = ("'\\'", "''''", "chr(10)")
    some = " or ".join(f"contains({value}, {end})" for end in ends)
    escaped = f"""replace(replace(replace({value}, '\\', '\\\\'), '''', ''''''), chr(10), '\\n')"""
    return f"""'''' || if({some}, {escaped}, {value}) || ''''"""


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "BLOB": "'x''' || hex({0}) || ''''".format,
    "BOOLEAN": "if({0} is null, null, if({0}, '1', '0'))".format,
    "DATE": "'''' || {0}::varchar || ''''".format,
    "FLOAT": "{0}::double::varchar".format,  # in full: the greatest one is rounded up otherwise
    "TIME": "'''' || {0}::varchar || ''''".format,
    "TIMESTAMP": "'''' || {0}::varchar || ''''".format,
    "TIMESTAMP WITH TIME ZONE": "'''' || left({0}::varchar, -3) || ''''".format,
    '"NULL"': "null::varchar".format,
}
"""By the engine's type; the session's time zone is UTC, and a timestamp with one ends in `+00`."""
