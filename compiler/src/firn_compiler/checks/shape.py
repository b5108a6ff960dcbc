"""Shape: closed keys and exact types; every finding at its place, no value in any message."""

import typing
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any

from firn_compiler.closest import closest, misspelt, translated
from firn_compiler.diagnostics import TYPES, Diagnostic, Related, finding, suggestion, type_of
from firn_compiler.document import (
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    Span,
    dotted,
    is_empty,
    key_span,
    lookup,
    nearest,
    stands_alone,
    text_at,
    value_of,
)
from firn_compiler.model.closed import Fault, alternatives, faults
from firn_compiler.model.names import TEXTS, Duration, duration_meant, number_meant
from firn_compiler.model.shapes import (
    ComputeShape,
    ConnectorShape,
    FlowShape,
    JobShape,
    PlatformShape,
    ResourceShape,
    StepShape,
)
from firn_compiler.stages.settle import LOGICAL
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import hints, keys, spelling, tag
from firn_schemas.steps import STEPS
from firn_schemas.visible import listing


def flow_shape(root: Node) -> Iterator[Diagnostic]:
    """Report what in a flow's tree does not have the language's shape."""
    yield from shape(FlowShape, root)


def platform_shape(root: Node) -> Iterator[Diagnostic]:
    """Report what in a platform's tree does not have the language's shape."""
    yield from shape(PlatformShape, root)


def shape(record: type, node: Node, base: Path = ()) -> Iterator[Diagnostic]:
    """Report what of `node` does not fit `record`; paths in the findings begin with `base`."""
    yield from _findings(record, node, base, faults(record, value_of(node)))
    schema = getattr(record, "json_schema", None)
    if schema is not None:
        from firn_compiler.checks.plugin_schema import plugin_findings  # only a plug-in needs it

        yield from plugin_findings(schema, node, base)


def _findings(record: type, node: Node, base: Path, found: Iterable[Fault]) -> Iterator[Diagnostic]:
    seen: dict[Path, list[Fault]] = {}
    for fault in found:
        seen.setdefault(fault.path, []).append(fault)
    outer = {path[:length] for path in seen for length in range(len(path))}
    meant = dict(_meant(seen))
    corrected = {(*path[:-1], name) for path, name in meant.items()}
    if any(group[0].kind == "unknown" for group in seen.values()):
        corrected |= _in_addresses(record, node, seen)
    corrected |= {(*path[:-1], "type") for path, group in seen.items() if _is_its_type(path, group)}
    for path, group in seen.items():
        if path in corrected:
            continue  # it is there, misspelt, and another finding says so
        if group[0].kind == "type" and _has_no_colon(node, path):
            continue  # which another finding says
        if path in outer and all(fault.kind == "type" for fault in group):
            continue  # the value is the mapping that a union allows; what is wrong stands inside it
        key = (group[0].chosen_by,) if group[0].kind == "tag" else ()
        if group[0].kind == "unknown" or not _may_be_the_platforms(nearest(node, (*path, *key))):
            yield _finding(record, node, base, path, group, meant.get(path))


def _is_its_type(path: Path, group: list[Fault]) -> bool:
    """Whether a key is a step's type: `- read: {…}`."""
    return group[0].kind == "unknown" and path[-1] in STEPS


def _in_addresses(record: type, node: Node, seen: dict[Path, list[Fault]]) -> set[Path]:
    """Return the keys that are missing where the whole address of a database is written in their place."""
    from firn_compiler.checks.otherwise import ADDRESSES, otherwise  # few flows know another tool's words

    whole = [path[:-1] for path, group in seen.items() if group[0].kind == "unknown" and path[-1] in ADDRESSES]
    records = {path: record_at(record, node, path) for path in whole}
    told = {path for path, owner in records.items() if any(otherwise(owner, key) for key in ADDRESSES)}
    return {path for path, group in seen.items() if group[0].kind == "missing" and path[:-1] in told}


def _has_no_colon(node: Node, path: Path) -> bool:
    parent = lookup(node, path[:-1]) if path else None
    return isinstance(parent, Mapping) and path[-1] in parent.entries and stands_alone(parent, str(path[-1]))


def _meant(seen: dict[Path, list[Fault]]) -> Iterator[tuple[Path, str]]:
    """Yield each unknown key that was meant to be one which is missing beside it, and that one's name."""
    missing = [path for path, group in seen.items() if group[0].kind == "missing"]
    for path, group in seen.items():
        if group[0].kind == "unknown":
            meant = closest(str(path[-1]), [str(one[-1]) for one in missing if one[:-1] == path[:-1]])
            if meant:
                yield path, meant


def _may_be_the_platforms(node: Node) -> bool:
    """Whether the value is a variable that only a platform could know, where none was given."""
    return isinstance(node, Scalar) and isinstance(node.value, Deferred) and "var" in node.value.roots


def _finding(record: type, node: Node, base: Path, path: Path, group: list[Fault], meant: str | None) -> Diagnostic:
    """Make one finding of all that is wrong at one place: the members of a union each say their own."""
    fault = next((one for one in group if one.kind in ("key", "rule")), group[0])  # it knows the most
    where, full = nearest(node, path).span, (*base, *path)
    name = _name((*base, *path))
    if fault.kind == "unknown":
        from firn_compiler.checks.otherwise import otherwise  # few flows know another tool's words

        owner = record_at(record, node, path[:-1])
        known = _keys(owner)
        if same := _spelled(owner, str(path[-1])):
            message = f"{name} is another spelling of `{same}`, which stands here too"
            return finding("E201", message, key_span(node, path), "remove one of them", full)
        meant = meant or _free(node, path, known)
        if owner is StepShape and path[-1] in STEPS and lookup(node, (*path[:-1], "type")) is None:
            help = f"write `type: {path[-1]}`, and what stands below it as `inputs:`"
            return finding("E201", f"{name} is not a known key", key_span(node, path), help, full)
        help = otherwise(owner, str(path[-1])) or ("" if meant else _belongs(owner, str(path[-1]), full))
        help = help or suggestion(str(path[-1]), known, meant=meant)
        if str(path[-1]).partition(":")[0] in known:
            help = "write a space after the `:`"
        elif (head := str(path[-1]).partition(" ")[0]) in known:
            help = f"write a `:` after `{head}`"
        found = finding("E201", f"{name} is not a known key", key_span(node, path), help, full)
        word = (tag(owner) or ("",))[0]
        chosen = lookup(node, (*path[:-1], word))
        return of_another(found, word, chosen.span) if isinstance(chosen, Scalar) and chosen.prior else found
    if fault.kind == "missing":
        return finding("E203", f"the key {name} is missing", _owner(node, path), _adding(str(path[-1]), fault), full)
    if fault.kind == "untagged":
        help = _adding(fault.chosen_by, fault)
        return finding("E203", f"{name} needs a `{fault.chosen_by}`", where, help, (*full, fault.chosen_by))
    if fault.kind in ("word", "tag"):
        return _wrong_word(node, base, fault)
    if fault.kind == "key":
        return finding("E204", f"{name} {fault.expected}", key_span(node, path), "", full)
    if fault.kind in ("rule", "bound"):
        of_time = fault.expected == TEXTS[Duration].rule
        help = duration_meant(str(value_of(nearest(node, path)))) if of_time else ""
        return finding("E204", f"{name} {fault.expected}", where, help, full)
    words = dict.fromkeys(one.expected if one.kind == "type" else "another value" for one in group)
    found = _wrong_type(name, " or ".join(words), nearest(node, path), full)
    wanted = ", ".join(f"{key}: …" for key in needed(record_at(record, node, path)))
    return found if found.help or not wanted else found._replace(help=f"write `{path[-1]}: {{{wanted}}}`")


def _free(node: Node, path: Path, known: tuple[str, ...]) -> str:
    """Return the key that an unknown one was meant to be: one that is not there, or that is there twice."""
    beside = lookup(node, path[:-1])
    free = [key for key in known if not isinstance(beside, Mapping) or key not in beside.entries]
    return closest(str(path[-1]), free) or misspelt(str(path[-1]), known) or ""


def of_another(one: Diagnostic, word: str, chosen: Span) -> Diagnostic:
    """Say of an unknown key that it is one of what a later file of the chain has replaced by its `type` or `mode`."""
    if chosen.file == one.span.file:
        return one
    help = f"where the {word} is another, write `{one.path.rpartition('.')[2]}: null`, which takes this away"
    return one._replace(help=help, related=(*one.related, Related(f"its {word} is replaced here", chosen)))


def _name(path: Path) -> str:
    """Return what a value is called: its key, with its place in a list."""
    key = max((at for at, part in enumerate(path) if isinstance(part, str)), default=-1)
    return f"`{dotted(path[key:])}`" if key >= 0 else "the file"


def _adding(key: str, fault: Fault) -> str:
    """Return help for a key that is missing, with the words that it may be where these are few."""
    return f"add `{key}:`" + (f" ({listing(fault.words)})" if 1 < len(fault.words) < 7 else "")


def _wrong_word(node: Node, base: Path, fault: Fault) -> Diagnostic:
    """Say which words there are; in a union, the word is that of the key which tells its members apart."""
    chosen = (*fault.path, fault.chosen_by) if fault.chosen_by else fault.path
    found, whole = nearest(node, chosen), (*base, *chosen)
    if is_empty(found):
        return finding("E204", f"{_name(whole)} has no value", found.span, f"write one: {listing(fault.words)}", whole)
    help = suggestion(str(value_of(found)), fault.words)
    return finding("E204", f"{_name(whole)} is not one of the known words", found.span, help, whole)


def _wrong_type(name: str, expected: str, node: Node, path: Path) -> Diagnostic:
    actual = value_of(node)
    help = ""
    if is_empty(node):
        message = f"{name} must be {expected}, and has no value"
        return finding("E202", message, node.span, f"write it behind `{path[-1]}:`", path)
    if expected == "a mapping" and len(path) == 2 and path[0] == "resources" and path[1] not in keys(ResourceShape):
        help = f"name a connector of the platform: `{path[1]}: {{profile: …}}`"
    elif expected == "a mapping" and len(path) == 2 and path[0] in _OF_NAMES and isinstance(node, Scalar):
        help = f"give it a name, and write its settings below: `{path[0]}: {{{_OF_NAMES[path[0]]}: {{{path[1]}: …}}}}`"
    elif expected == "text" and len(path) == 1 and path[0] in LOGICAL and isinstance(actual, dict):
        help = f"name one that platform.yaml defines: `{path[0]}: NAME`"
    elif isinstance(node, Scalar) and node.source is not None:
        help = "its template gives another type: change the variable, or put text around the template"
    elif expected == "text" and isinstance(actual, (bool, int, float)):
        help = 'write a semantic version in quotes, such as `"1.0.0"`' if name.endswith("version`") else "quote it"
    elif expected == "a list" and isinstance(actual, (str, bool, int, float)):
        help = "write a list: `[ … ]`, or one item on each line after `- `"
    elif expected == "a list" and isinstance(actual, dict):
        help = "begin each item with `- `"
        help += "; a name that stood before it is its `id:`" if path[-1] in ("jobs", "steps") else ""
    elif expected == "text or a list" and isinstance(actual, dict) and len(actual) == 1:
        help = f"write only what stands below `{next(iter(actual))}`"
    elif expected == "a mapping" and isinstance(actual, list):
        named = actual and all(isinstance(item, dict) and len(item) == 2 and "name" in item for item in actual)
        inside = any(isinstance(item, dict) for item in actual)
        help = "write its keys below it, each without `- `" if inside and not named else ""
        help = "write each as `NAME: VALUE`" if named else help
    elif expected == "a mapping" and isinstance(actual, str) and " " in actual:
        help = "write `key: value` below it, each with its `:`"
    elif isinstance(actual, str) and expected.startswith(("an integer", "a number")):
        help = number_meant(name.strip("`"), actual)
    elif isinstance(actual, str) and expected == "true or false" and (word := _BOOLEANS.get(actual.lower())):
        help = "remove the quotes" if actual == word else f"write `{word}`"
    return finding("E202", f"{name} must be {expected}, not {_kind_of(actual)}", node.span, help, path)


_BOOLEANS = dict.fromkeys(("true", "yes", "on", "y"), "true") | dict.fromkeys(("false", "no", "off", "n"), "false")
"""Words that mean one of the two, and what YAML 1.2 calls it."""


def _kind_of(value: Any) -> str:
    """Name the type of a value in the words of the messages."""
    return "a template" if isinstance(value, Deferred) else TYPES[type_of(value)]


def _owner(node: Node, path: Path) -> Any:
    """Return the span for a missing key: the key of the mapping that lacks it, or the first line of that mapping."""
    parent = path[:-1]
    if parent and isinstance(parent[-1], str):
        return key_span(node, parent)
    return nearest(node, parent).span.opening


_OF_NAMES = dict.fromkeys(("catalogs", "compute", "storage"), "default") | dict.fromkeys(
    ("connectors", "resources"), "NAME"
)
"""Sections whose entries have names of their own, and the name that an only one has."""


def _belongs(owner: Any, key: str, path: Path) -> str:
    """Return help for a key that is known, by this or another name, of something inside, beside or around.

    Empty for all others.
    """
    around = _AROUND.get(owner, (("the step, beside `inputs`", StepShape),) if "inputs" in path else ())
    places = [(whose, _keys(record)) for whose, record in (*_inside(owner), *around)]
    if whose := next((whose for whose, known in places if key in known), None):
        return f"it belongs to {whose}"
    elsewhere = ((whose, set(known).difference(_keys(owner))) for whose, known in places)
    other = next(((whose, ours) for whose, known in elsewhere if (ours := translated(key, known))), None)
    return f"`{other[1]}` belongs to {other[0]}" if other else ""


def _inside(owner: Any) -> Iterator[tuple[str, type]]:
    """Yield the records that stand in a record, each with the key that they stand under."""
    for part in ("config", "options") if owner in (ConnectorShape, ResourceShape) else ():
        yield from ((f"`{part}`", getattr(row, part)) for row in CONNECTORS.values())
    if owner is ComputeShape:
        yield from (("`properties`", properties) for properties in COMPUTE.values())
    for field in fields(owner) if isinstance(owner, type) and is_dataclass(owner) else ():
        inner = member(hints(owner)[field.name], None)
        if isinstance(inner, type) and is_dataclass(inner):
            yield f"`{spelling(field)}`", inner


_AROUND: dict[Any, tuple[tuple[str, type], ...]] = {
    StepShape: (("the job", JobShape), ("the flow", FlowShape)),
    JobShape: (("its steps", StepShape), ("the flow", FlowShape)),
    FlowShape: (("platform.yaml", PlatformShape),),
    PlatformShape: (("flow.yaml", FlowShape),),
}
"""By a record, what else has keys that people write there."""


def record_at(record: type, node: Node, path: Path) -> Any:
    """Return the record that `path` leads to; where several may stand, `type` tells which."""
    kind: Any = record
    for depth, part in enumerate(path):
        if is_dataclass(kind):
            kind = next((hints(kind)[f.name] for f in fields(kind) if spelling(f) == part), None)
        elif typing.get_origin(kind) in (list, dict):
            kind = typing.get_args(kind)[-1]
        kind = member(kind, lookup(node, path[: depth + 1]))
    return kind


def needed(record: Any) -> list[str]:
    """Return the keys that a record must have."""
    known = fields(record) if isinstance(record, type) and is_dataclass(record) else ()
    return [spelling(one) for one in known if one.default is MISSING and one.default_factory is MISSING]


def _spelled(record: Any, key: str) -> str | None:
    """Return the key of a record that this is another spelling of; None where it is none."""
    known = fields(record) if isinstance(record, type) and is_dataclass(record) else ()
    return next((spelling(one) for one in known if key in one.metadata["aliases"]), None)


def _keys(record: Any) -> tuple[str, ...]:
    return keys(record) if isinstance(record, type) and is_dataclass(record) else ()


def member(kind: Any, node: Node | None) -> Any:
    """Return of what a type may be the one that the node is: the record that its tag names, or the only container."""
    members = [one for one in alternatives(kind) if one not in (NoneType, str, int, float, bool)]
    named = (one for one in members if (found := tag(one)) and text_at(node, found[0]) == found[1])
    return next(named, members[0] if members else None)
