"""Columns of texts, and what is made of them, in a SELECT of two steps."""

from collections.abc import Iterable, Mapping

from firn_runtime.connectors.values.projection import projected
from firn_runtime.connectors.values.texts import Made


def mark_for(columns: Iterable[str]) -> str:
    """Return what no column's name begins with, as a name that needs no quotes."""
    return "_" * (1 + max(map(len, columns), default=0))


def valued(scan: str, columns: Iterable[str], values: Mapping[str, Made], mark: str, place: str = "") -> str:
    """Make values of texts: the inner SELECT casts each once, the outer one looks at the text and at the cast."""
    if not values:
        return scan
    inner = {f"{mark}{n}": made.cast for n, made in enumerate(values.values())}
    inner |= {mark: "filename"} if mark in place else {}
    casts = ", ".join(f"{cast} AS {name}" for name, cast in inner.items())
    looked = {name: made.value for name, made in values.items()}
    return f"({projected(f'(SELECT *, {casts} FROM {scan})', columns, looked)})"
