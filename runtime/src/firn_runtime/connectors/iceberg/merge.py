"""`upsert` and `insert_overwrite` of tables whose files are never changed: those that hold such rows are written anew.

All of the table is looked at, and only the files in which a row is found are replaced (copy on write).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.scan import FILE, Rows
from firn_runtime.connectors.iceberg.types import Field, is_written
from firn_runtime.engine import Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal
from firn_schemas.steps.data import WriteInputs
from firn_schemas.visible import listing

_STAGE = 'temp.main."_firn_stage"'
_ROWS = 'temp.main."_firn_rows"'


class Merged(NamedTuple):
    """What is written in the place of some files."""

    sql: str
    """All of it, with every column of the table."""
    gone: frozenset[str]
    """The locations of the files that it takes the place of."""
    rows: int
    inserted: int | None
    updated: int | None


@contextmanager
def merged(
    session: Session, inputs: WriteInputs, cast: str, filled: Mapping[str, Field], fields: Sequence[Field], rows: Rows
) -> Iterator[Merged]:
    """Put a dataset's rows, as `cast` selects them, in the place of those of the same keys or partitions.

    Holds for the block. Raises ConnectorError where keys are missing, NULL or repeated.
    """
    keys = _keys(inputs, filled)
    _refuse_unwritable(fields)
    try:
        session.execute(f"CREATE OR REPLACE TEMP TABLE _firn_stage AS {cast}")
        session.execute(f"CREATE OR REPLACE TEMP VIEW _firn_rows AS {rows.sql}")
        yield _MODES[inputs.mode](session, keys, [one.name for one in filled.values()], fields, rows)
    finally:
        session.execute("DROP VIEW IF EXISTS temp.main._firn_rows")
        session.execute(f"DROP TABLE IF EXISTS {_STAGE}")


def _keys(inputs: WriteInputs, filled: Mapping[str, Field]) -> Sequence[str]:
    place = "keys" if inputs.mode == "upsert" else "partition_by"
    wanted: Sequence[str] = getattr(inputs, place) or []
    known = {name.lower(): one.name for name, one in filled.items()}
    absent = [f"`{name}`" for name in wanted if name.lower() not in known]
    if absent or not wanted:
        said = f"`{place}` names what is no column of the dataset: {', '.join(absent)}"
        raise ConnectorError("data", said if absent else f"`mode: {inputs.mode}` needs `{place}`")
    return [known[name.lower()] for name in wanted]


def _refuse_unwritable(fields: Sequence[Field]) -> None:
    for one in fields:
        if not is_written(one.type):
            said = f"files of the table would be written anew, and its column `{shown(one.name)}` is not written"
            raise ConnectorError("data", said, "write it with `mode: append` or `replace`, or by another engine")


def _upsert(
    session: Session, keys: Sequence[str], filled: Sequence[str], fields: Sequence[Field], rows: Rows
) -> Merged:
    """Rows that are there keep what the dataset does not say of them."""
    _refuse_keys(session, keys)
    same = _same(keys, "=")
    gone = _found(session, same, rows)
    updated = _count(session, f"{_ROWS} AS _old SEMI JOIN {_STAGE} AS _new ON {same}")
    staged = _count(session, _STAGE)
    fresh = _count(session, f"{_STAGE} AS _new ANTI JOIN {_ROWS} AS _old ON {same}")
    own = {name.lower() for name in filled}
    changed = ", ".join(
        f"{'_new' if one.name.lower() in own else '_old'}.{identifier(one.name)} AS {identifier(one.name)}"
        for one in fields
    )
    parts = [
        _survivors(same, fields, gone, rows),
        f"SELECT {changed} FROM {_ROWS} AS _old JOIN {_STAGE} AS _new ON {same}",
        f"SELECT {_filled(filled, fields)} FROM {_STAGE} AS _new ANTI JOIN {_ROWS} AS _old ON {same}",
    ]
    return Merged("\nUNION ALL\n".join(parts), gone, staged, fresh, updated)


def _insert_overwrite(
    session: Session, keys: Sequence[str], filled: Sequence[str], fields: Sequence[Field], rows: Rows
) -> Merged:
    """A partition is all rows with the same values in the columns; NULL is one of them."""
    same = _same(keys, "IS NOT DISTINCT FROM")
    gone = _found(session, same, rows)
    parts = [_survivors(same, fields, gone, rows), f"SELECT {_filled(filled, fields)} FROM {_STAGE} AS _new"]
    return Merged("\nUNION ALL\n".join(parts), gone, _count(session, _STAGE), None, None)


_MODES = {"insert_overwrite": _insert_overwrite, "upsert": _upsert}


def _same(keys: Sequence[str], compared: str) -> str:
    return " AND ".join(f"_old.{identifier(key)} {compared} _new.{identifier(key)}" for key in keys)


def _found(session: Session, same: str, rows: Rows) -> frozenset[str]:
    """Return the locations of the files in which there are such rows."""
    sql = f"SELECT DISTINCT {FILE} FROM {_ROWS} AS _old SEMI JOIN {_STAGE} AS _new ON {same}"
    return frozenset(rows.locations[str(file)] for (file,) in session.execute(sql))


def _survivors(same: str, fields: Sequence[Field], gone: Collection[str], rows: Rows) -> str:
    """Return the other rows of the files that are written anew."""
    files = ", ".join(literal(file) for file, location in rows.locations.items() if location in gone)
    columns = ", ".join(f"_old.{identifier(one.name)}" for one in fields)
    where = f"_old.{FILE} IN ({files})" if files else "false"
    return f"SELECT {columns} FROM {_ROWS} AS _old ANTI JOIN {_STAGE} AS _new ON {same} WHERE {where}"


def _filled(filled: Sequence[str], fields: Sequence[Field]) -> str:
    own = {name.lower() for name in filled}
    return ", ".join(identifier(one.name) if one.name.lower() in own else "NULL" for one in fields)


def _count(session: Session, source: str) -> int:
    return int(session.execute(f"SELECT count(*) FROM {source}")[0][0])


def _refuse_keys(session: Session, keys: Sequence[str]) -> None:
    listed = listing(keys)
    missing = " OR ".join(f"{identifier(key)} IS NULL" for key in keys)
    if _count(session, f"{_STAGE} WHERE {missing}"):
        help = "a key names one row: leave these rows out in a `sql` step before, or choose other `keys`"
        raise ConnectorError("data", f"the dataset has rows without a key: NULL in one of {listed}", help)
    columns = ", ".join(map(identifier, keys))
    if _count(session, f"(SELECT 1 FROM {_STAGE} GROUP BY {columns} HAVING count(*) > 1)"):
        help = "keep one row of each in a `sql` step before, or choose other `keys`"
        raise ConnectorError("data", f"the dataset has keys in more than one row: {listed}", help)
