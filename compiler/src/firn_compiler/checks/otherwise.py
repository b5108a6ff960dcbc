"""Keys of what other tools have and Firn does otherwise: which they are, where, and what to do instead."""

from typing import NamedTuple

from firn_compiler.model.shapes import FlowShape, JobShape, PlatformShape, StepShape
from firn_schemas.connectors.databases import MySqlConfig, PostgresConfig
from firn_schemas.steps.data import FormatOptions


class _Row(NamedTuple):
    owners: tuple[type, ...]
    keys: frozenset[str]
    help: str


ADDRESSES = frozenset(
    "conn_str connection_string connection_uri connection_url database_url dsn jdbc_url sqlalchemy_url uri url".split()
)
"""Keys under which other tools take the whole address of a database: with one of them, its parts are not missing."""
_ROWS = (
    _Row(
        (FlowShape,),
        frozenset(["cron", "on", "schedule", "schedule_interval", "schedules", "trigger", "triggers"]),
        "Firn starts nothing by itself: let cron, a CronJob or a scheduler call `firn run`",
    ),
    _Row(
        (FlowShape, JobShape, StepShape),
        frozenset(
            """alert alerting alerts callbacks email_on_failure hooks notifications notify
            on_error on_failure on_success post_hook pre_hook""".split()
        ),
        "a run that fails ends with an exit code: let who starts it tell people, or what `observability` sends to",
    ),
    _Row(
        (FlowShape,),
        frozenset(["labels", "meta", "metadata", "tags"]),
        "write `observability: {attributes: {NAME: VALUE}}`: they are of every span and event",
    ),
    _Row(
        (PlatformShape,),
        frozenset(["secret_manager", "secret_stores", "secrets", "vault"]),
        "secrets come from the environment or mounted files: `security.secret_mounts` names the folders",
    ),
    _Row(
        (MySqlConfig, PostgresConfig),
        ADDRESSES,
        "write its parts: `host`, `port`, `database`, `user` and `password: {secret_ref: NAME}`",
    ),
    _Row(
        (FormatOptions,),
        frozenset(["date_format", "dateformat", "datetime_format", "timestamp_format", "timestampformat"]),
        "dates are ISO 8601's: read others as `varchar`, and write `strptime(day, '%d.%m.%Y')` in a `sql` step",
    ),
    _Row(
        (FormatOptions,),
        frozenset("comment footer skip skip_footer skip_lines skip_rows skipfooter skiprows trailer".split()),
        "every line is a row: read each whole, and leave some out in a `sql` step (`firn help read`)",
    ),
)


def otherwise(owner: object, key: str) -> str:
    """Return what to do instead of such a key of a record; empty for all others."""
    return next((row.help for row in _ROWS if owner in row.owners and key in row.keys), "")
