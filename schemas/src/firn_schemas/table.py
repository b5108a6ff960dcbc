"""A table whose rows are fixed, and that can be read with further rows for a while: so plug-ins take part."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Mapping[K, V], Generic[K, V]):
    """Rows by key, ordered as they were given; further rows come after them."""

    def __init__(self, rows: Mapping[K, V]) -> None:
        self._rows = dict(rows)
        self._more: ContextVar[Mapping[K, V]] = ContextVar("more", default=MappingProxyType({}))

    def __getitem__(self, key: K) -> V:
        found = self._rows.get(key)
        return found if found is not None else self._more.get()[key]

    def __iter__(self) -> Iterator[K]:
        yield from self._rows
        yield from self._more.get()

    def __len__(self) -> int:
        return len(self._rows) + len(self._more.get())

    @contextmanager
    def extended(self, rows: Mapping[K, V]) -> Iterator[None]:
        """Let these rows be seen, by this thread or task alone; a fixed row is never replaced."""
        token = self._more.set({key: row for key, row in rows.items() if key not in self._rows})
        try:
            yield
        finally:
            self._more.reset(token)
