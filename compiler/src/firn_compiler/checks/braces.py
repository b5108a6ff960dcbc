"""Braces: a key without a colon, which YAML takes for one whose value is null, and which nobody means so."""

from collections.abc import Collection, Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Scalar, Span, stands_alone, walk


def without_colon(root: Mapping, told: Collection[Span]) -> Iterator[Diagnostic]:
    """Report keys without a colon, but for those that are `told` already."""
    for path, node in walk(root):
        for key in _alone(node) if isinstance(node, Mapping) else ():
            assert isinstance(node, Mapping)
            of_a_type = path[-1:] == ("schema",) and key.endswith(
                ")"
            )  # `decimal(18,2)`: another finding says it better
            if node.keys[key] not in told and not of_a_type:
                help = "write one after the key; a text that holds a comma stands in quotes"
                yield finding("E106", "a key in braces has no `:`", node.keys[key], help, (*path, key))


def _alone(node: Mapping) -> Iterator[str]:
    """Yield keys without a colon; of those that follow a plain text, the first: its commas may make them all."""
    after_text = again = False
    for key, value in node.entries.items():
        if not stands_alone(node, key):
            after_text, again = isinstance(value, Scalar) and value.plain and isinstance(value.value, str), False
        elif not (after_text and again):
            again = True
            yield key
