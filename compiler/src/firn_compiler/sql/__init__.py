"""The SQL of a flow, read at compile time: what is wrong with it, which tables it reads, what comes out and from where.

This package is the one door to sqlglot; it is imported only where a flow holds SQL.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from firn_compiler.sql.analysis import NO_KINDS, Analysis, Kinds, Problem
from firn_compiler.sql.calls import miscounted, of_others, operators
from firn_compiler.sql.names import Names
from firn_compiler.sql.reading import placeholders, read
from firn_compiler.sql.resolution import resolve
from firn_compiler.sql.scans import cut, scanned_once, twins
from firn_compiler.sql.tables import Tables
from firn_compiler.sql.vocabulary import side_by_side, unknown, vocabulary

if TYPE_CHECKING:
    from firn_compiler.sql.repair import Repaired

__all__ = ["Analysis", "Problem", "analyse"]


def analyse(
    text: str,
    dialect: str,
    tables: Mapping[str, tuple[str, ...] | None],
    *,
    closed: bool,
    kinds: Kinds = NO_KINDS,
    others: Collection[str] = (),
) -> Analysis:
    """Return everything that can be known of one query; problems are in the order of the text.

    `tables` are the relations that it may read, by the names it may use in lower case, each with its columns where they
    are known; `kinds` are those of their columns, and `others` names that are no misspelt ones of them. With `closed`,
    every other table is a problem. A text that cannot be parsed has that one problem, unless it is clear what was
    meant: then the rest is checked as that.
    """
    nodes, problems, tokens = read(text, dialect, tables)
    duckdb = dialect == "duckdb"
    if nodes is None and (meant := _as_meant(text, dialect, tables, problems)) is not None:
        found = analyse(meant.text, dialect, tables, closed=closed, kinds=kinds, others=others)
        told = {one.start for one in meant.problems}
        rest = [one for one in map(meant.placed, found.problems) if one.start not in told]
        return found._replace(problems=_in_order((*meant.problems, *rest)), cut=None, twins=())
    if nodes is None:
        counted = list(miscounted(tokens)) if duckdb and closed else []
        stopped = any(one.start == problem.start for one in counted for problem in problems)
        return Analysis(tuple(counted if stopped else problems))
    names = Names(tokens) if duckdb and closed else None
    try:
        given = Tables(tables, kinds, others, closed=closed)
        fields = dialect not in ("postgres", "mysql")
        found = resolve(nodes.tree, given, text=text, checked=duckdb, names=names, fields=fields)
        problems += vocabulary(nodes, text, closed=closed) if duckdb else ()
        problems += side_by_side(tokens) if duckdb else ()
        problems += (
            [*of_others(tokens), *unknown(nodes, tokens), *miscounted(tokens), *operators(tokens)]
            if duckdb and closed
            else ()
        )
        found = found._replace(
            placeholders=tuple(placeholders(nodes)),
            once=scanned_once(nodes),
            cut=cut(nodes, tokens),
            twins=twins(nodes),
        )
    except RecursionError:
        return Analysis((Problem("E501", "the query is nested too deep", "split it into several steps", 0, len(text)),))
    finally:
        nodes.let_go()
    said = {(one.start, one.end) for one in problems if one.code in ("E501", "E505")}
    unsaid = [one for one in found.problems if (one.start, one.end) not in said]
    return found._replace(problems=_in_order((*problems, *unsaid)))


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(sorted(problems, key=lambda one: (one.start, one.code))))


def _as_meant(text: str, dialect: str, known: Collection[str], problems: list[Problem]) -> "Repaired | None":
    """Return a text that cannot be read as it was meant, where that is clear from what is wrong with it."""
    from firn_compiler.sql.repair import repaired  # only a mistake needs it

    def unread(again: str) -> list[Problem] | None:
        nodes, found, _ = read(again, dialect, known)
        if nodes is None:
            return found
        nodes.let_go()
        return None

    return repaired(text, problems, unread)
