"""What a person's query may be: one SELECT over tables, which opens no file by itself.

Data enters a flow through `read` steps, where the artifact names its resource. The engine's sandbox is the wall; this
closes what lies inside it: the files of other resources, and extensions that open files past the engine.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb

from firn_runtime.engine.closed import CLOSED
from firn_runtime.engine.errors import translating
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json
from firn_schemas.sql_functions import TABLE_FUNCTIONS
from firn_schemas.visible import listing

_FILE = re.compile(r"[/\\*]|\.(csv|tsv|parquet|json|jsonl|ndjson|db|duckdb|txt)(\.gz|\.zst)?(\?.*)?$", re.IGNORECASE)


def select(sql: str) -> str:
    """Return a person's query as a subquery; raise ConnectorError for anything but one SELECT over tables."""
    with translating(), _parser().cursor() as parser:
        statements = parser.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConnectorError("data", "the query must be exactly one SELECT statement")
        text = _without_semicolon(sql)
        rows = parser.execute("select json_serialize_sql($sql::varchar)", {"sql": text}).fetchall()
    tree = json.loads(rows[0][0])
    if tree.get("error") or len(tree["statements"]) != 1:
        raise ConnectorError("data", "the query must be exactly one SELECT statement")
    _refuse_what_opens_files(tree)
    return f"({text}\n)"


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return an empty database that can reach nothing: it reads queries, and runs none."""
    return duckdb.connect(config=CLOSED | {"enable_external_access": "false", "threads": "1"})


def _without_semicolon(sql: str) -> str:
    """Return one statement without what ends it; a semicolon within texts, names and comments is none of these."""
    encoded = sql.encode()
    ends = [at for at, _ in duckdb.tokenize(sql) if encoded[at : at + 1] == b";"]
    return encoded[: ends[0] if ends else None].decode()


def _refuse_what_opens_files(tree: Json) -> None:
    """Raise a ConnectorError where a query reads anything but tables; `tree` is the engine's own parse of it."""
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            _check_function(node.get("function"))
        elif node.get("type") == "BASE_TABLE":
            _check_table(node)


def _nodes(tree: Json) -> Iterator[dict[str, Any]]:
    pending: list[Json] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _check_function(function: Any) -> None:
    name = str(function.get("function_name", "")).lower() if isinstance(function, dict) else ""
    if name not in TABLE_FUNCTIONS:
        listed = listing(sorted(TABLE_FUNCTIONS))
        help = f"files are read by `read` steps; in FROM a query may use {listed}"
        raise ConnectorError("data", f"the query reads from the function `{name}`", help)


def _check_table(node: dict[str, Any]) -> None:
    parts = (node.get("catalog_name"), node.get("schema_name"), node.get("table_name"))
    if _FILE.search(".".join(str(part) for part in parts if part)):
        raise ConnectorError("data", "the query names a file where a table should stand", "read it by a `read` step")
