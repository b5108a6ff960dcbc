"""The table in which a database records what was loaded into it, in the transaction of the load itself.

One text of SQL for DuckDB, SQLite and PostgreSQL: text and integers alone, no key that only some of them keep, no
upsert. Uniqueness comes from the delete before the insert and from writers who take turns (see docs/publication.md).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from firn_runtime.connector import Written
from firn_runtime.identifiers import identifier
from firn_runtime.publication import Publication, TakenOver

TABLE = "_firn_loads"
KEPT = timedelta(days=90)
"""How long the row of an older run stays; a run that is resumed later than this may publish again."""

Execute = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one statement with values for `$1`, `$2`, … and returns its rows."""

_COLUMNS = {
    "flow": "text",
    "run": "text",
    "job": "text",
    "step": "text",
    "fingerprint": "text",
    "artifact": "text",
    "attempt": "bigint",
    "fence": "bigint",
    "rows": "bigint",
    "bytes": "bigint",
    "inserted": "bigint",
    "updated": "bigint",
    "published_at": "text",
}
_OURS = '"flow" = $1 and "run" = $2 and "job" = $3 and "step" = $4'


class Loads:
    """The loads table of `schema`, a qualified and quoted name. Every call belongs to the caller's transaction."""

    def __init__(self, execute: Execute, schema: str) -> None:
        self._execute = execute
        self.name = f"{schema}.{identifier(TABLE)}"

    def create(self) -> None:
        """Make the table where it is missing."""
        columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in _COLUMNS.items())
        self._execute(f"create table if not exists {self.name} ({columns})", ())

    def published(self, publication: Publication) -> Written | None:
        """Return what this very publication wrote before; raise TakenOver where a younger run of the flow has written.

        A run without a lease has fence 0 and is never refused: nothing says which of two such runs is the younger.
        """
        sql = f'select "rows", "bytes", "inserted", "updated" from {self.name} where {_OURS} and "fingerprint" = $5'
        done = self._execute(sql, (*publication.key, publication.fingerprint))
        if done:
            return Written(*done[0])
        if publication.fence:
            younger = f'select 1 from {self.name} where "flow" = $1 and "fence" > $2 limit 1'
            if self._execute(younger, (publication.flow, publication.fence)):
                raise TakenOver
        return None

    def claimed(self, publication: Publication) -> Written | None:
        """Return what `published` does; where that is nothing, write a row, so that the transaction holds the locks
        of one that writes before it begins to load."""
        written = self.published(publication)
        if written is None:
            self.record(publication, Written(0))
        return written

    def record(self, publication: Publication, written: Written) -> None:
        """Record the load, and forget those of the same step that are older than KEPT."""
        now = datetime.now(UTC)
        flow, _, job, step = publication.key
        self._execute(f"delete from {self.name} where {_OURS}", publication.key)
        old = f'delete from {self.name} where "flow" = $1 and "job" = $2 and "step" = $3 and "published_at" < $4'
        self._execute(old, (flow, job, step, _spelled(now - KEPT)))
        counts = (written.rows, written.bytes, written.inserted, written.updated)
        values = (*publication, *counts, _spelled(now))
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        self._execute(f"insert into {self.name} ({', '.join(map(identifier, _COLUMNS))}) values ({places})", values)


def _spelled(moment: datetime) -> str:
    """Return ISO 8601 text of one length in UTC, whose order is that of time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
