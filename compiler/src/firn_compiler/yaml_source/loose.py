"""Files of any tool read for looking alone: their values and where these stand, whatever libyaml can read."""

from typing import Any

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from firn_compiler.document import Mapping, Node, Scalar, Sequence, Span
from firn_compiler.syntax import COLON
from firn_compiler.yaml_source.tree import Builder, Stop, free_sign


class _Loose(Builder):
    """Builds trees for looking alone: whatever libyaml can read is taken, and nothing is refused.

    A scalar's `source` is its tag: `!Ref`, `!vault` and their like say that it stands for something else.
    """

    def __init__(self, file: str, text: str, stand_in: str = "") -> None:
        super().__init__(file, text, stand_in)
        self.roots: list[Node] = []

    def read(self) -> list[Node]:
        """Return the roots of all documents, and keys that are no text as roots of their own."""
        while (event := self.parser.get_event()) is not None:
            if isinstance(event, DocumentStartEvent):
                self.roots.append(self.node(self.parser.get_event(), 1))
        return self.roots

    def refuse(self, message: str, span: Span, help: str = "", code: str = "E106") -> None:
        """Take what a compilation refuses."""

    def scalar(self, event: ScalarEvent) -> Scalar:
        value = event.value.replace(self.stand_in, ":") if self.stand_in else event.value
        return Scalar(value, self.span(event), plain=not event.style, source=_foreign(event.tag))

    def alias(self, event: Any) -> Node:
        """Return what an alias stands for where that is one value: anything else is seen where it is written."""
        node, _ = self.anchors.get(event.anchor, (None, 0))
        return node if isinstance(node, Scalar) else Scalar(None, self.span(event))

    def sequence(self, event: SequenceStartEvent, depth: int) -> Sequence:
        built = super().sequence(event, depth)
        if _foreign(event.tag):
            built.items = [
                Scalar(one.value, one.span, source=event.tag) if isinstance(one, Scalar) else one for one in built.items
            ]
        return built

    def mapping(self, event: MappingStartEvent, depth: int) -> Mapping:
        start = self.span(event)
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        repeated = 0  # goes on over all keys, so that each name is tried once
        while not isinstance(event := self.parser.get_event(), CollectionEndEvent):
            where = self.span(event)
            name = event.value if isinstance(event, ScalarEvent) else "?"
            if name == "?":
                self.roots.append(self.node(event, depth + 1))
            written = name
            while name in entries:
                repeated += 1
                name = f"{written}'{repeated}"
            keys[name] = where
            entries[name] = self.node(self.parser.get_event(), depth + 1)
        end = self.span(event)
        return Mapping(entries, keys, start._replace(end_line=end.end_line, end_column=end.end_column))


def _foreign(tag: str | None) -> str | None:
    """Return a tag that gives its value another meaning: none of YAML's own."""
    return None if tag is None or tag.startswith("tag:yaml.org") else tag


def parse_loosely(file: str, text: str) -> list[Node] | None:
    """Return the roots of a YAML or JSON file of any tool; None where it is neither, or deeper than anyone writes."""
    for stand_in in ("", free_sign(text)):
        try:
            return _Loose(file, text, stand_in).read()
        except Stop:
            return None
        except YAMLError as error:
            if COLON not in str(getattr(error, "problem", "")):
                return None
    return None
