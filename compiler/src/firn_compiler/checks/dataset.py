"""What is known of a dataset: its columns and where they come from."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from firn_compiler.document import Path

T = TypeVar("T")
Origin = frozenset[tuple[str, str, str]]
"""Columns outside the flow: (resource, dataset, column)."""


class Dataset(NamedTuple):
    """What is known of a dataset."""

    columns: tuple[str, ...] | None = None
    """An empty name is one that the engine makes up, and that is not known but for being no plain word."""
    origins: Mapping[str, Origin] = {}  # never changed: a named tuple takes no factory
    base: tuple[str, str] | None = None
    """(resource, dataset) that it is read from as it is: a column that is not known is that one's."""
    kinds: Mapping[str, str] = {}  # as above
    """Of columns, by their names in lower case, what their values are (`kinds`); as far as it is known."""
    reads: frozenset[Path] = frozenset()
    """The incremental reads from which rows may have come into it, by the paths of their steps."""

    def origin(self, column: str) -> Origin:
        """Return where a column comes from."""
        found = self.origins.get(column)
        if found is None:  # SQL may have written it in another case
            key = column.lower()
            found = next((origin for name, origin in self.origins.items() if name.lower() == key), None)
        if found is not None or self.base is None or self.columns is not None:
            return found or frozenset()
        return frozenset([(*self.base, column)])

    def has(self, name: str) -> bool:
        """Whether one of the columns may be called this; a name that the engine makes up is no plain word."""
        if self.columns is None or ("" in self.columns and not name.isidentifier()):
            return True
        return name.lower() in {column.lower() for column in self.columns}

    def names(self) -> list[str]:
        """Return the names of columns that are known."""
        return [column for column in self.columns or () if column]


class Each(Mapping[str, T]):
    """One thing that is known of each dataset, by the names that SQL may use."""

    def __init__(self, datasets: Mapping[str, Dataset], thing: Callable[[Dataset], T]) -> None:
        self._datasets, self._thing = datasets, thing

    def __getitem__(self, name: str) -> T:
        return self._thing(self._datasets[name])

    def __contains__(self, name: object) -> bool:
        return name in self._datasets

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)
