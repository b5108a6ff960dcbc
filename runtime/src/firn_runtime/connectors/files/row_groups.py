"""How many rows a row group of Parquet has.

Each thread of the engine holds a row group that it writes, and cannot spill it: where memory is scarce or rows are
wide, row groups have to be smaller.
"""

from firn_runtime.engine import Session

_MOST = 122_880
"""The engine's own."""
_STEP = 2_048
"""Rows that the engine handles at once."""
_VALUE = 16
"""Bytes of a value, about: half of the columns of most tables are texts."""
_SHARE = 4
"""What of a thread's memory a row group may take: a fourth. The rest is the source's."""

_MEMORY = "select parse_formatted_bytes(current_setting('memory_limit')), current_setting('threads')"


def rows_in_group(session: Session, columns: int) -> int:
    """Return the number of rows for so many columns."""
    ((memory, threads),) = session.execute(_MEMORY)
    fitting = int(memory) // int(threads) // _SHARE // (columns * _VALUE)
    return max(_STEP, min(_MOST, fitting // _STEP * _STEP))
