"""One tree as YAML text in any of the styles that people and tools write it in; the meaning never differs."""

import json
import random
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*\Z")
_WORDS = ("null", "true", "false")
_COMMENT = "# another: one, 'with' [signs"
_BREAKS = ("\n", "\n", "\r\n", "\r")


def styled(tree: dict[str, Any], chance: random.Random) -> bytes:
    """Return the tree as a file whose style is left to chance."""
    lines = _Style(chance).block(tree, 0) if tree and chance.random() < 0.9 else [_Style(chance).flow(tree)]
    if chance.random() < 0.2:
        lines = ["---", *lines]
    if chance.random() < 0.2:
        lines = [*lines, "..."]
    text = chance.choice(_BREAKS).join([*lines, ""])
    return (chance.choice(("", "", "\ufeff")) + text).encode()


class _Style:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.anchors: list[tuple[str, str]] = []
        self.made = 0

    def block(self, value: Any, indent: int) -> list[str]:
        """Return a mapping or list that is not empty as indented lines; the first is never a comment."""
        pairs = [("-", item) for item in value] if isinstance(value, list) else self.pairs(value)
        lines: list[str] = []
        for head, item in pairs:
            lines += self.entry(head, item, indent)
            if self.chance.random() < 0.2:
                lines.append(self.chance.choice(("", " " * indent + _COMMENT, _COMMENT)))
        return lines

    def pairs(self, value: dict[str, Any]) -> list[tuple[str, Any]]:
        items = list(value.items())
        self.chance.shuffle(items)
        return [(f"{self.text(key)}:", item) for key, item in items]

    def entry(self, head: str, value: Any, indent: int) -> list[str]:
        pad, width = " " * indent, self.chance.randrange(2, 7)
        if (name := self.known(value)) is not None:
            return [f"{pad}{head} *{name}"]
        anchor = self.anchor()
        if value and isinstance(value, (dict, list)) and self.chance.random() < 0.7:
            deeper = 0 if head != "-" and isinstance(value, list) and self.chance.random() < 0.3 else width
            lines = self.block(value, indent + deeper)
            if head == "-" and not anchor and self.chance.random() < 0.8:
                lines = [f"{pad}-{' ' * (width - 1)}{lines[0].lstrip()}", *lines[1:]]
            else:
                lines = [f"{pad}{head}{anchor}", *lines]
        elif isinstance(value, str) and _fits_literal(value) and self.chance.random() < 0.7:
            sign = "|" if value.endswith("\n") else "|-"
            lines = [f"{pad}{head}{anchor} {sign}", *(f"{pad}{' ' * width}{row}" for row in value.splitlines())]
        elif value is None and self.chance.random() < 0.3:
            lines = [f"{pad}{head}{anchor}"]
        else:
            comment = " # why" if self.chance.random() < 0.1 else ""
            lines = [f"{pad}{head}{anchor} {self.flow(value)}{comment}"]
        self.remember(anchor, value)
        return lines

    def flow(self, value: Any) -> str:
        """Return any value on one line, as the inside of brackets has it."""
        if isinstance(value, list):
            return f"[{self.space()}{', '.join(map(self.member, value))}{self.space()}]"
        if isinstance(value, dict):
            inside = ", ".join(f"{head} {self.member(item)}" for head, item in self.pairs(value))
            return f"{{{self.space()}{inside}{self.space()}}}"
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            word = json.dumps(value)
            return self.chance.choice((word, word.upper(), word.title(), *(["~"] if value is None else [])))
        return self.chance.choice((f"{value:+d}", hex(value))) if _positive(value) else repr(value)

    def member(self, value: Any) -> str:
        if (name := self.known(value)) is not None:
            return f"*{name} "
        anchor = self.anchor().lstrip()
        text = f"{anchor} {self.flow(value)}".lstrip()
        self.remember(f" {anchor}" if anchor else "", value)
        return text

    def text(self, text: str) -> str:
        if _PLAIN.match(text) and text.lower() not in _WORDS and self.chance.random() < 0.6:
            return text
        if text.isprintable() and self.chance.random() < 0.5:
            return "'" + text.replace("'", "''") + "'"
        share = self.chance.choice((0.0, 0.0, 0.3))
        return '"' + "".join(_escaped(one) if self.chance.random() < share else _quoted(one) for one in text) + '"'

    def space(self) -> str:
        return self.chance.choice(("", " "))

    def anchor(self) -> str:
        if self.chance.random() > 0.1:
            return ""
        self.made += 1
        return f" &a{self.made}"

    def remember(self, anchor: str, value: Any) -> None:
        if anchor:
            self.anchors.append((anchor[2:], repr(value)))

    def known(self, value: Any) -> str | None:
        names = [name for name, meaning in self.anchors if meaning == repr(value)]
        return self.chance.choice(names) if names and self.chance.random() < 0.8 else None


def _fits_literal(text: str) -> bool:
    rows = text.removesuffix("\n").split("\n")
    return all(row.isprintable() and row.strip() and row[0] != " " for row in rows)


def _positive(value: float) -> bool:
    return isinstance(value, int) and value >= 0


def _escaped(one: str) -> str:
    return f"\\U{ord(one):08X}"


def _quoted(one: str) -> str:
    return json.dumps(one)[1:-1] if one in '"\\\n\t' else one if one.isprintable() else _escaped(one)
