"""Lines that begin where they do not fit those around them, or that have no `:` where those around them do."""

import re

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.scalars import NO_COLON, NO_SIGN, colon
from firn_compiler.trouble import CLOSES, At, Seen, begins_block, indentation

DEEPER = "the line is indented deeper than its neighbours"
NEIGHBOURS = "align it with its neighbours"
NO_DASH = "an item of a list begins without `- `"
LIST = "the line does not fit the list around it"
MAPPING = "the line does not fit the mapping around it"


def no_colon(seen: Seen, at: At) -> Diagnostic:
    """Say what a line lacks that should begin with a key or be an item."""
    word = seen.word(at)
    if re.match(r"-[^\s-]", word):
        return Diagnostic("E101", "no space follows the `-`", seen.span(at), "write a space after the `-`")
    if glued := re.match(r"[\w.-]+(?=:\S)", word):
        where = seen.span(at, len(glued[0]) + 1)
        return Diagnostic("E101", "no space follows the `:`", where, "write a space after the `:`")
    key = re.match(rf"([\w.-]+)(?: *({NO_SIGN}))?", word)
    where = seen.span(at, len(key[1]) if key else len(word))
    help = colon(key[1], key[2]) if key and key[2] else "write `key: value`"
    return Diagnostic("E101", NO_COLON, where, help)


def before_bracket(seen: Seen) -> Diagnostic | None:
    """Say that a line lacks the colon between its key and a bracket."""
    key = re.match(rf" *(?:- +)*([\w.-]+)(?: +| *(?:{NO_SIGN}) *)[{{\[]", seen.here)
    if "mapping values are not allowed" not in seen.trouble.problem or key is None:
        return None
    return no_colon(seen, (seen.at[0], key.start(1) + 1))


def too_deep(seen: Seen) -> Diagnostic | None:
    """Say that a line which begins with a key goes on the text of the line above."""
    above, key = seen.line_above(), seen.before.lstrip(" ")
    alone = re.fullmatch(r"(?:- +)*[\w.-]+", key)
    if "mapping values are not allowed" not in seen.trouble.problem or above is None or not alone:
        return None
    written = re.match(r"(?:- +)*(\w[\w.-]*):(?:\s|\Z)", seen.word(above))
    if written is None:
        return no_colon(seen, above)
    if (found := _item_above(seen)) is not None:
        return found
    if _is_item_without_dash(seen, above):
        help = "write `- ` before it, as before its neighbours"
        return Diagnostic("E101", NO_DASH, seen.span(above, len(written[1])), help)
    where = seen.span((seen.at[0], indentation(seen.here) + 1), len(key))
    help = f"align it with `{written[1]}`, or write nothing after `{written[1]}:`"
    return Diagnostic("E101", DEEPER, where, help)


def _is_item_without_dash(seen: Seen, at: At) -> bool:
    """Whether the next line that is indented as far as one without a dash is an item."""
    if seen.word(at).startswith("-") or at[1] >= indentation(seen.here) + 1:
        return False
    below = (line for line in seen.lines[at[0] :] if line.strip() and indentation(line) < at[1])
    beside = next(below, "")
    return indentation(beside) + 1 == at[1] and beside.lstrip().startswith("- ")


def alignment(seen: Seen) -> Diagnostic | None:
    """Say of a line that begins at no key and no item around it where it should."""
    problem, since = seen.trouble.problem, seen.trouble.since
    listed = "did not find expected '-' indicator" in problem
    if since is None or not (listed or "did not find expected key" in problem):
        return None
    if seen.sign in CLOSES:
        return Diagnostic("E101", f"`{seen.sign}` closes nothing", seen.span(seen.at), "remove it, or open it before")
    for at in (seen.at, seen.line_above()):
        if at is not None and re.match(r"-[^\s-]", seen.word(at)):
            return no_colon(seen, at)
    above = seen.line_above()
    if above is not None and above[1] == seen.at[1] and re.fullmatch(r"[A-Za-z]\w*(?: [^:]*)?", seen.word(above)):
        return no_colon(seen, above)
    if (found := first_of_block(seen) or _item_above(seen) or _first_below(seen)) is not None:
        return found
    word = seen.word(seen.at)
    length = len(match[0]) if (match := re.match(r"[\w.-]+", word)) else 1
    if listed:
        item = seen.word(since)[2:].lstrip()
        help = f"align it with `{_begins(item)}`, or begin it with `- `" if seen.at[1] == since[1] else NEIGHBOURS
        return Diagnostic("E101", LIST, seen.span(seen.at, length), help)
    return Diagnostic("E101", MAPPING, seen.span(seen.at, length), NEIGHBOURS)


def _item_above(seen: Seen) -> Diagnostic | None:
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


def _first_below(seen: Seen) -> Diagnostic | None:
    """Say of the lines below a key that the first of them are indented deeper than the rest, which are more."""
    first, parent = _run_above(seen)
    if first is None or parent is None or not seen.word(parent).endswith(":") or parent[1] > indentation(seen.here):
        return None
    deeper, here = (sum(one == indent for one in _below(seen, parent)) for indent in (first[1], seen.at[1]))
    unusual = abs(first[1] - parent[1] - 2) > abs(seen.at[1] - parent[1] - 2)
    alone = seen.word(first).endswith(":") and _below(seen, first)[:1] == []
    if (deeper, not unusual) >= (here, unusual) and not alone:
        return None
    return _deeper(seen, first)


def _deeper(seen: Seen, first: At) -> Diagnostic:
    where = seen.span(first, len(_begins(seen.word(first))))
    return Diagnostic("E101", DEEPER, where, f"align it with `{_begins(seen.word(seen.at))}`")


def _below(seen: Seen, parent: At) -> list[int]:
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


def first_of_block(seen: Seen) -> Diagnostic | None:
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


def first_of_text(seen: Seen) -> Diagnostic | None:
    """Say of the first lines of a whole text that they are indented deeper than the rest, or are no keys."""
    first, _ = _run_above(seen)
    above = seen.line_above()
    if first is None and above is not None and above[1] == seen.at[1]:
        return no_colon(seen, above)
    return _deeper(seen, first) if first is not None else None


def _run_above(seen: Seen) -> tuple[At | None, At | None]:
    """Return the first of the lines right above that are indented deeper than this one, and the line above that."""
    indent, first = indentation(seen.here), None
    above = seen.line_above()
    while above is not None and above[1] > indent + 1:
        first, above = above, seen._replace(at=above).line_above()
    return first, above
