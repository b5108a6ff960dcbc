"""What was meant by a misspelt key or word, so that the rest is checked as if it were spelled right.

The shape check reports the key, and the references the word: nothing here is ever frozen.
"""

from collections.abc import Collection
from dataclasses import fields

from firn_compiler.closest import closest, misspelt
from firn_compiler.document import Mapping, text_at
from firn_schemas.decode import spelling


def as_meant(record: type, node: Mapping) -> Mapping:
    """Return the mapping with its unknown keys replaced by those of the record that they were meant to be."""
    known = {word for field in fields(record) for word in (spelling(field), *field.metadata.get("aliases", ()))}
    if node.entries.keys() <= known:
        return node
    free = {spelling(field) for field in fields(record)} - node.entries.keys()
    names: dict[str, str] = {}
    for key in node.entries:
        meant = closest(key, free - set(names.values())) if key not in known else None
        names[key] = meant or key
    entries = {names[key]: item for key, item in node.entries.items()}
    return Mapping(entries, {names[key]: span for key, span in node.keys.items()}, node.span, node.prior)


def word_meant(node: Mapping | None, key: str, known: Collection[str]) -> str | None:
    """Return the word under a key, or the known one that it surely is a misspelling of."""
    word = text_at(node, key)
    return word if word is None or word in known else misspelt(word, known) or word
