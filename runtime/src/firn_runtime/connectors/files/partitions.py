"""Of which types the values are that folders name as `column=value`: those that spell them, so that none is changed.

The engine by itself leaves out offsets and nanoseconds there, and takes `0x1F`, `epoch` and `26-11-23` for values.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from urllib.parse import unquote

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.paths import partition_values

_WHOLE = re.compile(r"0|-?[1-9]\d{0,18}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?", re.ASCII)
_NULL = "__HIVE_DEFAULT_PARTITION__"
_BEYOND = 1 << 63


def partition_types(found: Found) -> dict[str, str]:
    """Return the types of the columns that the folders name."""
    columns = zip(*map(partition_values, found.names), strict=True)
    return {key: _type_of(set(values)) for key, values in zip(found.keys, columns, strict=True)}


def _type_of(values: Iterable[str]) -> str:
    """Return the type that all of these values spell, but for those that the engine takes for NULL."""
    texts = {unquote(value) for value in values if value != _NULL and value.upper() != "NULL"}
    fitting = (kind for kind, is_one in _TYPES.items() if texts and all(map(is_one, texts)))
    return next(fitting, "VARCHAR")


def _is_whole(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None and -_BEYOND <= int(text) < _BEYOND


def _is_day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None and _is_read(date.fromisoformat, text)


def _is_moment(text: str) -> bool:
    return _MOMENT.fullmatch(text) is not None and _is_read(datetime.fromisoformat, text)


def _is_read(reading: Callable[[str], object], text: str) -> bool:
    try:
        reading(text)
    except ValueError:
        return False
    return True


_TYPES: dict[str, Callable[[str], bool]] = {"BIGINT": _is_whole, "DATE": _is_day, "TIMESTAMP": _is_moment}
