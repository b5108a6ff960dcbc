"""What a person's query may be: one SELECT over tables, which opens no file by itself.

Data enters a flow through `read` steps, where the artifact names its resource. The engine's sandbox is the wall; this
closes what lies inside it: the files of other resources, and extensions that open files past the engine.
"""

import re
from collections.abc import Iterator
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json

_FUNCTIONS = frozenset("generate_series generate_subscripts json_each json_tree range repeat repeat_row unnest".split())
"""Functions that may stand in FROM: they compute, and open nothing."""

_FILE = re.compile(r"[/\\*]|\.(csv|tsv|parquet|json|jsonl|ndjson|db|duckdb|txt)(\.gz|\.zst)?(\?.*)?$", re.IGNORECASE)


def refuse_what_opens_files(tree: Json, known: frozenset[str]) -> None:
    """Raise a ConnectorError where the engine's parse `tree` reads anything but tables.

    `known` holds the qualified names of all tables and views, as `catalog.schema.table` and its shorter forms: a name
    that is not among them would be opened as a file if it looks like one.
    """
    for node in _nodes(tree):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            _check_function(node.get("function"))
        elif kind == "BASE_TABLE":
            _check_table(node, known)


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
    if name not in _FUNCTIONS:
        listed = ", ".join(f"`{allowed}`" for allowed in sorted(_FUNCTIONS))
        raise ConnectorError(
            "data",
            f"the query reads from `{name}(…)`",
            f"read files by a `read` step; in FROM a query may use {listed}",
        )


def _check_table(node: dict[str, Any], known: frozenset[str]) -> None:
    parts = (node.get("catalog_name"), node.get("schema_name"), node.get("table_name"))
    name = ".".join(str(part) for part in parts if part)
    if _FILE.search(name) and name.lower() not in known:
        raise ConnectorError("data", "the query names a file where a table should stand", "read it by a `read` step")
