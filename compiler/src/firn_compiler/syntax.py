"""What is wrong with a text that is not YAML, in the words and at the place of the person who wrote it.

The parser says where it could not go on; the mistake is often before that: a colon, a bracket or a quote that is
missing shows lines later.
"""

import re
from collections.abc import Callable

from firn_compiler.alignment import (
    DEEPER,
    LIST,
    MAPPING,
    alignment,
    before_bracket,
    first_of_block,
    first_of_text,
    no_colon,
    too_deep,
)
from firn_compiler.diagnostics import Diagnostic
from firn_compiler.scalars import MAX_KEY
from firn_compiler.trouble import CLOSES, At, Seen, Trouble, begins_block, indentation

COLON = "found unexpected ':'"


def syntax_finding(file: str, lines: list[str], trouble: Trouble) -> Diagnostic:
    """Return the one finding of a text that cannot be read."""
    if trouble.since is not None and trouble.since[0] > len(lines):
        trouble = trouble._replace(since=None)
    seen = Seen(file, lines, _inside(lines, trouble), trouble)
    return next(found for look in _LOOKS if (found := look(seen)) is not None)


def _inside(lines: list[str], trouble: Trouble) -> At:
    """Return where the mistake shows; where that is after the last line, where the unfinished value begins."""
    for at in (trouble.at, trouble.since):
        if at is not None and at[0] <= len(lines) and at < (len(lines), len(lines[-1]) + 1):
            return at
    return len(lines), len(lines[-1]) + 1


def _conflict(seen: Seen) -> Diagnostic | None:
    since = seen.trouble.since
    for number in (seen.at[0], since[0] if since else 0):
        if number and CONFLICT.match(seen.lines[number - 1]):
            where = seen.span((number, 1), len(seen.lines[number - 1]))
            return Diagnostic("E101", "a merge conflict is left in the file", where, "keep one side")
    return None


CONFLICT = re.compile(r"(?:<{7}|={7}|>{7})(?: |\Z)")


def _documents(seen: Seen) -> Diagnostic | None:
    """Say what stands before or after the one document: a directive, or another document."""
    if "<document start>" not in seen.trouble.problem and not seen.here.startswith("%"):
        return None
    for number, line in enumerate(seen.lines[: seen.at[0]], 1):
        if line.startswith("%"):
            where = seen.span((number, 1), len(line))
            return Diagnostic("E106", "directives (`%`) are not allowed", where, "remove the line")
    if not any(line.startswith("...") for line in seen.lines[: seen.at[0]]) and (above := first_of_text(seen)):
        return above
    return Diagnostic("E106", "text follows the document's end", seen.span(seen.at), "remove `...`")


def _tag(seen: Seen) -> Diagnostic | None:
    if "tag" in seen.trouble.context or re.search(r"\btag", seen.trouble.problem):
        return Diagnostic("E106", "tags (`!`) are not allowed", seen.span(seen.at), "remove the tag")
    return None


def _tab(seen: Seen) -> Diagnostic | None:
    tab = seen.here.find("\t", 0, len(seen.here) - len(seen.here.lstrip()))
    if tab >= 0:
        where = seen.span((seen.at[0], tab + 1))
        return Diagnostic("E104", "a tab indents this line", where, "indent with spaces")
    if seen.sign == "\t":
        return Diagnostic("E104", "a tab stands where only spaces can", seen.span(seen.at), "use a space")
    return None


def _control(seen: Seen) -> Diagnostic | None:
    """Say that a line is a template engine's: it decides about other lines."""
    since = seen.trouble.since
    for number in (seen.at[0], since[0] if since else 0):
        line = seen.lines[number - 1] if number else ""
        if line.lstrip().startswith(("{%", "{#", "{{-", "{{ ")):
            at = number, indentation(line) + 1
            return Diagnostic("E101", CONTROL, seen.span(at, len(seen.word(at))), "only values can hold templates")
    return None


CONTROL = "a line of a template language stands between the keys"


def _swallowed(seen: Seen) -> Diagnostic | None:
    """Say where a text in quotes goes on over lines, and nothing can follow its end."""
    quoted = seen.trouble.quoted
    if quoted is None or seen.trouble.at[0] != quoted.end_line:
        return None
    message = f"a quote is not closed: its text goes on to the next one, on line {quoted.end_line}"
    return Diagnostic("E101", message, quoted.opening, "close it with the same quote")


def _key_without_colon(seen: Seen) -> Diagnostic | None:
    since = seen.trouble.since
    if "could not find expected ':'" not in seen.trouble.problem or since is None:
        return None
    if since[0] == seen.at[0] and seen.at[1] - since[1] > MAX_KEY:
        return Diagnostic("E107", f"a key is longer than {MAX_KEY} characters", seen.span(since))
    found = first_of_block(seen._replace(at=since))
    above = seen._replace(at=since).line_above()
    if found is None and above is not None and begins_block(seen.lines[above[0] - 1]):
        where = seen.span(since, len(seen.word(since)))
        return Diagnostic("E101", "the text is not indented below its key", where, "indent it deeper than the key")
    return found or no_colon(seen, since)


def _odd_quote(seen: Seen) -> Diagnostic | None:
    value = re.match(r"\s*(?:- +)*(?:[\w.-]+:\s+)?([“”„‘’«])", seen.here)
    if "mapping values are not allowed" not in seen.trouble.problem or value is None:
        return None
    where = seen.span((seen.at[0], value.start(1) + 1))
    return Diagnostic("E101", f"`{value[1]}` is not a quote of YAML", where, "write `'` or `\"`")


def _side_by_side(seen: Seen) -> Diagnostic | None:
    """Say of a key with its value that they stand behind another key."""
    if "mapping values are not allowed" not in seen.trouble.problem:
        return None
    found = re.fullmatch(r"( *(?:- +)*)([\w.-]+): +([a-z][\w.-]*)", seen.before)
    if found is None:
        return None
    if seen.word(seen.at).endswith("}"):
        where = seen.span((seen.at[0], found.start(3) + 1), len(found[3]))
        return Diagnostic("E101", "a `}` ends this, and nothing begins it", where, f"write `{{` before `{found[3]}`")
    help = f"quote the text that holds `: `, or write `{found[2]}: {{{found[3]}: …}}`"
    return Diagnostic("E101", "a `:` stands where no key can be", seen.span(seen.at), help)


def _after_quote(seen: Seen) -> Diagnostic | None:
    quote = seen.before.rstrip()[-1:]
    if quote not in _QUOTED or not seen.trouble.problem.startswith("did not find expected"):
        return None
    help = f"write a quote that belongs to the text as `{_QUOTED[quote]}`"
    if " flow " in seen.trouble.context:
        help = f"write `,` between two values, and {help.removeprefix('write ')}"
    return Diagnostic("E101", "text follows a closed quote", seen.span(seen.at), help)


_QUOTED = {'"': '\\"', "'": "''"}


def _brackets(seen: Seen) -> Diagnostic | None:
    """Say of brackets what is missing: the closing one, where the next line is not inside them, else a comma."""
    since = seen.trouble.since
    if "did not find expected ',' or" not in seen.trouble.problem or since is None:
        return None
    opened = seen.lines[since[0] - 1][since[1] - 1 : since[1]]
    if seen.sign in CLOSES and seen.at != since:
        message, help = f"`{seen.sign}` does not close `{opened}`", "close `[` with `]` and `{` with `}`"
        return Diagnostic("E101", message, seen.span(seen.at), help)
    key = re.match(r" *(?:- +)*", seen.lines[since[0] - 1])
    outside = seen.at[0] > since[0] and key is not None and indentation(seen.here) <= key.end()
    if outside or seen.at == since or not seen.sign:
        return Diagnostic("E101", "a bracket is not closed", seen.span(since), "close `[` with `]` and `{` with `}`")
    word = re.search(r"[\w.-]+\s*\Z", seen.before) if seen.sign == ":" else None
    where = seen.span((seen.at[0], word.start() + 1), len(word[0])) if word else seen.span(seen.at)
    return Diagnostic("E101", "no comma stands before this", where, "write `, ` between two values, or quote the text")


def told_once(one: Diagnostic) -> tuple[str, int] | None:
    """Return what findings have in common that come of one cause: a part that is moved, tabs, another language."""
    if one.code == "E104" or one.message == CONTROL:
        return one.message, 0
    return (one.message, one.span.column) if one.message in (DEEPER, LIST, MAPPING) else None


def _name(seen: Seen) -> Diagnostic | None:
    since = seen.trouble.since
    if "expected alphabetic or numeric" not in seen.trouble.problem:
        return None
    message = "the anchor or alias has no name of letters and digits"
    return Diagnostic("E101", message, seen.span(since or seen.at), "quote the value")


def _other(seen: Seen) -> Diagnostic:
    for pattern, message, help in _SYNTAX:
        if pattern in seen.trouble.problem:
            help = "remove a comma, or write what is missing" if seen.sign == "," else help
            return Diagnostic("E101", message, seen.span(seen.at), help)
    return Diagnostic("E101", f"this is not YAML: {seen.trouble.problem}", seen.span(seen.at))


_LOOKS: tuple[Callable[[Seen], Diagnostic | None], ...] = (
    _swallowed,
    _conflict,
    _documents,
    _tag,
    _tab,
    _control,
    _key_without_colon,
    before_bracket,
    too_deep,
    _odd_quote,
    _side_by_side,
    _after_quote,
    _brackets,
    alignment,
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
