"""What is said of a query."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong; `start` and `end` are offsets in the text, the end exclusive."""

    code: str
    message: str
    help: str
    start: int
    end: int


Kinds = Mapping[str, Mapping[str, str]]
"""Of relations the kinds of their columns (`kinds`), by the names of both in lower case."""
NO_KINDS: Kinds = MappingProxyType({})


class Analysis(NamedTuple):
    """Everything that is known of a query."""

    problems: tuple[Problem, ...] = ()
    tables: tuple[str, ...] = ()
    """Relations that it reads, by the names it was given them by, ordered."""
    columns: tuple[str, ...] | None = None
    """Columns of the result, in order; None where they cannot be known.

    An empty name is one that the engine makes up, and that is not known but for being no plain word.
    """
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType({})
    """From the result's columns to the (relation, column) pairs that they are computed from, ordered."""
    kinds: Mapping[str, str] = MappingProxyType({})
    """Of the result's columns, by their names in lower case, where they are known (`kinds`)."""
    placeholders: tuple[str, ...] = ()
    """Names of `$name`, numbers of `$1`, and `?` once for each, in the order of the text."""
    once: tuple[str, ...] = ()
    """Of the relations, those that it goes through once, from beginning to end; ordered."""
    cut: tuple[int, int] | None = None
    """Where the query itself, and no part of it, says how many of its rows it gives: offsets, the end exclusive."""
    twins: tuple[tuple[int, int], ...] = ()
    """Names of the result's columns that an earlier one of them has, too, where they stand: offsets as above."""
