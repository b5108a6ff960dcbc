"""Values of the tables' columns: JSON as text, and every other kind checked when it is read back."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json

STEP_LIMIT = 4 * 1024 * 1024
"""Bytes of a step's results as JSON."""

JOB_LIMIT = 16 * 1024 * 1024
"""Bytes of a job's outputs as JSON."""


class Unreadable(Exception):
    """What is kept is not of the kind that was written."""


def checked_results(results: object) -> bytes:
    """Return a step's results as JSON; raise a `data` error beyond 4 MiB and for what JSON cannot hold."""
    return _checked(results, STEP_LIMIT, "the step's results are", "keep rows in datasets, and only figures in results")


def checked_outputs(outputs: object) -> bytes:
    """Return a job's outputs as JSON; raise a `data` error beyond 16 MiB and for what JSON cannot hold."""
    return _checked(outputs, JOB_LIMIT, "the job's outputs are", "give fewer or smaller `outputs`")


def _checked(value: object, limit: int, what: str, help: str) -> bytes:
    try:
        content = orjson.dumps(value)
    except (TypeError, RecursionError):  # its text may quote the value
        message = f"{what} no JSON: text that is not Unicode, a key that is no text, or a number beyond 64 bits"
        raise ConnectorError("data", message) from None
    if len(content) > limit:
        message = f"{what} {len(content):,} bytes of JSON, and the state keeps at most {limit:,}"
        raise ConnectorError("data", message, help)
    return content


def encoded(value: Json) -> str:
    """Return `value` as JSON text; what JSON cannot hold is replaced, for an error must be kept whatever it says."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        from firn_runtime.json_values import json_value

        return orjson.dumps(_clean(json_value(value))).decode()


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


Column = Callable[[Any], Any]


def json(value: Any) -> Any:
    """Return what a JSON text says."""
    try:
        return orjson.loads(value)
    except ValueError:
        raise Unreadable("a value is no JSON") from None


def json_mapping(value: Any) -> Any:
    """Return the mapping that a JSON text says."""
    return _of(dict)(json(value))


def _of(kind: Any) -> Column:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Unreadable("a value has not its column's type")
        return value

    return read


text, optional_text = _of(str), _of(str | None)
integer, optional_integer = _of(int), _of(int | None)
real, optional_real = _of(float), _of(float | None)


def read(columns: Sequence[Column], row: Sequence[Any]) -> list[Any]:
    """Return the values of a row; raise Unreadable for what was not written so."""
    if len(columns) != len(row):
        raise Unreadable("a row has not its table's columns")
    return [column(value) for column, value in zip(columns, row, strict=True)]
