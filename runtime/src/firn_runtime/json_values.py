"""Values of the engine as JSON values that every reader of JSON understands alike."""

import datetime
import decimal
import math
from typing import Any

from firn_schemas.base import Json

_SAFE = 2**53 - 1


def json_value(value: Any) -> Json:
    """Return `value` as JSON.

    Integers beyond ±(2^53 - 1) become text; so do decimals, unless they are whole and within that range; NaN and
    infinities become null; dates and times become ISO 8601 text, bytes hexadecimal text, durations seconds.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, decimal.Decimal)):
        return _number(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    return str(value)


def _number(value: int | decimal.Decimal) -> int | str:
    if isinstance(value, decimal.Decimal) and not (value.is_finite() and value == value.to_integral_value()):
        return str(value)
    whole = int(value)
    return whole if abs(whole) <= _SAFE else str(whole)
