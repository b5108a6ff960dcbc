"""What is wrong with a text that is not YAML, in the words and at the place of the person who wrote it.

The parser says where it could not go on; the mistake is often before that: a colon, a bracket or a quote that is
missing shows lines later.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span
from firn_compiler.scalars import MAX_KEY

At = tuple[int, int]
"""A line and a column, from 1."""


class Trouble(NamedTuple):
    """Where and why libyaml could not go on."""

    problem: str
    at: At
    context: str = ""
    """What it was reading, such as `while parsing a flow mapping`."""
    since: At | None = None
    """Where that began."""
    quoted: Span | None = None
    """The last text in quotes before it that goes on over lines."""


COLON = "found unexpected ':'"


def syntax_finding(file: str, lines: list[str], trouble: Trouble) -> Diagnostic:
    """Return the one finding of a text that cannot be read."""
    if trouble.since is not None and trouble.since[0] > len(lines):
        trouble = trouble._replace(since=None)
    seen = _Seen(file, lines, _inside(lines, trouble), trouble)
    return next(found for look in _LOOKS if (found := look(seen)) is not None)


def _inside(lines: list[str], trouble: Trouble) -> At:
    """Return where the mistake shows; where that is after the last line, where the unfinished value begins."""
    for at in (trouble.at, trouble.since):
        if at is not None and at[0] <= len(lines) and at < (len(lines), len(lines[-1]) + 1):
            return at
    return len(lines), len(lines[-1]) + 1


class _Seen(NamedTuple):
    file: str
    lines: list[str]
    at: At
    trouble: Trouble

    @property
    def here(self) -> str:
        """The line where it could not go on."""
        return self.lines[self.at[0] - 1]

    @property
    def before(self) -> str:
        return self.here[: self.at[1] - 1]

    @property
    def sign(self) -> str:
        return self.here[self.at[1] - 1 : self.at[1]]

    def span(self, at: At, length: int = 1) -> Span:
        return Span(self.file, at[0], at[1], at[0], at[1] + max(length, 1))

    def line_above(self) -> At | None:
        """Return where the text of the nearest line above begins that is neither empty nor a comment."""
        for number in range(self.at[0] - 1, 0, -1):
            text = self.lines[number - 1]
            if text.strip() and not text.lstrip().startswith("#"):
                return number, indentation(text) + 1
        return None

    def word(self, at: At) -> str:
        """Return the text of a line from a place on, up to a comment."""
        return self.lines[at[0] - 1][at[1] - 1 :].partition(" #")[0].rstrip()


def indentation(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def begins_block(line: str) -> bool:
    """Whether the lines below are the text of a block: `key: |`."""
    return re.search(r"(?:^|[:\s])[|>][-+0-9]{0,2}\s*(?:#.*)?$", line) is not None


def _conflict(seen: _Seen) -> Diagnostic | None:
    since = seen.trouble.since
    for number in (seen.at[0], since[0] if since else 0):
        if number and CONFLICT.match(seen.lines[number - 1]):
            where = seen.span((number, 1), len(seen.lines[number - 1]))
            return Diagnostic("E101", "a merge conflict is left in the file", where, "keep one side")
    return None


CONFLICT = re.compile(r"(?:<{7}|={7}|>{7})(?: |\Z)")


def _documents(seen: _Seen) -> Diagnostic | None:
    """Say what stands before or after the one document: a directive, or another document."""
    if "<document start>" not in seen.trouble.problem and not seen.here.startswith("%"):
        return None
    for number, line in enumerate(seen.lines[: seen.at[0]], 1):
        if line.startswith("%"):
            where = seen.span((number, 1), len(line))
            return Diagnostic("E106", "directives (`%`) are not allowed", where, "remove the line")
    return Diagnostic("E106", "text follows the document's end", seen.span(seen.at), "remove `...`")


def _tag(seen: _Seen) -> Diagnostic | None:
    if "tag" in seen.trouble.context or re.search(r"\btag", seen.trouble.problem):
        return Diagnostic("E106", "tags (`!`) are not allowed", seen.span(seen.at), "remove the tag")
    return None


def _tab(seen: _Seen) -> Diagnostic | None:
    tab = seen.here.find("\t", 0, len(seen.here) - len(seen.here.lstrip()))
    if tab >= 0:
        where = seen.span((seen.at[0], tab + 1))
        return Diagnostic("E104", "a tab indents this line", where, "indent with spaces")
    if seen.sign == "\t":
        return Diagnostic("E104", "a tab stands where only spaces can", seen.span(seen.at), "use a space")
    return None


def _control(seen: _Seen) -> Diagnostic | None:
    """Say that a line is a template engine's: it decides about other lines."""
    since = seen.trouble.since
    for number in (seen.at[0], since[0] if since else 0):
        line = seen.lines[number - 1] if number else ""
        if line.lstrip().startswith(("{%", "{#", "{{-", "{{ ")):
            at = number, indentation(line) + 1
            return Diagnostic("E101", CONTROL, seen.span(at, len(seen.word(at))), "only values can hold templates")
    return None


CONTROL = "a line of a template language stands between the keys"


def _swallowed(seen: _Seen) -> Diagnostic | None:
    """Say where a text in quotes goes on over lines, and nothing can follow its end."""
    quoted = seen.trouble.quoted
    if quoted is None or seen.trouble.at[0] != quoted.end_line:
        return None
    message = f"a quote is not closed: its text goes on to the next one, on line {quoted.end_line}"
    return Diagnostic("E101", message, quoted.opening, "close it with the same quote")


def _key_without_colon(seen: _Seen) -> Diagnostic | None:
    since = seen.trouble.since
    if "could not find expected ':'" not in seen.trouble.problem or since is None:
        return None
    if since[0] == seen.at[0] and seen.at[1] - since[1] > MAX_KEY:
        return Diagnostic("E107", f"a key is longer than {MAX_KEY} characters", seen.span(since))
    found = _first_of_block(seen._replace(at=since))
    above = seen._replace(at=since).line_above()
    if found is None and above is not None and begins_block(seen.lines[above[0] - 1]):
        where = seen.span(since, len(seen.word(since)))
        return Diagnostic("E101", "the text is not indented below its key", where, "indent it deeper than the key")
    return found or _no_colon(seen, since)


def _no_colon(seen: _Seen, at: At) -> Diagnostic:
    word = seen.word(at)
    if re.match(r"-[^\s-]", word):
        return Diagnostic("E101", "no space follows the `-`", seen.span(at), "write a space after the `-`")
    if glued := re.match(r"[\w.-]+(?=:\S)", word):
        where = seen.span(at, len(glued[0]) + 1)
        return Diagnostic("E101", "no space follows the `:`", where, "write a space after the `:`")
    key = re.match(r"[\w.-]+", word)
    where = seen.span(at, len(key[0]) if key else len(word))
    return Diagnostic("E101", "this line has no `:` after its key", where, "write `key: value`")


def _deeper(seen: _Seen) -> Diagnostic | None:
    """Say that a line which begins with a key goes on the text of the line above."""
    above, key = seen.line_above(), seen.before.lstrip(" ")
    alone = re.fullmatch(r"(?:- +)*[\w.-]+", key)
    if "mapping values are not allowed" not in seen.trouble.problem or above is None or not alone:
        return None
    written = re.match(r"(?:- +)*(\w[\w.-]*):(?:\s|\Z)", seen.word(above))
    if written is None:
        return _no_colon(seen, above)
    if (found := _item_above(seen)) is not None:
        return found
    where = seen.span((seen.at[0], indentation(seen.here) + 1), len(key))
    help = f"align it with `{written[1]}`, or write nothing after `{written[1]}:`"
    return Diagnostic("E101", DEEPER, where, help)


DEEPER = "the line is indented deeper than its neighbours"


def _odd_quote(seen: _Seen) -> Diagnostic | None:
    value = re.match(r"\s*(?:- +)*(?:[\w.-]+:\s+)?([“”„‘’«])", seen.here)
    if "mapping values are not allowed" not in seen.trouble.problem or value is None:
        return None
    where = seen.span((seen.at[0], value.start(1) + 1))
    return Diagnostic("E101", f"`{value[1]}` is not a quote of YAML", where, "write `'` or `\"`")


def _after_quote(seen: _Seen) -> Diagnostic | None:
    quote = seen.before.rstrip()[-1:]
    if quote not in _QUOTED or not seen.trouble.problem.startswith("did not find expected"):
        return None
    help = f"write a quote that belongs to the text as `{_QUOTED[quote]}`"
    if " flow " in seen.trouble.context:
        help = f"write `,` between two values, and {help.removeprefix('write ')}"
    return Diagnostic("E101", "text follows a closed quote", seen.span(seen.at), help)


_QUOTED = {'"': '\\"', "'": "''"}
_CLOSES = {"]": "[", "}": "{"}


def _brackets(seen: _Seen) -> Diagnostic | None:
    """Say of brackets what is missing: the closing one, where the next line is not inside them, else a comma."""
    since = seen.trouble.since
    if "did not find expected ',' or" not in seen.trouble.problem or since is None:
        return None
    opened = seen.lines[since[0] - 1][since[1] - 1 : since[1]]
    if seen.sign in _CLOSES and seen.at != since:
        message, help = f"`{seen.sign}` does not close `{opened}`", "close `[` with `]` and `{` with `}`"
        return Diagnostic("E101", message, seen.span(seen.at), help)
    key = re.match(r" *(?:- +)*", seen.lines[since[0] - 1])
    outside = seen.at[0] > since[0] and key is not None and indentation(seen.here) <= key.end()
    if outside or seen.at == since or not seen.sign:
        return Diagnostic("E101", "a bracket is not closed", seen.span(since), "close `[` with `]` and `{` with `}`")
    word = re.search(r"[\w.-]+\s*\Z", seen.before) if seen.sign == ":" else None
    where = seen.span((seen.at[0], word.start() + 1), len(word[0])) if word else seen.span(seen.at)
    return Diagnostic("E101", "no comma stands before this", where, "write `, ` between two values, or quote the text")


def _alignment(seen: _Seen) -> Diagnostic | None:
    """Say of a line that begins at no key and no item around it where it should."""
    problem, since = seen.trouble.problem, seen.trouble.since
    listed = "did not find expected '-' indicator" in problem
    if since is None or not (listed or "did not find expected key" in problem):
        return None
    if seen.sign in _CLOSES:
        return Diagnostic("E101", f"`{seen.sign}` closes nothing", seen.span(seen.at), "remove it, or open it before")
    for at in (seen.at, seen.line_above()):
        if at is not None and re.match(r"-[^\s-]", seen.word(at)):
            return _no_colon(seen, at)
    above = seen.line_above()
    if above is not None and above[1] == seen.at[1] and re.fullmatch(r"[A-Za-z]\w*(?: [^:]*)?", seen.word(above)):
        return _no_colon(seen, above)
    if (found := _first_of_block(seen) or _item_above(seen) or _first_below(seen)) is not None:
        return found
    word = seen.word(seen.at)
    length = len(match[0]) if (match := re.match(r"[\w.-]+", word)) else 1
    if listed:
        item = seen.word(since)[2:].lstrip()
        help = f"align it with `{_begins(item)}`, or begin it with `- `" if seen.at[1] == since[1] else NEIGHBOURS
        return Diagnostic("E101", LIST, seen.span(seen.at, length), help)
    return Diagnostic("E101", MAPPING, seen.span(seen.at, length), NEIGHBOURS)


def _item_above(seen: _Seen) -> Diagnostic | None:
    """Say of a list's item that it begins at another column than all lines below it."""
    item = seen.line_above()
    while item is not None and not (item[1] < seen.at[1] and seen.word(item).startswith("- ")):
        item = seen._replace(at=item).line_above()
    if item is None or seen.word(seen.at).startswith("-"):
        return None
    key = item[1] + 2 + indentation(seen.word(item)[2:])
    columns, here = _below(seen, item), indentation(seen.here) + 1
    if key == here or key in columns or columns.count(here) < 2:
        return None
    word = _begins(seen.word((item[0], key)))
    where, help = seen.span((item[0], key), len(word)), f"align it with `{_begins(seen.here.lstrip())}`"
    return Diagnostic("E101", "the item begins at another column than the lines below it", where, help)


def _first_below(seen: _Seen) -> Diagnostic | None:
    """Say of the lines below a key that the first of them are indented deeper than the rest, which are more."""
    first, parent = _run_above(seen)
    if first is None or parent is None or not seen.word(parent).endswith(":") or parent[1] > indentation(seen.here):
        return None
    deeper, here = (sum(one == indent for one in _below(seen, parent)) for indent in (first[1], seen.at[1]))
    unusual = abs(first[1] - parent[1] - 2) > abs(seen.at[1] - parent[1] - 2)
    alone = seen.word(first).endswith(":") and _below(seen, first)[:1] == []
    if (deeper, not unusual) >= (here, unusual) and not alone:
        return None
    where = seen.span(first, len(_begins(seen.word(first))))
    return Diagnostic("E101", DEEPER, where, f"align it with `{_begins(seen.word(seen.at))}`")


def _below(seen: _Seen, parent: At) -> list[int]:
    """Return the columns at which the lines below a key begin."""
    columns: list[int] = []
    for line in seen.lines[parent[0] :]:
        if line.strip() and not line.lstrip().startswith("#"):
            if indentation(line) + 1 <= parent[1]:
                break
            columns.append(indentation(line) + 1)
    return columns


def _begins(text: str) -> str:
    """Return the key that a line begins with, or its dash."""
    found = re.match(r"\w[\w.-]*|-", text)
    return found[0] if found else text[:1]


def _first_of_block(seen: _Seen) -> Diagnostic | None:
    """Say of the text of a block that its first line is indented deeper than most of the rest, or this one less."""
    first, parent = _run_above(seen)
    if first is None or parent is None or not begins_block(seen.lines[parent[0] - 1]) or parent[1] > seen.at[1]:
        return None
    columns = _below(seen, parent)
    if sum(one >= first[1] for one in columns) * 2 > len(columns):
        where, help = seen.span((seen.at[0], indentation(seen.here) + 1)), "align it with the lines above"
        return Diagnostic("E101", "the line is indented less than the text that it belongs to", where, help)
    message, help = "the text's first line is indented deeper than the rest", "align it with the lines below"
    return Diagnostic("E101", message, seen.span(first), help)


def _run_above(seen: _Seen) -> tuple[At | None, At | None]:
    """Return the first of the lines right above that are indented deeper than this one, and the line above that."""
    indent, first = indentation(seen.here), None
    above = seen.line_above()
    while above is not None and above[1] > indent + 1:
        first, above = above, seen._replace(at=above).line_above()
    return first, above


NEIGHBOURS = "align it with its neighbours"
LIST = "the line does not fit the list around it"
MAPPING = "the line does not fit the mapping around it"


def told_once(one: Diagnostic) -> tuple[str, int] | None:
    """Return what findings have in common that come of one cause: a part that is moved, tabs, another language."""
    if one.code == "E104" or one.message == CONTROL:
        return one.message, 0
    return (one.message, one.span.column) if one.message in (DEEPER, LIST, MAPPING) else None


def _name(seen: _Seen) -> Diagnostic | None:
    since = seen.trouble.since
    if "expected alphabetic or numeric" not in seen.trouble.problem:
        return None
    message = "the anchor or alias has no name of letters and digits"
    return Diagnostic("E101", message, seen.span(since or seen.at), "quote the value")


def _other(seen: _Seen) -> Diagnostic:
    for pattern, message, help in _SYNTAX:
        if pattern in seen.trouble.problem:
            return Diagnostic("E101", message, seen.span(seen.at), help)
    return Diagnostic("E101", f"this is not YAML: {seen.trouble.problem}", seen.span(seen.at))


_LOOKS: tuple[Callable[[_Seen], Diagnostic | None], ...] = (
    _swallowed,
    _conflict,
    _documents,
    _tag,
    _tab,
    _control,
    _key_without_colon,
    _deeper,
    _odd_quote,
    _after_quote,
    _brackets,
    _alignment,
    _name,
    _other,
)
"""The first that knows what is wrong says it."""

_SYNTAX = (
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "quote the text that holds `: `, or check the indentation",
    ),
    ("mapping keys are not allowed", "a `? ` stands where no key can begin", "quote the value"),
    ("did not find expected ',' or", "a bracket is not closed", "close `[` with `]` and `{` with `}`"),
    ("unexpected end of stream", "a quote is not closed", "close it with the same quote"),
    ("unexpected document indicator", "a quote is not closed", "close it with the same quote"),
    ("undefined alias", "the alias has no anchor before it", "define it with `&name` first"),
    ("cannot start any token", "this character cannot begin a value", "quote the value"),
    ("did not find expected node content", "a value is missing or begins wrongly here", "quote the value"),
    ("unknown escape character", "the escape is not known to YAML", "use single quotes, or double the backslash"),
    ("expected hexdecimal number", "the escape has too few digits", "write two after `\\x`, four after `\\u`"),
    ("invalid Unicode character escape", "the escape is not a character", "write the character itself"),
    (COLON, "a `:` stands inside plain text in brackets", "quote the text, or write `: `"),
    ("sequence entries are not allowed", "a `- ` stands where no list can begin", "begin the list on its own line"),
    ("indentation indicator equal to 0", "the block's indentation is not from 1 to 9", "remove the digit"),
    ("comment or line break", "text follows `|` or `>`", "begin the text on the next line"),
)
