"""The state's tables, as migrations that only go forward; one row of `firn_migrations` for each that was applied."""

from collections.abc import Callable, Sequence

from firn_runtime import __version__
from firn_runtime.errors import StateError, StateOlder
from firn_runtime.state.database import Transaction

TABLES = ("firn_migrations", "firn_runs", "firn_jobs", "firn_steps", "firn_locks", "firn_watermarks")

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        "CREATE TABLE firn_runs (flow TEXT NOT NULL, run TEXT NOT NULL, position BIGINT NOT NULL,"
        " artifact TEXT NOT NULL, environment TEXT NOT NULL, status TEXT NOT NULL, seed BIGINT NOT NULL,"
        " started_at TEXT NOT NULL, finished_at TEXT, seconds DOUBLE PRECISION, resumed BIGINT NOT NULL,"
        " plan TEXT NOT NULL, PRIMARY KEY (flow, run))",
        "CREATE INDEX firn_runs_position ON firn_runs (position)",
        "CREATE INDEX firn_runs_flow_position ON firn_runs (flow, position)",
        "CREATE TABLE firn_jobs (flow TEXT NOT NULL, run TEXT NOT NULL, job TEXT NOT NULL, status TEXT NOT NULL,"
        " fingerprint TEXT NOT NULL, seconds DOUBLE PRECISION, error TEXT NOT NULL, outputs TEXT NOT NULL,"
        " PRIMARY KEY (flow, run, job))",
        "CREATE TABLE firn_steps (flow TEXT NOT NULL, run TEXT NOT NULL, job TEXT NOT NULL, step TEXT NOT NULL,"
        " status TEXT NOT NULL, attempt BIGINT NOT NULL, fingerprint TEXT NOT NULL, started_at TEXT NOT NULL,"
        " seconds DOUBLE PRECISION, row_count BIGINT, byte_count BIGINT, results TEXT NOT NULL, dataset TEXT,"
        " error TEXT NOT NULL, PRIMARY KEY (flow, run, job, step))",
        "CREATE TABLE firn_locks (key TEXT PRIMARY KEY, token BIGINT NOT NULL, held BIGINT NOT NULL,"
        " owner TEXT NOT NULL, ttl DOUBLE PRECISION NOT NULL, renewed_at DOUBLE PRECISION NOT NULL,"
        " boot TEXT NOT NULL, renewed_boot DOUBLE PRECISION NOT NULL)",
    ),
    (
        "CREATE TABLE firn_watermarks (flow TEXT NOT NULL, job TEXT NOT NULL, step TEXT NOT NULL,"
        " cursor_column TEXT NOT NULL, value TEXT NOT NULL, type TEXT NOT NULL, meaning TEXT NOT NULL,"
        " run TEXT NOT NULL, moved_at TEXT NOT NULL, PRIMARY KEY (flow, job, step))",
    ),
)
"""Each is the list of statements that leads from the schema before it; none is ever changed after a release."""

KNOWN = len(MIGRATIONS)

_VERSION = "SELECT version, runtime FROM firn_migrations ORDER BY version DESC LIMIT 1"

MADE_AT = "SELECT made_at FROM firn_migrations ORDER BY version LIMIT 1"

_LEDGER = "CREATE TABLE firn_migrations (version BIGINT PRIMARY KEY, runtime TEXT NOT NULL, made_at BIGINT NOT NULL)"


def migrate(transaction: Transaction, found: int) -> None:
    """Apply what is missing since version `found`; 0 where there is nothing yet."""
    if found == 0:
        transaction.execute(_LEDGER)
    for version in range(found + 1, KNOWN + 1):
        for statement in MIGRATIONS[version - 1]:
            transaction.execute(statement)
        values = (version, __version__, int(transaction.now().wall))
        transaction.execute("INSERT INTO firn_migrations VALUES (?, ?, ?)", values)


def version(transaction: Transaction, damaged: Callable[[str], StateError], setting: str) -> int:
    """Return the version of the tables; raise R402 for that of a later runtime, and what `damaged` makes."""
    rows = transaction.execute(_VERSION)
    found, runtime = rows[0] if rows else (None, None)
    if not isinstance(found, int) or not isinstance(runtime, str):
        raise damaged("its version cannot be read")
    if found > KNOWN:
        message = f"the state has schema {found}, made by firn-runtime {runtime}; this runtime knows {KNOWN}"
        raise StateError("R402", message, f"run it with firn-runtime {runtime} or later, or name another `{setting}`")
    return found


def refuse_older(found: int) -> None:
    """Raise R402 for a schema that would have to be migrated by someone who only reads."""
    if found < KNOWN:
        message = f"the state has schema {found}, and this runtime reads {KNOWN}"
        raise StateOlder("R402", message, "the next `firn run` of this version brings it forward")
