"""Secrets by type: a sensitive field holds a reference and nothing else; a reference stands only in such a field."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import Mapping, Node, Path, Scalar, Span, mapping_at, text_at, walk
from firn_compiler.model.project import Flow, Platform
from firn_compiler.stages.settle import family, part, secret_of
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import hints, spelling
from firn_schemas.secret import Secret
from firn_schemas.secret_ref import SYSTEM_VARIABLES, valid_key, valid_name, variable_name


def sensitive_fields(record: type) -> set[str]:
    """Return the spellings of a record's sensitive fields."""
    kinds = hints(record)
    sensitive = [field for field in fields(record) if _holds_secret(kinds[field.name])]
    return {spelling(field) for field in sensitive}


def _holds_secret(kind: Any) -> bool:
    return kind is Secret or Secret in get_args(kind)


def literals(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report values of a connector's sensitive fields that are not references; the value is never shown."""
    row = family(node)
    if row is None:
        return
    yield from _literals(node, row, path)


def _literals(node: Mapping, row: tuple[str, str], path: Path) -> Iterator[Diagnostic]:
    config = part(node, "config", row)
    for name in sorted(sensitive_fields(CONNECTORS[row].config)):
        item = config.entries.get(name) if isinstance(config, Mapping) else None
        if isinstance(item, Scalar) and item.value is not None:
            help = (
                f"write `{name}: {{secret_ref: NAME}}` and give the value to the run, as a variable or a mounted file"
            )
            yield finding(
                "E601",
                f"`{name}` is a secret and cannot be written here",
                _key(config, item),
                help,
                (*path, "config", name),
            )


def _key(config: Node, item: Scalar) -> Span:
    return item.span if item.span.file else config.span


def secrets(flows: tuple[Flow, ...], platform: Platform | None) -> Iterator[Diagnostic]:
    """Report literals in sensitive fields, references elsewhere, and names that cannot be looked up."""
    connectors = mapping_at(platform.root, "connectors") if platform else None
    for name, node in (connectors.entries if connectors else {}).items():
        if isinstance(node, Mapping):
            yield from literals(node, ("connectors", name))
    trees: list[tuple[Mapping, dict[Path, set[str]]]] = []
    if platform:
        trees.append((platform.root, _homes(connectors, "connectors")))
    for flow in flows:
        section = mapping_at(flow.root, "resources")
        for name, node in flow.resources.items():
            yield from literals(node, ("resources", name))
            yield from _profile_literals(node, connectors, ("resources", name))
        trees.append((flow.root, _homes(section, "resources", connectors)))
    seen: dict[str, tuple[str, Span]] = {}
    for root, homes in trees:
        yield from _references(root, homes, seen)


def _profile_literals(node: Mapping, connectors: Mapping | None, path: Path) -> Iterator[Diagnostic]:
    profile = text_at(node, "profile")
    lower = connectors.entries.get(profile) if connectors and profile else None
    row = family(lower) if isinstance(lower, Mapping) else None
    if row is not None:
        yield from _literals(node, row, path)


def _homes(section: Mapping | None, name: str, profiles: Mapping | None = None) -> dict[Path, set[str]]:
    """Return, by the path of a `config`, the keys that may hold a reference."""
    homes: dict[Path, set[str]] = {}
    for key, node in (section.entries if section else {}).items():
        profile = text_at(node, "profile")
        source = profiles.entries.get(profile) if profiles and profile else node
        row = family(source) if isinstance(source, Mapping) else None
        if row is None:
            allowed: set[str] | None = None
        else:
            record = CONNECTORS[row].config
            aliases = {
                a
                for f in fields(record)
                if spelling(f) in sensitive_fields(record)
                for a in f.metadata.get("aliases", ())
            }
            allowed = sensitive_fields(record) | aliases
        for config in ("config", "params"):
            homes[(name, key, config)] = allowed if allowed is not None else {"*"}
    return homes


def _references(root: Mapping, homes: dict[Path, set[str]], seen: dict[str, tuple[str, Span]]) -> Iterator[Diagnostic]:
    for path, node in walk(root):
        reference = secret_of(node)
        if reference is None or not path:
            continue
        allowed = homes.get(path[:-1], set())
        if path[-1] not in allowed and "*" not in allowed:
            known = ", ".join(f"`{key}`" for key in sorted(allowed)) or "a connector's sensitive settings"
            yield finding("E602", f"a secret cannot stand in `{path[-1]}`", node.span, f"it may stand in {known}", path)
        yield from _name(node, reference, path, seen)


def _name(node: Node, reference: dict[str, str], path: Path, seen: dict[str, tuple[str, Span]]) -> Iterator[Diagnostic]:
    name, key = reference.get("secret_ref"), reference.get("key")
    assert isinstance(node, Mapping)
    if name is None:
        return
    if not valid_name(name) or (key is not None and not valid_key(key)):
        help = "use lower-case letters, digits, `-`, `.` and `_`, such as `shop-db`"
        yield finding("E603", "this is not the name of a secret", node.entries["secret_ref"].span, help, path)
        return
    variable, full = variable_name(name, key), f"{name}/{key}" if key else name
    if variable in SYSTEM_VARIABLES or variable[:1].isdigit():
        why = (
            f"`{variable}`, which belongs to the system"
            if variable in SYSTEM_VARIABLES
            else f"`{variable}`, which is no variable's name"
        )
        yield finding(
            "E603",
            f"the secret `{full}` would be read from {why}",
            node.entries["secret_ref"].span,
            "choose another name",
            path,
        )
    other = seen.setdefault(variable, (full, node.span))
    if other[0] != full:
        related = (Related(f"`{other[0]}`", other[1]),)
        yield finding(
            "E603",
            f"the secrets `{full}` and `{other[0]}` would be read from the same variable `{variable}`",
            node.entries["secret_ref"].span,
            "rename one of them",
            path,
            related,
        )
