"""From text to a tree: one statement that is a query, without anything that reaches outside."""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.clauses import clauses
from firn_compiler.sql.misplaced import sourceless
from firn_compiler.sql.mistakes import depth, foreign, gaps, trailing, twice, unended, unopened
from firn_compiler.sql.nodes import Nodes
from firn_compiler.sql.quotes import unclosed
from firn_compiler.sql.spelling import meant, misjoined, shown
from firn_compiler.sql.syntax import syntax, unread
from firn_compiler.sql.words import aliases_again, names_again, of_postgres, placeholders_again, tokenized
from firn_schemas.sql_functions import TABLE_FUNCTIONS
from firn_schemas.visible import listing

MAX_TEXT = 256 * 1024

STATEMENTS = frozenset(
    (
        "ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE DELETE DETACH DO"
        " DROP EXECUTE EXPLAIN EXPORT FORCE GRANT IMPORT INSERT INSTALL LISTEN LOAD LOCK MERGE PRAGMA PREPARE"
        " REFRESH REINDEX RESET REVOKE ROLLBACK SET SHOW START TRUNCATE UPDATE USE VACUUM"
    ).split()
)
"""Words that begin a statement which is no query."""

QUERIES = frozenset(["(", "FROM", "PIVOT", "SELECT", "TABLE", "UNPIVOT", "VALUES", "WITH"])
OUTSIDE = frozenset(
    (
        "read_csv read_csv_auto read_parquet parquet_scan parquet_metadata parquet_schema"
        " parquet_file_metadata parquet_kv_metadata read_json read_json_auto read_json_objects"
        " read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_text read_blob"
        " read_xlsx read_avro sniff_csv glob arrow_scan pandas_scan seq_scan sqlite_scan sqlite_query"
        " sqlite_attach postgres_scan postgres_scan_pushdown postgres_query postgres_execute postgres_attach"
        " mysql_scan mysql_query mysql_execute mysql_attach iceberg_scan iceberg_metadata iceberg_snapshots"
        " delta_scan st_read st_read_meta query query_table getenv which_secret duckdb_secrets duckdb_settings"
        " duckdb_logs pragma_database_list pragma_storage_info pg_read_file pg_read_binary_file pg_ls_dir"
        " pg_stat_file lo_import lo_export dblink dblink_exec dblink_connect"
    ).split()
)
"""Functions that read files, other systems or the engine's own settings."""

ENGINE = frozenset(["current_setting"])
"""Further ones in DuckDB; on a server the settings are the session's, and policies of rows are written with them."""

_BIND = 'bind the value: write `$name` in the SQL and `params: {name: "{{ env.NAME }}"}` beside it'
_INSTEAD = {"getenv": _BIND, "current_setting": "the platform sets the engine: bind what the query needs as `params`"}

PATH = re.compile(
    r"[/\\]|\.(csv|tsv|parquet|json|ndjson|jsonl|xlsx|avro|db|duckdb|sqlite|arrow|txt|gz|zst)$|^[a-z]+:", re.I
)
FILE_CATALOGS = frozenset(["csv", "parquet", "json", "orc", "avro", "text", "binaryfile", "delta", "iceberg"])
"""Spark reads ``parquet.`path` `` as a file."""

SELECT_HELP = "the SQL of a step is one SELECT; what it can reach is for the platform to say"


def read(text: str, dialect: str, known: Collection[str] = ()) -> tuple[Nodes | None, list[Problem], list[Token]]:
    """Return the query's tree, what is wrong with the text, and its tokens; no tree where it cannot be read.

    `known` are the names of tables: no misspelt keywords.
    """
    whole = len(text)
    if whole > MAX_TEXT:
        return None, [Problem("E501", f"the query is longer than {MAX_TEXT // 1024} KiB", "split it", 0, 1)], []
    engine = Dialect.get_or_raise(dialect)
    try:
        tokens = tokenized(
            f"{text}\n", engine.tokenize
        )  # else `$1 … ''` at the end of a text is taken for a quote left open
        tokens = [*placeholders_again(tokens, dialect)]
    except TokenError:
        return None, [unclosed(text)], []
    if not tokens:
        return None, [Problem("E501", "the query is empty", "write a SELECT", 0, max(whole, 1))], []
    if dialect == "duckdb":
        names_again(tokens)
        aliases_again(tokens)
    if dialect == "postgres":
        tokens = [*of_postgres(tokens)]
    problems = list(_statements(tokens)) or _unbalanced(tokens) or list(twice(tokens)) or list(gaps(tokens, dialect))
    problems = problems or list(foreign(tokens, text)) or list(misjoined(tokens, known))
    problems = problems or list(sourceless(tokens, known))
    if problems:
        return None, problems, tokens
    tokens = [one for at, one in enumerate(tokens) if one.token_type is not TokenType.COMMA or not trailing(tokens, at)]
    parsed = _parsed(engine, tokens, text, known)
    disorder = list(clauses(tokens))
    if disorder and not (isinstance(parsed, Problem) and "did you mean" in parsed.help):
        return None, disorder, tokens
    if isinstance(parsed, Problem):
        beyond_us = parsed.code == "E501" and dialect == "duckdb" and unread(parsed, tokens)
        return None, [] if beyond_us else [parsed], tokens
    if parsed is None:
        return None, [], tokens
    nodes = Nodes(parsed)
    _placed(nodes, tokens)
    if dialect == "duckdb":
        _parts(nodes, text)
    outside = list(_outside(tokens, OUTSIDE | ENGINE if dialect == "duckdb" else OUTSIDE))
    called = [] if outside or dialect != "duckdb" else list(_functions(nodes))
    named = _named(nodes, tokens)
    wrong = [*outside, *called, *_paths(nodes, text, dialect), *_no_queries(nodes), *_changes(nodes), *_pivots(nodes)]
    wrong += named
    return nodes, wrong, tokens


def _unbalanced(tokens: Sequence[Token]) -> list[Problem]:
    """Return what is wrong with brackets: where one is missing, if that can be seen, else which one is too many."""
    found = list(depth(tokens))
    if found:
        nearer = unopened if found[0].help == "remove it" else unended if found[0].help == "end it with `)`" else None
        return list(nearer(tokens))[:1] or found if nearer is not None else found
    return []


def _parsed(engine: Any, tokens: list[Token], text: str, known: Collection[str]) -> exp.Expr | Problem | None:
    """Return a query's tree, what is wrong with it, or nothing where the parser itself fails."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True  # it warns of what it does not know; the checks here say it better
    try:
        (tree,) = [
            one for one in engine.parser().parse(tokens, text) if one is not None and type(one) is not exp.Semicolon
        ]
    except ParseError as error:
        return syntax(error, tokens, text, known)
    except RecursionError:
        return Problem("E501", "the query is nested too deep", "split it into several steps", 0, len(text))
    except ValueError:
        return Problem("E501", "the query cannot be read", "", 0, len(text))
    except (AttributeError, TypeError):  # a defect of its own: what the user has written may be right
        return None
    finally:
        logger.disabled = before
    if not isinstance(tree, _A_QUERY):
        return Problem("E504", "this is not a query", SELECT_HELP, tokens[0].start, tokens[0].end + 1)
    return tree


_A_QUERY = (exp.Query, exp.Values, exp.Pivot)


def _statements(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report what is not one query: further statements, and those that begin with another word."""
    first = tokens[0]
    word = first.text.upper()
    if word in STATEMENTS:
        message = f"`{word}` is not allowed here"
        yield Problem("E504", message, SELECT_HELP, first.start, first.end + 1)
    elif word not in QUERIES and first.token_type not in (TokenType.L_PAREN, TokenType.SUMMARIZE, TokenType.DESCRIBE):
        help = meant(word, QUERIES) or "a query begins with `select`, `with`, `from` or `values`"
        yield Problem("E501", f"{shown(first)} is not expected here", help, first.start, first.end + 1)
    for index, token in enumerate(tokens[:-1]):
        if token.token_type is TokenType.SEMICOLON:
            after = tokens[index + 1]
            code = "E504" if after.text.upper() in STATEMENTS else "E501"
            message = "only one statement is allowed"
            yield Problem(code, message, "make it a step of its own", after.start, tokens[-1].end + 1)
            return


def _outside(tokens: Sequence[Token], names: Collection[str]) -> Iterator[Problem]:
    """Report functions that read files, other systems or the engine's settings."""
    for token, after in pairwise(tokens):
        name = token.text.lower()
        if name in names and after.token_type is TokenType.L_PAREN and token.token_type is not TokenType.STRING:
            help = _INSTEAD.get(name, "read it with a `read` step: the platform decides what is reachable")
            yield Problem("E505", f"`{name}` is not allowed in the SQL of a step", help, token.start, token.end + 1)


def _functions(nodes: Nodes) -> Iterator[Problem]:
    """Report table functions that the runtime would refuse: all but those that only compute."""
    for table in nodes.of(exp.Table):
        call = table.this
        if not isinstance(call, exp.Func):
            continue
        names = [call.name] if isinstance(call, exp.Anonymous) else type(call).sql_names()
        if TABLE_FUNCTIONS.isdisjoint(name.lower() for name in names):
            allowed = listing(sorted(TABLE_FUNCTIONS))
            message = f"the function `{names[0].lower()}` cannot stand in FROM"
            yield Problem("E505", message, f"these can: {allowed}", *place(table))


def _paths(nodes: Nodes, text: str, dialect: str) -> Iterator[Problem]:
    """Report files in the place of tables."""
    for table in nodes.of(exp.Table):
        name = table.this
        if not isinstance(name, exp.Identifier):
            continue
        start, end = place(name)
        literal = text[start : start + 1] == "'"
        spark = dialect == "spark" and table.db.lower() in FILE_CATALOGS
        if literal or spark or (name.args.get("quoted") and PATH.search(name.name)):
            help = "read it with a `read` step: the platform decides what is reachable"
            yield Problem("E505", "a file cannot stand in the place of a table", help, start, end)


def _named(nodes: Nodes, tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report names that are given to values in parentheses: `(day as date)`, `(a.id b_id)`."""
    for node in nodes.of(exp.Paren):
        alias = node.this.args.get("alias") if isinstance(node.this, exp.Alias) else None
        if not isinstance(alias, exp.Identifier) or "start" not in alias.meta:
            continue
        start, end = place(alias)
        before = next((one for one in reversed(tokens) if one.end < start), tokens[0])
        if before.token_type is TokenType.ALIAS:
            help = "write `cast(… as …)`, or the name behind the parentheses"
            yield Problem("E501", f"{shown(before)} is not expected here", help, before.start, before.end + 1)
        else:
            message = f"`{alias.name}` is not expected here"
            yield Problem("E501", message, "is an operator missing before it?", start, end)


_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command, exp.Into)


def _no_queries(nodes: Nodes) -> Iterator[Problem]:
    """Report what stands after WITH and is no query, such as `describe t`."""
    for node in nodes.of(exp.CTE):
        if not isinstance(node.this, (*_A_QUERY, *_CHANGES)):
            name = node.args["alias"]
            yield Problem("E504", f"`{name.name}` is not a query", SELECT_HELP, *place(name))


def _changes(nodes: Nodes) -> Iterator[Problem]:
    """Report statements inside the query that change something."""
    for node in nodes.of(*_CHANGES):
        start, end = place(node)
        yield Problem("E504", "a query cannot change anything", SELECT_HELP, start, end)


def _pivots(nodes: Nodes) -> Iterator[Problem]:
    """Report columns that are made of rows: the engine asks for these first, by a statement of its own."""
    for node in nodes.of(exp.Pivot):
        of_values = [] if node.args.get("unpivot") else node.args.get("fields") or node.expressions
        for made in of_values:
            if not isinstance(made, exp.In) or made.find(exp.Query):
                help = "name the values that become columns, such as `on status in ('open', 'paid')`"
                yield Problem("E504", "the columns of `pivot` are to be known before the run", help, *place(made))


def _placed(nodes: Nodes, tokens: Sequence[Token]) -> None:
    """Give aggregates their places where the parser did not: it reads MAX and a few others in ways of its own."""
    starts: dict[int, int] = {}
    for node in nodes.of(exp.AggFunc):
        first = node.this
        if "start" in node.meta or not isinstance(first, exp.Expr):
            continue
        starts = starts or {token.start: at for at, token in enumerate(tokens)}
        at = starts.get(place(first)[0], 0) - 1
        at -= tokens[at].token_type is TokenType.DISTINCT
        if at > 0 and tokens[at].token_type is TokenType.L_PAREN and tokens[at - 1].text.isidentifier():
            node.meta.update(start=tokens[at - 1].start, end=tokens[at - 1].end)


def _parts(nodes: Nodes, text: str) -> None:
    """Make the first value of functions of dates a column again where it is: the parser takes any name for a part."""
    for node in nodes.of(exp.DateDiff, exp.TimestampTrunc):
        found = _BARE.match(text, node.meta["end"] + 1) if "start" in node.meta else None
        if found is not None and isinstance(node.args.get("unit"), exp.Var):
            name = exp.to_identifier(found[1], quoted=False)
            name.update_positions(start=found.start(1), end=found.end(1) - 1)
            node.set("unit", exp.column(name))


_BARE = re.compile(r"\s*\(\s*([A-Za-z_]\w*)\s*,")
"""A name as the first value of a call."""


def placeholders(nodes: Nodes) -> Iterator[str]:
    """Yield the names of `$name`, the numbers of `$1`, and `?` for each that has none."""
    for node in nodes.of(exp.Placeholder, exp.Parameter):
        inner = node.this
        yield str(inner.name if isinstance(inner, exp.Expr) else inner) if inner else "?"


def place(node: exp.Expr) -> tuple[int, int]:
    """Return where a node stands: from its first to its last part that has a place."""
    spots = [one.meta for one in node.walk() if "start" in one.meta]
    if not spots:
        return (0, 1) if node.parent is None else place(node.parent)
    return min(spot["start"] for spot in spots), max(spot["end"] for spot in spots) + 1
