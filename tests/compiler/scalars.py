"""Words as one YAML scalar, in every style and with every freedom that the style leaves."""

import random
from collections.abc import Callable

STYLES = ("plain", "single", "double", "literal", "folded")


class Scalars:
    """Writes scalars by chance, for a key that is indented by `parent`.

    `kept` is the word that stands in the file as it is, whatever the style would allow; words are never joined to it,
    nor to each other where `apart` says so.
    """

    def __init__(self, chance: random.Random, parent: int, kept: str, *, apart: bool = False) -> None:
        self.chance = chance
        self.parent = parent
        self.kept = kept
        self.apart = apart

    def plain(self, words: list[str]) -> str:
        return self.flow(words, str)

    def single(self, words: list[str]) -> str:
        return "'" + self.flow(words, lambda word: word.replace("'", "''")) + "'"

    def double(self, words: list[str]) -> str:
        return '"' + self.flow(words, self.escaped, escapes=not self.apart) + '"'

    def literal(self, words: list[str]) -> str:
        return self.block("|", words)

    def folded(self, words: list[str]) -> str:
        return self.block(">", words)

    def flow(self, words: list[str], encoded: Callable[[str], str], *, escapes: bool = False) -> str:
        """Join with spaces and, here and there, line breaks that folding takes away again."""
        text = encoded(words[0])
        for word in words[1:]:
            text += self.between(escapes=escapes) + encoded(word)
        return text

    def between(self, *, escapes: bool) -> str:
        if self.chance.random() < 0.6:
            return " " * self.chance.choice((1, 1, 2))
        pad = " " * (self.parent + self.chance.randrange(1, 5))
        if escapes and self.chance.random() < 0.4:
            return self.chance.choice((f" \\\n{pad}", f"\\\n{pad}\\ ", f"\\\n{pad}"))
        blank = [" " * self.chance.randrange(3) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        return " " * self.chance.choice((0, 0, 2)) + "\n" + "".join(f"{one}\n" for one in blank) + pad

    def escaped(self, word: str) -> str:
        return word if word == self.kept else "".join(self.escape(one) for one in word)

    def escape(self, one: str) -> str:
        ways = escapes_of(one)
        return self.chance.choice(ways) if one in '"\\' or self.chance.random() < 0.2 else one

    def block(self, sign: str, words: list[str]) -> str:
        """Break lines between words; lines after the first may be indented deeper, the first too after a number."""
        number = self.chance.choice(("", "", *"123456"))
        indent = self.parent + (int(number) if number else self.chance.randrange(1, 5))
        rows = [words[0]]
        for word in words[1:]:
            if self.chance.random() < 0.4:
                rows += ["" for _ in range(self.chance.choice((0, 0, 1, 2)))] + [word]
            else:
                rows[-1] += " " * self.chance.choice((1, 1, 3)) + word
        lines = [" " * (indent + self.deeper(number or at)) + row if row else "" for at, row in enumerate(rows)]
        lines = ["" for _ in range(self.chance.choice((0, 0, 1)))] + lines
        head = "".join(self.chance.sample([number, self.chance.choice(("", "+", "-"))], 2))
        comment = self.chance.choice(("", "", " # a comment"))
        return f"{sign}{head}{comment}\n" + "\n".join(lines) + "\n" * self.chance.choice((0, 0, 1, 2))

    def deeper(self, allowed: object) -> int:
        return self.chance.choice((0, 0, 0, 2)) if allowed else 0


def escapes_of(one: str) -> list[str]:
    """Return every escape that stands for a character in double quotes."""
    code = ord(one)
    named = {'"': ['\\"'], "\\": ["\\\\"], "\t": ["\\t"], "\xa0": ["\\_"], "/": ["\\/"], " ": ["\\ "]}.get(one, [])
    short = [f"\\u{code:04x}"] * (code < 0x10000) + [f"\\x{code:02X}"] * (code < 0x100)
    return [f"\\U{code:08X}", *short, *named]
