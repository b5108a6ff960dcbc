"""The engine's exceptions as connector errors: one sentence each, of one class, without values of the data."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os.path import basename

import duckdb

from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.visible import visible

_CLASSES: dict[str, ErrorClass] = {
    "FatalException": "process",
    "InternalException": "process",
    "InterruptException": "timeout",
    "OutOfMemoryException": "process",
    "PermissionException": "process",
    "TransactionException": "conflict",
}
"""By the engine's own name of the exception; every other one is about the data."""
_MORE = "give the compute more `memory_limit`, or fewer `threads`: 64 MB for each, 96 MB with JSON, sorts or joins"

_LOCKED = re.compile(
    r"database is locked|Could not set lock|Conflicting lock|Transaction conflict|write-write conflict"
)
_DISK = re.compile(
    r"No space left|Could not (write|f?sync)|failed to offload|disk is full|disk I/O error", re.IGNORECASE
)

_OF_A_SERVER = re.compile(
    r"(for|prepare) COPY|(to|from) Postgres\b|Postgres (server|connection)"
    r'|execute query "(?s:.*)": (server|could not|no connection|SSL|FATAL|ERROR|\n\nLINE |\s*\Z)',
    re.IGNORECASE,
)
"""Of a query without COPY the reason says it, or that there is none: the extension for SQLite begins alike."""

_PREFIX = re.compile(r"^(?:[A-Z]\w*(?: \w+)*? Error|TransactionContext Error): ")
_PATH = re.compile(r"""(\bfile (["']))/[^"'\n]*/(?=[^/"'\n]+\2)""", re.IGNORECASE)
"""The folders before a file's name, which say where a machine keeps things."""

_NUMBER = re.compile(r"(?<!\w)-?\d(?:[\d.e+-]*\d)?(?!\w)")
"""A number that is no part of a type's name."""

_QUOTED_VALUE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"""Failed to (?:prepare|execute) query ".*": """, re.DOTALL), ""),
    (
        re.compile(r"""Could not set lock on (file "[^"]*"):.*?( \(PID \d+\)|\Z).*""", re.DOTALL),
        r"the \1 is open in another process\2",
    ),
    (re.compile(r"""(?<=Failed to cast )decimal value \S+"""), "a decimal"),
    (re.compile(r"""(?<=Casting )value "[^"]*"(?= to type \S+ failed: value is out of range)"""), "a value"),
    (
        re.compile(r"""(?<=^Error when converting column )".*?"(?=\. Could not)""", re.DOTALL | re.MULTILINE),
        lambda found: visible(found[0]),
    ),
    (
        re.compile(r"""timestamp field value ".*" has a timestamp that is not UTC.*""", re.DOTALL),
        "a timestamp is not in UTC",
    ),
    (
        re.compile(r"""\b(string|value) (["']).*\2(?= (?:to|can't|cannot|has|is|in|for|when|as|using)\b)""", re.DOTALL),
        r"a \1",
    ),
    (re.compile(r'''(out of range|format|convert|timestamp|value): ".*"''', re.DOTALL), r"\1"),
    (re.compile(r"""found ".*" of type""", re.DOTALL), "found one of type"),
    (re.compile(r"""with value .+ can't be cast""", re.DOTALL), "with a value that can't be cast"),
    (re.compile(r"(in line \d+): Object .* has duplicate key .*", re.DOTALL), r"\1: an object has a duplicate key"),
    (
        re.compile(r"""(JSON transform error in file ".*?", in line \d+): (?!an object has).*""", re.DOTALL),
        r"\1: a value does not fit its column",
    ),
    (re.compile(r"""Duplicate key ".*" violates""", re.DOTALL), "a duplicate key violates"),
    (re.compile(r"""(Malformed JSON at byte \d+ of input: [^.]*)\..*""", re.DOTALL), r"\1"),
    (re.compile(r"""Failed to cast value to (\w+): .*""", re.DOTALL), r"a value of JSON is not \1"),
    (re.compile(r"""Object \{.*\} has unknown key .*""", re.DOTALL), "an object of JSON has a key that its type lacks"),
    (re.compile(r"""Object \{.*\} has duplicate key .*""", re.DOTALL), "an object of JSON has a duplicate key"),
    (re.compile(r"""Object \{.*\} does not have key .*""", re.DOTALL), "an object of JSON lacks a key of its type"),
    (re.compile(r"""Expected ([A-Z]+), but got ([A-Z]+): .*""", re.DOTALL), r"a value of JSON is \2, not \1"),
    (re.compile(r"""Expected array of size (\d+), but got .*""", re.DOTALL), r"an array of JSON has not the size \1"),
    (re.compile(r"""Could not cast value \S+ to""", re.DOTALL), "Could not cast a value to"),
    (re.compile(r"""Could not parse string ".*" according to""", re.DOTALL), "Could not parse a text according to"),
    (re.compile(r"""(string -> blob conversion) of string ".*""", re.DOTALL), r"\1"),
    (re.compile(r"""((?:Date|Time|Timestamp) out of range): .*""", re.DOTALL), r"\1"),
    (re.compile(r"""(Invalid UTF8 Codepoint) .*""", re.DOTALL), r"\1"),
    (re.compile(r"""extract specifier ".*" not recognized""", re.DOTALL), "a part of a date is not known by that name"),
    (re.compile(r"""Unknown TimeZone '.*""", re.DOTALL), "a time zone is not known"),
    (
        re.compile(r"""\AInvalid Input Error: ((?:missing|invalid|bad|no argument)[\w ]* ?[\])]?): .*""", re.DOTALL),
        r"regular expression: \1",
    ),
    (re.compile(r"""(?<=Out of Range Error: ).*""", re.DOTALL), lambda found: _NUMBER.sub("…", found[0])),
    (
        re.compile(r"""Duplicate name "(.*)" in struct auto-detected in JSON, try ignore_errors=true""", re.DOTALL),
        r"objects in a column have keys that differ in case alone, such as `\1`: `schema` may call the column `json`",
    ),
    (re.compile(r"\. Try auto-detecting the JSON format"), ""),
    (
        re.compile(r"Unimplemented SQLite type for column of type (\w+)"),
        r"a column holds values of another type than its \1",
    ),
    (
        re.compile(r"""(Malformed JSON in file ".*?", at byte \d+ in (?:line|record))(?:/value)? (\d+)"""),
        lambda found: f"{found[1]} {int(found[2]) - 1}",
    ),
    (
        re.compile(r""""maximum_object_size" of \d+ bytes exceeded while reading (file ".*?").*""", re.DOTALL),
        r"a record of the \1 is longer than 16 MB",
    ),
    (re.compile(r"Max expression depth limit of \d+ exceeded\..*"), "queries are nested too deep"),
    (re.compile(r"Invalid unicode \(.*\) detected\. This file is not utf-8 encoded"), "it is not UTF-8"),
    (re.compile(r" is encrypted, but 'encryption_config' was not set"), " is encrypted, and is not read"),
    (
        re.compile(r"Value with unterminated quote found"),
        "the quotes of a field are not closed, or something stands behind them",
    ),
    (re.compile(r"File is not utf-16 encoded"), "a file is not UTF-16, or has characters beyond U+FFFF"),
    (
        re.compile(r"COLUMN_TYPES error: Columns with names: (.*) do not exist in.*"),
        r"`schema` names what is not there: \1",
    ),
    (
        re.compile(r"Invalid unicode \(.*\) detected in .*|Failure in decode: [^\n]*"),
        "a column holds a text that is not UTF-8",
    ),
)
"""Where the engine quotes data, as rows may hold what a log must not, names what may be of several lines, gives advice
that nobody can follow here, or counts lines of broken JSON from 2 on."""

_KEPT = re.compile(
    r"^(Error when converting|it is not UTF-8|Maximum line size|Candidate bindings|Did you mean"
    r"|Expected Number of Columns|Column a|the quotes of a field)",
    re.I,
)
_FILE = "file = "
"""Before the path of the CSV file that an error is about."""
_NOISE = re.compile(r"^(LINE \d+:|Original Line|Possible |\* |Try setting|\s*\^)|pg_|duckdb_|information_schema")


_SNIFFING = "Error when sniffing file"
_NO_CSV = "the rows of a CSV file cannot be told apart in"
_LAYOUT = (
    "`format_options` of the read says how the file is laid out: `delimiter`, `quote`, `escape`, `header`, `encoding`;"
    " one with lines that are no rows, such as a trailer, is read line by line and taken apart in a `sql` step"
)
AS_TEXT = "`schema: {{{}: varchar}}` in a read of the table takes them as texts; or leave it out by `columns`"
"""What to do about a column of SQLite whose values are not all of its type."""
_AS_BYTES = "`schema` in a read of a table of SQLite takes the bytes: `schema: {{{}: blob}}`"
_NO_MOMENT = "`try_cast` makes NULL of it; `schema: {{column: varchar}}` in a read of a table of SQLite takes the text"
_OTHER_ENCODING = "`format_options: {{encoding: latin-1}}` or `utf-16` reads it, if that is what it is"
_SHORTER = "a row is 32 MB at most here: read less of it by `columns` or `sql`"
_KEY_BY_KEY = "`unnest(cast(lines as json[])) as line` makes rows of a JSON list, and `line ->> 'sku'` takes one key"
_ADVICE = (
    (re.compile(_NO_CSV), _LAYOUT),
    (re.compile("CSV Error on Line: .*it is not UTF-8"), _OTHER_ENCODING),
    (re.compile("CSV Error on Line: .*(Expected Number of Columns|the quotes of a field)"), _LAYOUT),
    (re.compile("CSV Error on Line: .*Maximum line size .*`rows.csv`"), _SHORTER),
    (re.compile("a file is not UTF-16"), "the engine reads those in UTF-8 alone"),
    (re.compile("queries are nested too deep"), "`materialize: true` on a step between ends a long chain of streams"),
    (re.compile('Invalid type in column "(.*)": column was declared as text, found one of type "blob"'), _AS_BYTES),
    (re.compile('Invalid type in column "(.*)": '), AS_TEXT),
    (re.compile("(?:a|the) column(?: `(.*)`)? holds a text that is not UTF-8"), _AS_BYTES),
    (re.compile("a (column) holds values of another type"), AS_TEXT),
    (re.compile("an object of JSON has a key that its type lacks"), _KEY_BY_KEY),
    (re.compile("UNNEST.* (requires a single list|not JSON)"), _KEY_BY_KEY),
    (
        re.compile("(?:date|timestamp) field value|invalid (?:date|timestamp) field|a timestamp is not in UTC"),
        _NO_MOMENT,
    ),
    (re.compile("file is not a database"), "it is no file of SQLite, or an encrypted one"),
    (re.compile("database disk image is malformed"), "the file is damaged: restore it, or see SQLite's `.recover`"),
    (
        re.compile('the file ".*" is open in another process'),
        "`retry` with `on: [conflict]` tries again; flows that share the file take turns by one `lock` of their jobs",
    ),
    (re.compile("database is locked"), "another process is at work on the file; `busy_timeout` says how long to wait"),
    (
        re.compile("attempt to write a readonly database"),
        "another process has left the file in the middle of a write: let a program that may write to it open it once",
    ),
)
_UNSAID = {"TypeMismatchException": "a column holds values of another type than it is declared with"}
"""What errors without a text are: some versions of Python give none where it would quote bytes that are not UTF-8."""
_CUT_WRONG = ("CSV Error", _NO_CSV, "The Parallel CSV Reader")

_SERVER: tuple[tuple[str, ErrorClass, str], ...] = (
    ("statement timeout", "timeout", "the statement took longer than `statement_timeout`"),
    ("canceling statement", "timeout", "the statement was interrupted"),
    ("permission denied", "auth", "the database server does not let this user read the table"),
    (
        r"unable to connect|terminating connection|connection to server|closed the connection|could not (receive|send)"
        r'|no connection|SSL|system is (starting|shutting)|": *(\n\nLINE |\s*\Z)',
        "connection",
        "the database server has closed the connection",
    ),
    (
        "invalid byte sequence",
        "data",
        "a text is not UTF-8: read it as bytes by `sql`, such as `convert_to(name, 'SQL_ASCII')`",
    ),
    ("", "data", "the database server refused the statement"),
)
"""What the extension for PostgreSQL says, by the first pattern that is in it. Its own words hold addresses and data; it
gives no reason where the connection had broken before."""


def translated(error: Exception) -> ConnectorError:
    """Return the error that stands for one of the engine's."""
    text = str(error)
    if _OF_A_SERVER.search(text):
        row = next(row for row in _SERVER if re.search(row[0], text, re.IGNORECASE))
        return ConnectorError(*row[1:])
    name = type(error).__name__
    sentence = _sentence(text or _UNSAID.get(name, ""))
    help = _MORE if name == "OutOfMemoryException" else _advice(sentence)
    return ConnectorError(_class_of(name, text), sentence, help)


def _advice(sentence: str) -> str:
    """Return what a person can do about what is said, if that is known."""
    return next((help.format(*found.groups("column")) for said, help in _ADVICE if (found := said.match(sentence))), "")


def is_cut_wrong(error: ConnectorError) -> bool:
    """Return whether a text file could not be cut into rows: a row was too long for the limits of its reading, or a
    thread that began in the middle took a line of a quoted field for a row."""
    return error.message.startswith(_CUT_WRONG)


def is_unlike(error: ConnectorError) -> bool:
    """Return whether no layout was found by which all rows of a text file are alike."""
    return _NO_CSV in error.message


def _class_of(name: str, text: str) -> ErrorClass:
    if _LOCKED.search(text):
        return "conflict"
    if _DISK.search(text):
        return "process"
    return _CLASSES.get(name, "data")


def _sentence(text: str) -> str:
    """Keep the first line and those that say where; drop advice, listings and data."""
    lines = [line.strip() for line in _without_values(text).splitlines()]
    first = _PREFIX.sub("", lines[0]) if lines else ""
    if first.startswith(_SNIFFING):
        file = first.removeprefix(_SNIFFING).strip(' ."')
        return f"{_NO_CSV} `{file}`: its delimiter, quote or escape is another, or its rows differ in length"
    kept = [line for line in lines[1:] if _KEPT.match(line) and not _NOISE.search(line)][:2]
    kept += [f"in the file `{basename(line.removeprefix(_FILE))}`" for line in lines[1:] if line.startswith(_FILE)]
    return "; ".join(part.rstrip(".!;") for part in [first or "the engine failed", *kept])


def _without_values(text: str) -> str:
    for pattern, replacement in _QUOTED_VALUE:
        text = pattern.sub(replacement, text)
    return _PATH.sub(r"\1", text)


@contextmanager
def translating() -> Iterator[None]:
    """Raise what the block raises of the engine's as a ConnectorError."""
    try:
        yield
    except duckdb.Error as error:
        raise translated(error) from None
    except UnicodeDecodeError as error:  # what the engine says quotes data that is no text
        raise translated(duckdb.Error(error.object.decode(errors="replace"))) from None
    except (OverflowError, TypeError, ValueError):
        raise ConnectorError("data", "a bound value is of a type that the engine cannot take") from None
