"""Parts of a file that are indented too little or too far: each is reported, and taken for what it was meant to be."""

from collections.abc import Collection
from collections.abc import Mapping as PlainMapping

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Node, Span, mapping_at, with_entry, without
from firn_compiler.model.shapes import ConnectorShape, ResourceShape
from firn_schemas.decode import words

_OF_ENTRIES = (words(ConnectorShape) | words(ResourceShape)) - {"decode"}


def levelled(
    root: Mapping, places: PlainMapping[str, Span], own: Collection[str], parts: PlainMapping[str, Collection[str]]
) -> tuple[Mapping, list[Diagnostic]]:
    """Return a file's root with every part at its level, and a finding for each that was at another.

    `places` are those of all the root's keys, also of the empty ones that it may no longer have; `own` are the keys
    that it may have; `parts` are the sections of named entries, each with the keys that an entry may have.
    """
    found: list[Diagnostic] = []
    root = _below(root, places, own, parts, found)
    for section, known in parts.items():
        inside = mapping_at(root, section)
        if inside is not None:
            root = _beside(root, section, own, _around(inside, section, known, found), known, found)
    return root, found


def _below(
    root: Mapping,
    places: PlainMapping[str, Span],
    own: Collection[str],
    parts: Collection[str],
    found: list[Diagnostic],
) -> Mapping:
    """Take what stands beside a section, as far out, though it is one of its entries, into it."""
    for key, item in root.entries.items():
        section = _before(root.keys[key], places, own) if key not in own and _is_entry(item) else ""
        if section in parts:
            place, help = root.keys[key], f"indent it below `{section}:`"
            found.append(finding("E201", f"`{key}` is not a known key", place, help, (key,)))
            inside = mapping_at(root, section) or Mapping({}, {}, place)
            inside = with_entry(inside, key, item, place)
            root = with_entry(without(root, {key}), section, inside, places[section])
    return root


def _around(inside: Mapping, section: str, known: Collection[str], found: list[Diagnostic]) -> Mapping:
    """Take entries that stand inside another one out of it."""
    for name, entry in inside.entries.items():
        if not isinstance(entry, Mapping) or not _is_entry(entry):
            continue
        for key, item in entry.entries.items():
            if key not in known and key not in inside.entries and _is_entry(item):
                place = entry.keys[key]
                message, help = f"`{key}` stands inside `{name}`", f"indent it as far as `{name}`"
                found.append(finding("E201", message, place, help, (section, name, key)))
                entry = without(entry, {key})
                inside = with_entry(with_entry(inside, name, entry), key, item, place)
    return inside


def _beside(
    root: Mapping, section: str, own: Collection[str], inside: Mapping, known: Collection[str], found: list[Diagnostic]
) -> Mapping:
    """Take parts of the file, and of the entry before them, out of the section that they stand in as its entries."""
    for name, item in inside.entries.items():
        if _is_entry(item):
            continue
        place, path = inside.keys[name], (section, name)
        if name in own and name not in root.entries:
            message, help = f"`{name}` stands inside `{section}`", f"indent it as far as `{section}`"
            found.append(finding("E201", message, place, help, path))
            inside = without(inside, {name})
            root = with_entry(root, name, item, place)
        elif name in known:
            before = _before(place, inside.keys, inside.entries)
            entry = mapping_at(inside, before)
            if entry is not None and name not in entry.entries:
                message, help = f"`{name}` stands beside `{before}`", f"indent it below `{before}:`"
                found.append(finding("E201", message, place, help, path))
                inside = without(with_entry(inside, before, with_entry(entry, name, item, place)), {name})
    return with_entry(root, section, inside)


def _before(place: Span, places: PlainMapping[str, Span], known: Collection[str]) -> str:
    """Return the last of the known keys that stands in the same file before a place; empty where none does."""
    above = ((one.line, key) for key, one in places.items() if key in known and one.file == place.file)
    return max((one for one in above if one[0] < place.line), default=(0, ""))[1]


def _is_entry(node: Node) -> bool:
    """Whether it has keys of a connector or resource, or the `type` that all others have."""
    return isinstance(node, Mapping) and not _OF_ENTRIES.isdisjoint(node.entries)
