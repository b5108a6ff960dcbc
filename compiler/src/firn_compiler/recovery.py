"""The rest of a text that is not YAML: the smallest part around a mistake is taken out, so that the rest can be read.

Lines and columns of what is left do not move, and nothing is said of what only the lost part could tell.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from firn_compiler.alignment import NO_DASH
from firn_compiler.diagnostics import Diagnostic
from firn_compiler.syntax import CONFLICT
from firn_compiler.trouble import begins_block, indentation


class Mended(NamedTuple):
    """A text in another spelling, of which a part is lost."""

    lines: list[str]
    """With their ends."""
    start: int
    end: int
    """The part: its first line's index, and the last line's number."""
    past: int = 0
    """The number of a line that can still be read wrongly for it; that of the last one where it is 0."""


def mended(lines: list[str], finding: Diagnostic, unknown: str) -> Iterator[tuple[Mended, ...]]:
    """Yield ways to take the part around what was found out of a text, the smaller part first.

    `unknown` is the sign that stands for a key or a value in its place.
    """
    line = finding.span.line
    at: int | None = _block_around(lines, line - 1)
    if at == line - 1 and finding.message != NO_DASH and (alone := [*_lines_alone(lines, at, unknown)]):
        yield tuple(alone)
    if (start := _control_lines(lines, line)) < line:
        yield (Mended([*lines[:start], *map(_break, lines[start:line]), *lines[line:]], start, line),)
    if (end := _deeper_lines(lines, line)) > line:
        yield (Mended([*lines[: line - 1], *map(_break, lines[line - 1 : end]), *lines[end:]], line - 1, end),)
    if _colon_is_missing(lines, line - 1):
        yield (_with_colon(lines, line - 1),)
    while at is not None:
        end = _end(lines, at)
        if _CONTENT.match(lines[at]):
            ways = (
                [*lines[:at], way + _break(lines[at]), *map(_break, lines[at + 1 : end]), *lines[end:]]
                for way in _ways(lines, at, unknown)
            )
            yield tuple(Mended(way, at, end) for way in ways)
        at = _parent(lines, at)


_CONTENT = re.compile(r"\s*[^\s#]")
_CONTROL = re.compile(r"\{\{-.*\}\}|\{[%#].*[%#]\}")
_OPENS = re.compile(r":\s*(?:\s#.*)?$")
_LINE = re.compile(r"(?P<indent>[ ]*)(?P<dashes>(?:- +)*)(?:(?P<key>\w[\w.-]*|'[^'\n]*'|\"[^\"\n]*\")[ ]*:(?=\s))?")


def _ways(lines: list[str], at: int, unknown: str) -> Iterator[str]:
    """Yield what may stand for a line: its key alone, its dash alone, any value, key or item, nothing."""
    indent, dashes, key = _parts(lines[at])
    if key:
        yield f"{indent}{dashes}{key}: {unknown}"
    if dashes:
        yield f"{indent}{dashes}{unknown}"
    above = next((lines[index] for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index])), "")
    if above.rstrip().endswith(":"):
        yield f"{' ' * len(''.join(_parts(above)[:2]))} {unknown}"
    ways = [f"{indent}{unknown}: {unknown}", f"{indent}- {unknown}"]
    yield from reversed(ways) if lines[at].lstrip().startswith("-") else ways
    yield ""


def _lines_alone(lines: list[str], at: int, unknown: str) -> Iterator[Mended]:
    """Yield ways to keep the key of a line whose value ends where the line does, and all that is around it."""
    found = _BROKEN.match(lines[at])
    if found is None or not _is_closed(lines[at]):
        return
    opens = _OPENS.search(lines[at]) is not None
    key = f"{'- ' * found['dashes'].count('-')}{found['key']}:{'' if opens else f' {unknown}'}{_break(lines[at])}"
    below = next((index for index in range(at + 1, len(lines)) if _CONTENT.match(lines[index])), at)
    for indent in _columns(lines, at, is_item=bool(found["dashes"])):
        text = " " * indent + key
        if (indent != indentation(lines[at]) or not opens) and len(text) <= len(lines[at]):
            yield Mended([*lines[:at], text, *lines[at + 1 :]], at, at + 1, below + 1)


_BROKEN = re.compile(r"\s*(?P<dashes>(?:-\s*)*)(?P<key>[A-Za-z_]\w*)")


def _is_closed(line: str) -> bool:
    """Whether no bracket and no quote that a line opens can go on below it."""
    text = line.partition(" #")[0]
    return text.count("[") + text.count("{") == text.count("]") + text.count("}") and not any(
        text.count(quote) % 2 for quote in "'\""
    )


def _columns(lines: list[str], at: int, *, is_item: bool) -> list[int]:
    """Return how far a line may be meant to be indented: as it is, or as the nearest of its kind are."""
    own = [] if _has_tab(lines[at]) else [indentation(lines[at])]
    for around in (range(at - 1, -1, -1), range(at + 1, len(lines))):
        found = (lines[index] for index in around if _CONTENT.match(lines[index]) and not _has_tab(lines[index]))
        if is_item:
            own += [indentation(line) for line in islice((line for line in found if _is_item(line)), 2)]
        else:
            own += [len("".join(_parts(line)[:2])) for line in islice(found, 2)]
    above = next((lines[index] for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index])), "")
    least = len("".join(_parts(above)[:2])) + (not is_item) if _OPENS.search(above) else 0
    return [one for one in dict.fromkeys(own) if one >= least]


def _parts(line: str) -> tuple[str, str, str]:
    """Return what a line begins with: spaces, dashes, and a key; each may be empty."""
    found = _LINE.match(line)
    assert found is not None
    return found["indent"], found["dashes"], found["key"] or ""


def _control_lines(lines: list[str], end: int) -> int:
    """Return the index of the first of the lines before `end` that are a template engine's and follow each other."""
    above = range(end - 1, -1, -1)
    return next((index + 1 for index in above if not _CONTROL.fullmatch(lines[index].strip())), 0)


def _deeper_lines(lines: list[str], line: int) -> int:
    """Return the number of the last of the lines from `line` on that are deeper than a later line beside them.

    That is `line` where none is.
    """
    indent, parent = indentation(lines[line - 1]), _parent(lines, line - 1)
    around = indentation(lines[parent]) if parent is not None else -1
    below = (at for at in range(line, len(lines)) if _CONTENT.match(lines[at]) and indentation(lines[at]) < indent)
    end = next(below, None)
    return line if end is None or indentation(lines[end]) <= around else end


def _colon_is_missing(lines: list[str], at: int) -> bool:
    """Whether a line is a word alone above lines that stand below it."""
    word = re.fullmatch(r" *[A-Za-z]\w*\s*", lines[at])
    return word is not None and at + 1 < len(lines) and indentation(lines[at + 1]) > indentation(lines[at])


def _with_colon(lines: list[str], at: int) -> Mended:
    line = lines[at].rstrip()
    return Mended([*lines[:at], f"{line}:{_break(lines[at])}", *lines[at + 1 :]], at + 1, at + 1)


def _break(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _end(lines: list[str], at: int) -> int:
    """Return the index after the last line that belongs to one; a run of lines with tabs is one part."""
    if CONFLICT.match(lines[at].rstrip()):
        return next((index + 1 for index in range(at, len(lines)) if lines[index].startswith(">>>>>>>")), at + 1)
    belongs, end = _belonging(lines, at), at + 1
    for index in range(at + 1, len(lines)):
        if _CONTENT.match(lines[index]):
            if not belongs(lines[index]):
                break
            end = index + 1
    return end


def _belonging(lines: list[str], at: int) -> Callable[[str], bool]:
    above = next((lines[index] for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index])), "")
    if _has_tab(lines[at]):
        beside = _is_item(lines[at]) and not above.rstrip().endswith(":")
        around = _item_around(lines, at) if beside else indentation(above)
        below = next((line for line in lines[at + 1 :] if _CONTENT.match(line)), "\t")
        if _OPENS.search(lines[at]) and not _has_tab(below) and indentation(below):
            around = min(around, indentation(below) - 1)  # what is below it shows that it does not stand deeper
        return lambda line: _has_tab(line) or indentation(line) > around
    if begins_block(lines[at]):
        return lambda line: indentation(line) > indentation(lines[at]) or not (_parts(line)[2] or _is_item(line))
    if _is_item(lines[at]):
        outer = indentation(above) if above.rstrip().endswith(":") else _item_around(lines, at)
        return lambda line: indentation(line) > (indentation(lines[at]) if _is_item(line) else outer)
    if above.rstrip().endswith(":") and _is_empty(lines, at):
        return lambda line: indentation(line) >= indentation(lines[at])  # what was meant to be below it
    if _is_item(lines[_beside(lines, at)]):
        return lambda line: indentation(line) >= indentation(lines[at]) and not _is_item(line)
    return partial(_below, lines[at])


def _is_empty(lines: list[str], at: int) -> bool:
    """Whether a line is a key whose value would stand on the next line, which does not belong to it."""
    return lines[at].rstrip().endswith(":") and at + 1 < len(lines) and not _below(lines[at], lines[at + 1])


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("-")


def _item_around(lines: list[str], at: int) -> int:
    """Return how far the nearest item above stands that is indented less: a line is its neighbour or inside it."""
    indent = len(lines[at]) if _has_tab(lines[at]) else indentation(lines[at])
    items = (indentation(lines[index]) for index in range(at - 1, -1, -1) if _is_item(lines[index]))
    return next((one for one in items if one < indent), indent)


def _has_tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]


def _below(head: str, line: str) -> bool:
    """Whether a line belongs to one above it: it is indented deeper, closes its bracket, or is an item of its list."""
    if indentation(line) != indentation(head):
        return indentation(line) > indentation(head)
    return line.lstrip()[:1] in ("]", "}") or (_is_item(line) and not _is_item(head))


def _block_around(lines: list[str], at: int) -> int:
    """Return the index of the line whose block a line of text belongs to; its own where it is no such text."""
    above = next((index for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index])), at)
    indent = indentation(lines[at])
    beside = (index for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index]))
    around = [above, next((index for index in beside if indentation(lines[index]) <= indent), at)]
    start: int | None = above if _has_tab(lines[at]) else at
    while start is not None and (start := _parent(lines, start)) is not None:
        around.append(start)
    return next((one for one in around if begins_block(lines[one])), at)


def _beside(lines: list[str], at: int) -> int:
    """Return the index of the nearest line above that is indented as far; its own where another is less."""
    indent = indentation(lines[at])
    above = (index for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index]))
    beside = next((index for index in above if indentation(lines[index]) <= indent), at)
    return beside if indentation(lines[beside]) == indent else at


def _parent(lines: list[str], at: int) -> int | None:
    """Return the index of the nearest line above that is indented less; None where there is none."""
    indent = indentation(lines[at])
    above = (index for index in range(at - 1, -1, -1) if _CONTENT.match(lines[index]))
    return next((index for index in above if indentation(lines[index]) < indent), None)


def after_lost(written: list[str], lost: list[str], line: int) -> bool:
    """Whether a part is lost between a line (from 1) and the beginning of the mapping that it stands in."""
    for index in range(line - 2, -1, -1):
        if lost[index].strip():
            return True
        if _CONTENT.match(written[index]) and indentation(written[index]) < indentation(written[line - 1]):
            return False
    return False
