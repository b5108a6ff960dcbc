"""Secrets by type: a sensitive field holds a reference and nothing else; a reference stands only in such a field."""

import typing
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from firn_compiler.checks.shape import member
from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import (
    UNKNOWN,
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    dotted,
    entries_at,
    lookup,
    text_at,
    walk,
)
from firn_compiler.model.project import Flow, Platform
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_compiler.stages.expand import templates_in
from firn_compiler.stages.merge import merged
from firn_compiler.stages.settle import TYPES, family, profile_of, secret_of, served_by
from firn_schemas.connectors import CONNECTORS
from firn_schemas.credentials import Credentials
from firn_schemas.decode import hints, spelling, tag
from firn_schemas.secret import Secret
from firn_schemas.secret_ref import SYSTEM_VARIABLES, valid_key, valid_name, variable_name
from firn_schemas.visible import listing

Homes = dict[Path, set[str] | None]
"""By the path of a mapping, the keys that may hold a reference; None where nothing is known of it, so that any may."""


Seen = dict[str, tuple[str, Span, str]]
"""By the variable that holds its value, a reference: its name, its place and its path."""
Known = Map[str, tuple[str, Span, str]]
"""The same, of which no more are found."""


def platform_secrets(platform: Platform | None, seen: Seen) -> Iterator[Diagnostic]:
    """Report literals in sensitive fields, references elsewhere, and names that cannot be looked up."""
    if platform is not None:
        yield from _tree(platform.root, _platform_trees(platform.root), seen)
        yield from _overridden(platform)


def flow_secrets(flow: Flow, platform: Platform | None, seen: Seen, others: Known) -> Iterator[Diagnostic]:
    """Report the same of a flow; `others` are the platform's references."""
    yield from _tree(flow.root, _flow_trees(flow, platform), seen)
    if platform is not None and platform.is_enterprise:
        yield from _read_as_text(flow, {**others, **seen})


def _tree(root: Mapping, typed: Iterator[tuple[Any, Path]], seen: Seen) -> Iterator[Diagnostic]:
    homes: Homes = {}
    for kind, path in typed:
        node = lookup(root, path)
        if node is not None:
            yield from _literals(kind, node, path, homes)
    yield from _references(root, homes, seen)


def _overridden(platform: Platform) -> Iterator[Diagnostic]:
    """Report literals in the files of an `extends` chain, those that a later file replaces too.

    What a system is may change on the way to the leaf, so that each file is held to whatever any of them makes of it.
    """
    files: list[Node] = [document.root for document in platform.documents]
    if len(files) == 1:
        return
    trees = dict.fromkeys(tree for root in (*files, *accumulate(files, merged)) for tree in _platform_trees(root))
    for kind, path in dict.fromkeys([*trees, *_platform_trees(platform.root)]):
        for file in files:
            node = lookup(file, path)
            if node is not None and kind is not None:
                yield from _literals(kind, node, path, {})


def _platform_trees(root: Node) -> Iterator[tuple[Any, Path]]:
    """Yield what is known of a platform's parts: their type and their path."""
    yield PlatformShape, ()
    for name, node in entries_at(root, "connectors").items():
        yield from _settings(family(node), ("connectors", name))
    for section in TYPES:
        for name, node in entries_at(root, section).items():
            row = served_by(section, node)
            yield CONNECTORS[row].config if row else None, (section, name)


def _flow_trees(flow: Flow, platform: Platform | None) -> Iterator[tuple[Any, Path]]:
    yield FlowShape, ()
    for name, node in flow.resources.items():
        source = profile_of(node, platform) if "profile" in node.entries else node
        yield from _settings(family(source), ("resources", name))


def _settings(row: tuple[str, str] | None, path: Path) -> Iterator[tuple[Any, Path]]:
    for key in ("config", "params"):
        yield CONNECTORS[row].config if row else None, (*path, key)
        yield Credentials, (*path, key, "credentials")


def _literals(kind: Any, node: Node, path: Path, homes: Homes) -> Iterator[Diagnostic]:
    """Note where references may stand, and report literals where only a reference may; no value is shown."""
    if kind is None:
        homes[path] = None
        return
    for chosen in _members(kind, node):
        if is_dataclass(chosen) and isinstance(node, Mapping):
            yield from _fields(chosen, node, path, homes)
        elif typing.get_origin(chosen) is dict and isinstance(node, Mapping):
            for key, item in node.entries.items():
                yield from _literals(typing.get_args(chosen)[1], item, (*path, key), homes)
        elif typing.get_origin(chosen) is list and isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                yield from _literals(typing.get_args(chosen)[0], item, (*path, index), homes)


def _members(kind: Any, node: Node) -> list[Any]:
    """Return what a node may be: of records told apart by a tag, every one where it has none that is known."""
    chosen = member(kind, node)
    found = tag(chosen)
    if found is None or text_at(node, found[0]) == found[1]:
        return [chosen]
    return [one for one in typing.get_args(kind) if tag(one)] or [chosen]


def _fields(record: Any, node: Mapping, path: Path, homes: Homes) -> Iterator[Diagnostic]:
    allowed = homes.setdefault(path, set())
    for name, kind in _deciding(record):
        if _takes_secret(kind) and allowed is not None:
            allowed.add(name)
        item = node.entries.get(name)
        if item is None:
            continue
        if not _takes_secret(kind):
            yield from _literals(kind, item, (*path, name), homes)
        elif isinstance(item, Scalar) and item.value not in (None, UNKNOWN) and str not in typing.get_args(kind):
            help = f"write `{name}: {{secret_ref: NAME}}`; give the value to the run, as a variable or a mounted file"
            span = item.span if item.span.file else node.span
            message = f"`{name}` is a secret and cannot be written here"
            yield finding("E601", message, span.opening, help, (*path, name))  # the end would tell its length


@cache
def _deciding(record: Any) -> tuple[tuple[str, Any], ...]:
    """Return the keys of a record, in every spelling, under which a secret or another record may stand."""
    kinds = hints(record)
    named = [((spelling(field), *field.metadata.get("aliases", ())), kinds[field.name]) for field in fields(record)]
    return tuple((name, kind) for names, kind in named if _holds_records(kind) for name in names)


def _holds_records(kind: Any) -> bool:
    return kind is Secret or is_dataclass(kind) or any(map(_holds_records, typing.get_args(kind)))


def _takes_secret(kind: Any) -> bool:
    return kind is Secret or Secret in typing.get_args(kind)


def _references(root: Mapping, homes: Homes, seen: Seen) -> Iterator[Diagnostic]:
    for path, node in walk(root):
        reference = secret_of(node)
        if reference is None or not path:
            continue
        if not _at_home(path, homes) and path[-1] != "credentials":  # there a `mode` is missing, which is told
            allowed = homes.get(path[:-1]) or set()
            known = listing(sorted(allowed))
            help = f"it may stand in {known}" if known else "write the value: nothing here is secret"
            help = instead_of(path) or help
            yield finding("E602", f"a secret cannot stand in `{path[-1]}`", node.span, help, path)
        yield from _name(node, reference, path, seen)


def _read_as_text(flow: Flow, seen: Known) -> Iterator[Diagnostic]:
    """Report templates that read the variable of a secret: who writes flows could send it anywhere."""
    for path, node in walk(flow.root):
        if not (isinstance(node, Scalar) and isinstance(node.value, Deferred) and "env" in node.value.roots):
            continue
        for template, span in templates_in(node, {flow.document.file: flow.document}):
            full, place, _ = seen.get(template.removeprefix("env."), ("", node.span, ""))
            if full and template.startswith("env."):
                message = f"`{template}` reads the secret `{full}`, which cannot stand in `{path[-1]}`"
                help = "a connector takes it where its schema says so; what is no secret has a variable of another name"
                yield finding("E602", message, span, help, path, (Related(f"`{full}`", place),))


def instead_of(path: Path) -> str:
    """Return help for a secret among variables of a program or headers, where none may stand; empty elsewhere."""
    return _INSTEAD.get(str(path[-2]), "") if len(path) > 1 else ""


_INSTEAD = {
    "env": "the platform's connector names the variable in `options.inherit_env`, and the run is given it",
    "headers": "the connector's `config` takes it, as `bearer_token` or `api_key: {secret_ref: NAME}`",
}


def _at_home(path: Path, homes: Homes) -> bool:
    if path[-1] in (homes.get(path[:-1]) or ()):
        return True
    return any(homes.get(path[:length], ()) is None for length in range(len(path)))


def _name(node: Node, reference: dict[str, str], path: Path, seen: Seen) -> Iterator[Diagnostic]:
    name, key = reference.get("secret_ref"), reference.get("key")
    assert isinstance(node, Mapping)
    if name is None:
        return
    where = node.entries["secret_ref"].span
    if not valid_name(name) or (key is not None and not valid_key(key)):
        help = "use lower-case letters, digits, `-`, `.` and `_`: `shop-db` is read from the variable `SHOP_DB`"
        yield finding("E603", "this is not the name of a secret", where, help, path)
        return
    variable, full = variable_name(name, key), f"{name}/{key}" if key else name
    if variable in SYSTEM_VARIABLES or variable[:1].isdigit():
        whose = "belongs to the system" if variable in SYSTEM_VARIABLES else "is no variable's name"
        message = f"the secret `{full}` would be read from `{variable}`, which {whose}"
        yield finding("E603", message, where, "choose another name", path)
    other = seen.setdefault(variable, (full, where, dotted(path)))
    if other[0] != full:
        yield same_variable(variable, full, where, dotted(path), other)


def same_variable(variable: str, full: str, where: Span, path: str, other: tuple[str, Span, str]) -> Diagnostic:
    """Say that two secrets would be read from the same variable."""
    message = f"the secrets `{full}` and `{other[0]}` would be read from the same variable `{variable}`"
    return Diagnostic("E603", message, where, "rename one of them", path, (Related(f"`{other[0]}`", other[1]),))
