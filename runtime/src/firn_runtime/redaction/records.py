"""Log records of every library, masked when they are made: whoever formats, stores or sends them sees no secret.

The one module here that imports `logging`.
"""

import logging
from collections.abc import Callable
from typing import Any

from firn_runtime.redaction.stream import Mask

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))


class _MaskedFields(dict[str, Any]):
    """The attributes of a record: `extra` is written into them after the record was made."""

    def __init__(self, known: dict[str, Any], mask: Mask) -> None:
        super().__init__(known)
        self._mask = mask

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _masked(value, self._mask))

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)  # a record goes through queues and sockets as any other


def masked_records(mask: Mask) -> Callable[[], None]:
    """Mask the records of all loggers from now on; return what ends that."""
    before = logging.getLogRecordFactory()
    working = True

    def make(*given: Any, **more: Any) -> logging.LogRecord:
        record = before(*given, **more)
        if working:
            _mask(record, mask)
        return record

    def undo() -> None:
        nonlocal working
        working = False  # where another factory was put around this one, it stays and does nothing
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(before)

    logging.setLogRecordFactory(make)
    return undo


def _mask(record: logging.LogRecord, mask: Mask) -> None:
    record.msg, record.args = mask.text(_message(record)), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = mask.text(logging.Formatter().formatException(record.exc_info))
    record.exc_info = None
    if record.stack_info:
        record.stack_info = mask.text(record.stack_info)
    fields = vars(record)
    for name in fields.keys() - _STANDARD:
        fields[name] = _masked(fields[name], mask)
    record.__dict__ = _MaskedFields(fields, mask)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg} (its arguments do not fit it)"


def _masked(value: Any, mask: Mask) -> Any:
    """Return the value of an attribute, as its masked text where that differs."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        text = str(value)
    except Exception:
        return f"<{type(value).__name__}>"
    masked = mask.text(text)
    return value if masked == text else masked
