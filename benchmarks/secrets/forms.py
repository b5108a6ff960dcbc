"""The ways in which YAML can write one value: a tree with one marked scalar goes in, lines come out."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Marked(str):
    """The scalar that a sample is about."""

    secret: str
    anchor: str

    def __new__(cls, text: str, secret: str | None = None, anchor: str = "") -> "Marked":
        made = super().__new__(cls, text)
        made.secret = text if secret is None else secret
        made.anchor = anchor
        return made


class Verbatim(str):
    """YAML that stands as it is: an alias, or a pair with its comment."""


class Lines(list[str]):
    """Lines that stand as they are, such as comments."""


Node: TypeAlias = "dict[str, Node] | list[Node] | Lines | str | int | bool"

PRAGMA = "  # pragma: allowlist secret"
_PLAIN = re.compile(r"[A-Za-z0-9_./$^~+(;=\\-]")
_NOT_TEXT = re.compile(
    r"[-+]?(?:\.?[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|0x[0-9a-fA-F]+|0o[0-7]+|[0-9:.]+)|~|null|true|false"
    r"|yes|no|on|off|\.inf|\.nan|---.*|\.\.\..*|[-+?].?",
    re.IGNORECASE,
)


def is_plain(text: str, flow: bool = False) -> bool:
    """Say whether YAML reads `text` as itself where nothing quotes it."""
    if not text or text != text.strip() or "\n" in text or not _PLAIN.match(text) or text.startswith(("- ", "? ")):
        return False
    if ": " in text or " #" in text or text.endswith(":") or _NOT_TEXT.fullmatch(text):
        return False
    return not (flow and (set(text) & set(",[]{}'\"") or "://" in text or ":" in text))


def double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def simple(text: str, flow: bool = False) -> str:
    return text if is_plain(text, flow) else double(text)


def _middle(text: Marked) -> int:
    """Return the middle of the secret; where it is encoded, that of the text."""
    start = text.find(text.secret)
    return len(text) // 2 if start < 0 else start + len(text.secret) // 2


def escaped(text: Marked) -> str:
    """Write one letter or digit in the middle of the secret as an escape."""
    middle = _middle(text)
    place = next(index for index in (*range(middle, len(text)), *range(middle)) if text[index].isalnum())
    code = ord(text[place])
    escape = f"\\u{code:04x}" if place % 2 or code > 255 else f"\\x{code:02x}"
    return double(text[:place])[:-1] + escape + double(text[place + 1 :])[1:]


def _broken(text: str) -> list[str]:
    """Break `text` at a single space near its middle, where it has one."""
    spaces = [m.start() for m in re.finditer(r"(?<=\S) (?=[^\s#-])", text)]
    place = min(spaces, key=lambda space: abs(space - len(text) // 2), default=None)
    return [text] if place is None else [text[:place], text[place + 1 :]]


def _continued(text: Marked, pad: str) -> list[str]:
    start = _middle(text)
    while text[start - 1] in "\\ " or text[start] == " ":
        start += 1
    return [double(text[:start])[:-1] + "\\", pad + double(text[start:])[1:]]


class Form(NamedTuple):
    """One way to write a scalar: the text after its key (more lines carry their own indentation), and when it can."""

    write: Callable[[Marked, str], list[str]]
    can: Callable[[Marked], bool]
    as_key: bool = False
    flow: bool = False


def _one_line(text: str) -> bool:
    return "\n" not in text


def _has_middle(text: Marked) -> bool:
    return len(text.secret) > 4 and any(letter.isalnum() for letter in text)


def _foldable(text: str) -> bool:
    return "\n" not in text or text.startswith("-" * 5)


def _block(style: str, text: str, pad: str, lines: list[str]) -> list[str]:
    return [style + ("-" if not text.endswith("\n") else ""), *(pad + line if line else "" for line in lines)]


def _folded(text: Marked, pad: str) -> list[str]:
    return _block(">", text, pad, _broken(text) if _one_line(text) else text.splitlines())


FORMS: dict[str, Form] = {
    "plain": Form(lambda text, _: [text], is_plain, as_key=True),
    "single": Form(lambda text, _: [single(text)], _one_line, as_key=True),
    "double": Form(lambda text, _: [double(text)], lambda _: True, as_key=True),
    "escaped": Form(lambda text, _: [escaped(text)], _has_middle, as_key=True),
    "continued": Form(_continued, lambda text: len(text.secret) > 4 and _one_line(text)),
    "folded": Form(_folded, _foldable),
    "literal": Form(lambda text, pad: _block("|", text, pad, text.splitlines()), lambda _: True),
    "multiline": Form(lambda text, pad: ["", *(pad + line for line in _broken(text))], is_plain),
    "flow": Form(lambda text, _: [text if is_plain(text, flow=True) else single(text)], _one_line, True, True),
    "json": Form(lambda text, _: [double(text)], lambda _: True, True, True),
    "pragma": Form(lambda text, _: [simple(text) + PRAGMA], _one_line),
}


def _is_leaf(node: Node) -> bool:
    return not isinstance(node, dict | list)


def _plain_leaf(node: Node, flow: bool = False) -> str:
    if isinstance(node, Verbatim):
        return str(node)
    return simple(node, flow) if isinstance(node, str) else json.dumps(node)


def _leaf(node: Node, form: str, pad: str) -> list[str]:
    if not isinstance(node, Marked):
        return [_plain_leaf(node)]
    first, *rest = FORMS[form].write(node, pad)
    return [f"&{node.anchor} {first}".rstrip() if node.anchor else first, *rest]


def _holds_mark(node: dict[str, Node] | list[Node]) -> bool:
    return any(isinstance(part, Marked) for part in (*node, *(node.values() if isinstance(node, dict) else ())))


def _inline(node: Node, form: str) -> str:
    """Return `node` on one line, in flow style or as JSON."""
    if isinstance(node, Marked):
        anchor = f"&{node.anchor} " if node.anchor else ""
        return anchor + FORMS[form].write(node, "")[0]
    if isinstance(node, dict):
        return "{" + ", ".join(f"{_inline(key, form)}: {_inline(value, form)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(_inline(item, form) for item in node) + "]"
    if form == "json" and not isinstance(node, Verbatim):
        return json.dumps(node)
    return _plain_leaf(node, flow=True)


def _below(lead: str, node: Node, form: str, pad: str) -> list[str]:
    """Return what follows a key or a dash."""
    if isinstance(node, dict | list) and not isinstance(node, Lines):
        if FORMS[form].flow and _holds_mark(node):
            return [f"{lead} {_inline(node, form)}"]
        lines = emit(node, form, pad)
        if lead.endswith("-"):
            return [f"{lead} {lines[0].strip()}", *lines[1:]]
        return [lead, *lines]
    first, *rest = _leaf(node, form, pad) if _is_leaf(node) else [""]
    return [f"{lead} {first}".rstrip(), *rest]


def emit(node: Node, form: str, pad: str = "") -> list[str]:
    """Return `node` in block style with its marked scalar in `form`; flow forms write the collection around it."""
    if isinstance(node, Lines):
        return [pad + line if line else "" for line in node]
    if isinstance(node, dict):
        lines = []
        for key, value in node.items():
            if isinstance(value, Lines):
                lines += emit(value, form, pad)
                continue
            written = _leaf(key, form, "")[0] if isinstance(key, Marked) else simple(key)
            lines += _below(f"{pad}{written}:", value, form, pad + "  ")
        return lines
    assert isinstance(node, list)
    return [line for item in node for line in _below(f"{pad}-", item, form, pad + "  ")]


def forms_of(text: Marked, as_key: bool) -> list[str]:
    """Return the names of the forms that can write `text`."""
    return [name for name, form in FORMS.items() if form.can(text) and (form.as_key or not as_key)]
