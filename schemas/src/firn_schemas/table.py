"""A table whose rows are in modules that are read when first asked for, and that can have further rows for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from types import MappingProxyType
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Mapping[K, V], Generic[K, V]):
    """Rows by key, ordered as their keys were given; further rows, those of plug-ins, come after them.

    `modules` names for each key the module whose `ROWS` holds its row: who asks for one row pays for one module.
    """

    def __init__(self, package: str, modules: Mapping[K, str]) -> None:
        self._modules = {key: f"{package}.{module}" for key, module in modules.items()}
        self._rows: dict[K, V] = {}
        self._more: ContextVar[Mapping[K, V]] = ContextVar("more", default=MappingProxyType({}))

    def __getitem__(self, key: K) -> V:
        found = self._rows.get(key)
        if found is not None:
            return found
        if key not in self._modules:
            return self._more.get()[key]
        self._rows.update(import_module(self._modules[key]).ROWS)
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._modules or key in self._more.get()

    def __iter__(self) -> Iterator[K]:
        yield from self._modules
        yield from self._more.get()

    def __len__(self) -> int:
        return len(self._modules) + len(self._more.get())

    @contextmanager
    def extended(self, rows: Mapping[K, V]) -> Iterator[None]:
        """Let these rows be seen, by this thread or task alone; a fixed row is never replaced."""
        token = self._more.set({key: row for key, row in rows.items() if key not in self._modules})
        try:
            yield
        finally:
            self._more.reset(token)
