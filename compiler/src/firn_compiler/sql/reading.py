"""From text to a tree: one statement that is a query, without anything that reaches outside."""

import logging
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.nodes import Nodes
from firn_schemas.sql_functions import TABLE_FUNCTIONS

MAX_TEXT = 256 * 1024
MAX_DEPTH = 60
MAX_OPERATORS = 2000

STATEMENTS = frozenset(
    (
        "ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE DELETE DETACH DO"
        " DROP EXECUTE EXPLAIN EXPORT FORCE GRANT IMPORT INSERT INSTALL LISTEN LOAD LOCK MERGE PRAGMA PREPARE"
        " REFRESH REINDEX RESET REVOKE ROLLBACK SET SHOW START TRUNCATE UPDATE USE VACUUM"
    ).split()
)
"""Words that begin a statement which is no query."""

QUERIES = frozenset(["(", "FROM", "PIVOT", "SELECT", "TABLE", "UNPIVOT", "VALUES", "WITH"])
CLAUSES = frozenset(
    (
        "SELECT FROM WHERE GROUP ORDER HAVING LIMIT OFFSET QUALIFY WINDOW UNION INTERSECT EXCEPT JOIN LEFT"
        " RIGHT INNER OUTER CROSS USING VALUES WITH DISTINCT BETWEEN"
    ).split()
)

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

PATH = re.compile(
    r"[/\\]|\.(csv|tsv|parquet|json|ndjson|jsonl|xlsx|avro|db|duckdb|sqlite|arrow|txt|gz|zst)$|^[a-z]+:", re.I
)
FILE_CATALOGS = frozenset(["csv", "parquet", "json", "orc", "avro", "text", "binaryfile", "delta", "iceberg"])
"""Spark reads ``parquet.`path` `` as a file."""

SELECT_HELP = "the SQL of a step is one SELECT; what it can reach is for the platform to say"


def read(text: str, dialect: str) -> tuple[Nodes | None, list[Problem]]:
    """Return the query's tree, and what is wrong with the text; there is no tree where it cannot be read."""
    whole = len(text)
    if whole > MAX_TEXT:
        return None, [Problem("E501", f"the query is longer than {MAX_TEXT // 1024} KiB", "split it", 0, 1)]
    engine = Dialect.get_or_raise(dialect)
    try:
        tokens = engine.tokenize(
            f"{text}\n"
        )  # without it, `$1 … ''` at the end of a text is taken for a quote left open
    except TokenError:
        return None, [_unclosed(text)]
    if not tokens:
        return None, [Problem("E501", "the query is empty", "write a SELECT", 0, max(whole, 1))]
    problems = list(_statements(tokens)) or list(_depth(tokens)) or list(_gaps(tokens))
    if not problems and _FOREIGN.search(text):
        problems = list(_foreign(tokens))
    if problems:
        return None, problems
    parsed = _parsed(engine, tokens, text)
    if isinstance(parsed, Problem):
        pivot = any(token.text.upper() in ("PIVOT", "UNPIVOT") for token in tokens)  # the parser knows few forms of it
        return None, [] if pivot and parsed.code == "E501" else [parsed]
    nodes = Nodes(parsed)
    outside = list(_outside(tokens))
    called = [] if outside or dialect != "duckdb" else list(_functions(nodes))
    return nodes, [*outside, *called, *_paths(nodes, text, dialect), *_changes(nodes)]


def _parsed(engine: Any, tokens: list[Token], text: str) -> exp.Expr | Problem:
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True  # it warns of what it does not know; the checks here say it better
    try:
        (tree,) = [one for one in engine.parser().parse(tokens, text) if one is not None]
    except ParseError as error:
        return _syntax(error, tokens, text)
    except RecursionError:
        return Problem("E501", "the query is nested too deep", "split it into several steps", 0, len(text))
    except ValueError:
        return Problem("E501", "the query cannot be read", "", 0, len(text))
    finally:
        logger.disabled = before
    if not isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        return Problem("E504", "this is not a query", SELECT_HELP, tokens[0].start, tokens[0].end + 1)
    return tree


def _statements(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report what is not one query: further statements, and those that begin with another word."""
    first = tokens[0]
    word = first.text.upper()
    if word in STATEMENTS:
        message = f"`{word}` is not allowed here"
        yield Problem("E504", message, SELECT_HELP, first.start, first.end + 1)
    elif word not in QUERIES and first.token_type not in (TokenType.L_PAREN, TokenType.SUMMARIZE, TokenType.DESCRIBE):
        help = _meant(word, QUERIES) or "a query begins with `select`, `with`, `from` or `values`"
        yield Problem("E501", f"{_shown(first)} is not expected here", help, first.start, first.end + 1)
    for index, token in enumerate(tokens[:-1]):
        if token.token_type is TokenType.SEMICOLON:
            after = tokens[index + 1]
            code = "E504" if after.text.upper() in STATEMENTS else "E501"
            message = "only one statement is allowed"
            yield Problem(code, message, "make it a step of its own", after.start, tokens[-1].end + 1)
            return


def _depth(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report nesting that would take more than a reasonable stack, and brackets that do not fit."""
    open_: list[Token] = []
    chain = 0
    for token in tokens:
        kind = token.token_type
        if kind in _NAMES:
            continue
        chain = 0 if kind is _COMMA else chain + 1
        if kind in _CLOSING:
            if not open_ or _CLOSING[kind] is not open_[-1].token_type:
                yield Problem("E501", f"`{token.text}` closes nothing", "remove it", token.start, token.end + 1)
                return
            open_.pop()
        elif kind in _OPENING:
            open_.append(token)
        if len(open_) > MAX_DEPTH or chain > MAX_OPERATORS:
            help = "split it into several steps"
            yield Problem("E501", "the query is nested too deep", help, token.start, token.end + 1)
            return
    if open_:
        left = open_[-1]
        words = {"(": "a parenthesis", "[": "a bracket", "{": "a brace"}
        what = words.get(left.text, "`case`")
        close = {"(": ")", "[": "]", "{": "}"}.get(left.text, "end")
        yield Problem("E501", f"{what} is not closed", f"end it with `{close}`", left.start, left.end + 1)


_COMMA = TokenType.COMMA
_NAMES = frozenset([TokenType.VAR, TokenType.NUMBER, TokenType.STRING, TokenType.IDENTIFIER])
_OPENING = frozenset([TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE])
_CLOSING = {
    TokenType.R_PAREN: TokenType.L_PAREN,
    TokenType.R_BRACKET: TokenType.L_BRACKET,
    TokenType.R_BRACE: TokenType.L_BRACE,
    TokenType.END: TokenType.CASE,
}


def _gaps(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report clauses that hold nothing, and commas that separate nothing: the parser lets them pass."""
    clause = None
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind not in _SEPARATING:
            continue
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        clause = kind if kind in _NEEDING else clause
        ends = after is None or after.token_type in (TokenType.R_PAREN, TokenType.SEMICOLON)
        following = after.text.upper() if after is not None and after.token_type not in _QUOTED else ""
        if kind is _COMMA and (ends or following == "," or following in _AFTER_A_LIST):
            if after is not None and after.token_type is TokenType.R_PAREN:
                continue  # a list may end with a comma
            if clause is TokenType.GROUP_BY or following == "FROM":
                continue  # so may the lists of a SELECT and of GROUP BY
            yield Problem("E501", "a comma separates nothing here", "remove it", token.start, token.end + 1)
        elif following == "," and kind in (TokenType.SELECT, TokenType.DISTINCT) and after is not None:
            yield Problem("E501", "a comma separates nothing here", "remove it", after.start, after.end + 1)
        elif kind in _NEEDING and (ends or following in _NEEDING[kind]):
            message = f"`{token.text.lower()}` is followed by nothing"
            yield Problem("E501", message, "complete it, or remove it", token.start, token.end + 1)


_BRACES = frozenset([TokenType.L_BRACKET, TokenType.L_BRACE])
_FOREIGN = re.compile(r"(?<!:):[A-Za-z_]|\{\s*[A-Za-z_]\w*\s*\}")
"""What only other tools' placeholders look like; it may stand in a text too."""


def _foreign(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report placeholders in the spelling of other tools."""
    depth = 0
    for before, token in pairwise(tokens):
        depth += before.token_type in _BRACES
        depth -= before.token_type in _CLOSING and _CLOSING[before.token_type] in _BRACES
        close = token.start == before.end + 1 and depth == 0  # inside, it is a slice, or a field's value
        if before.token_type is TokenType.COLON and close and token.token_type is TokenType.VAR:
            help = f"write `${token.text}`, and its value in `params`"
            yield Problem("E501", f"`:{token.text}` is no placeholder", help, before.start, token.end + 1)
    for opening, token, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        kinds = (opening.token_type, token.token_type, closing.token_type)
        if kinds == (TokenType.L_BRACE, TokenType.VAR, TokenType.R_BRACE):
            help = f"write `${token.text}` with `params`, or a template of two braces: `{{{{ var.{token.text} }}}}`"
            yield Problem("E501", f"`{{{token.text}}}` is no placeholder", help, opening.start, closing.end + 1)


_QUOTED = (TokenType.STRING, TokenType.IDENTIFIER)
_AFTER_A_LIST = frozenset(["FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "QUALIFY"])
_ENDS = frozenset(["WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "QUALIFY", "UNION", "INTERSECT", "EXCEPT"])
_NEEDING = {
    TokenType.SELECT: frozenset([*_ENDS, "FROM"]),
    TokenType.FROM: _ENDS,
    TokenType.WHERE: _ENDS,
    TokenType.GROUP_BY: _ENDS,
    TokenType.ORDER_BY: _ENDS,
    TokenType.HAVING: _ENDS,
    TokenType.LIMIT: _ENDS,
    TokenType.ON: _ENDS,
}
_SEPARATING = frozenset([TokenType.COMMA, TokenType.DISTINCT, *_NEEDING])


def _syntax(error: ParseError, tokens: Sequence[Token], text: str) -> Problem:
    """Say the parser's finding in the words of the person who wrote the query."""
    first = error.errors[0] if error.errors else {}
    at = _token_at(tokens, first.get("line") or 1, first.get("col") or 1)
    token, before = tokens[at], tokens[at - 1] if at else None
    description = str(first.get("description") or "")
    help = _meant(token.text, CLAUSES)
    if before is not None and (earlier := _meant(before.text, CLAUSES)):
        token, help = before, earlier
    shown = _shown(token)
    message = f"{shown} is not expected here"
    if token.text.upper() == "TOP" or (before is not None and before.text.upper() == "TOP"):
        help = "write `limit` at the query's end"
    elif token.text == "-" or (before is not None and before.text == "-"):
        help = help or 'a name that holds `-` stands in double quotes, such as `"my-step"`'
    if "Required keyword" in description or "Expected table name" in description:
        last = at == len(tokens) - 1 or "Required keyword" in description
        message = f"something is missing after {shown}" if last else message
    elif description.startswith("Expecting )"):
        message = f"a parenthesis should be closed after {shown}"
    elif "END after CASE" in description:
        message, help = "`case` is not closed", "end it with `end`"
    return Problem("E501", message, help, token.start, min(token.end + 1, len(text)))


def _token_at(tokens: Sequence[Token], line: int, column: int) -> int:
    found = [at for at, token in enumerate(tokens) if (token.line, token.col) <= (line, column)]
    return found[-1] if found else 0


def _meant(word: str, known: frozenset[str]) -> str:
    """Return help for a misspelt keyword."""
    upper = word.upper()
    if upper in known or not upper.isalpha():
        return ""
    close = get_close_matches(upper, sorted(known), n=1, cutoff=0.74)
    return f"did you mean `{close[0].lower()}`?" if close else ""


def _shown(token: Token) -> str:
    """Return a token for a message: words and signs as they are, texts never."""
    if token.token_type is TokenType.STRING:
        return "this text"
    return f"`{token.text if len(token.text) <= 30 else token.text[:29] + '…'}`"


def _unclosed(text: str) -> Problem:
    """Find the quote or comment that is never closed."""
    at, open_ = 0, 0
    while at < len(text):
        match = _QUOTE.match(text, at)
        if match is None:
            at += 1
            continue
        opening = match[0]
        closing = "*/" if opening == "/*" else "\n" if opening == "--" else opening
        end = text.find(closing, match.end())
        if end < 0 and opening != "--":
            open_ = at
            what = "a comment" if opening == "/*" else "a quote"
            return Problem("E501", f"{what} is not closed", f"close it with `{closing}`", open_, open_ + len(opening))
        at = end + len(closing) if end >= 0 else len(text)
    return Problem("E501", "the query cannot be read", "", open_, len(text))


_QUOTE = re.compile(r"'|\"|`|/\*|--|\$[A-Za-z_]*\$")


def _outside(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report functions that read files, other systems or the engine's settings."""
    for token, after in pairwise(tokens):
        name = token.text.lower()
        if name in OUTSIDE and after.token_type is TokenType.L_PAREN and token.token_type is not TokenType.STRING:
            help = "read it with a `read` step: the platform decides what is reachable"
            yield Problem("E505", f"`{name}` is not allowed in the SQL of a step", help, token.start, token.end + 1)


def _functions(nodes: Nodes) -> Iterator[Problem]:
    """Report table functions that the runtime would refuse: all but those that only compute."""
    for table in nodes.of(exp.Table):
        call = table.this
        if not isinstance(call, exp.Func):
            continue
        names = [call.name] if isinstance(call, exp.Anonymous) else type(call).sql_names()
        if TABLE_FUNCTIONS.isdisjoint(name.lower() for name in names):
            allowed = ", ".join(f"`{name}`" for name in sorted(TABLE_FUNCTIONS))
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


def _changes(nodes: Nodes) -> Iterator[Problem]:
    """Report statements inside the query that change something."""
    for node in nodes.of(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command, exp.Into):
        start, end = place(node)
        yield Problem("E504", "a query cannot change anything", SELECT_HELP, start, end)


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
