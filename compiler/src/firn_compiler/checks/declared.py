"""What a platform declares: connectors, storages, catalogs, computes of known kinds, and layers that refer to them."""

from collections.abc import Collection, Iterator

from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import TYPES as TYPE_NAMES
from firn_compiler.diagnostics import Diagnostic, Related, finding, suggestion, type_of
from firn_compiler.document import (
    UNKNOWN,
    Mapping,
    Node,
    Path,
    Scalar,
    Span,
    dotted,
    entries_at,
    key_span,
    mappings_at,
    text_at,
    value_of,
)
from firn_compiler.model.project import Platform
from firn_compiler.stages.keys_meant import word_meant
from firn_compiler.stages.settle import (
    OWN_NAMES,
    SHORT,
    TYPES,
    connector_names,
    declarable,
    entry_meant,
    in_full,
)
from firn_schemas.compute import COMPUTE


def connectors(platform: Platform) -> Iterator[Diagnostic]:
    """Report connectors, storages and computes of the platform that name no known kind, driver or type."""
    for document in platform.documents:
        for name, node in mappings_at(document.root, "connectors").items():
            yield from both_words(node, ("connectors", name))
    for name, node in mappings_at(platform.root, "connectors").items():
        path: Path = ("connectors", name)
        for one in family_named(node, path, key_span(platform.root, path)):
            yield _of_a_parent(platform, name, one) if one.code == "E203" else one
    yield from _layers(platform)
    engines = entries_at(platform.root, "compute")
    if (other := misspelt("default", engines)) is not None and "default" not in engines:
        span = key_span(platform.root, ("compute", other))  # without it, DuckDB as it comes would be taken in silence
        yield finding("E303", "this platform has no compute `default`", span, "did you mean `default`?", ("compute",))
    tables: list[tuple[str, Collection[str]]] = [*TYPES.items(), ("compute", COMPUTE)]
    for section, known in tables:
        for name, node in mappings_at(platform.root, section).items():
            word = node.entries.get("type")
            path = (section, name, "type")
            if word is None and section != "compute":
                span = key_span(platform.root, path[:-1])
                yield finding("E203", "the key `type` is missing", span, "add `type:`", path)
            elif text_at(node, "type") is None and word is not None and section != "compute":
                if value_of(word) is not UNKNOWN:
                    message = f"`type` must be text, not {TYPE_NAMES[type_of(value_of(word))]}"
                    yield finding("E202", message, word.span, suggestion("", known), path)
            elif isinstance(word, Scalar) and isinstance(word.value, str) and word.value not in known:
                message = f"`{word.value}` is not a {NOUNS[section]} type"
                yield finding("E312", message, word.span, suggestion(word.value, known), path)


def _of_a_parent(platform: Platform, name: str, one: Diagnostic) -> Diagnostic:
    """Say of a connector that only changes what another file says which that may be."""
    others = mappings_at(platform.root, "connectors")
    here = key_span(platform.root, ("connectors", name)).file
    known = [other for other in others if key_span(platform.root, ("connectors", other)).file != here]
    meant = misspelt(name, known)
    return one._replace(help=f"did you mean `{meant}`, which another file defines?") if meant else one


NOUNS = {"storage": "storage", "catalogs": "catalog", "compute": "compute"}
"""What an entry of a platform's section is called."""


def _layers(platform: Platform) -> Iterator[Diagnostic]:
    """Report layers that refer to nothing, name no place, or repeat their catalog's warehouse."""
    for name, node in entries_at(platform.root, "layers").items():
        path: Path = ("layers", name)
        if name in OWN_NAMES:
            message = f"`{name}` is what a flow calls its own {name}: no flow could name this layer"
            yield finding("E310", message, key_span(platform.root, path), "choose another", path)
        if not isinstance(node, Mapping):
            continue
        for key, section in (("storage_ref", "storage"), ("catalog_ref", "catalogs")):
            yield from defined(platform, section, node.entries.get(key), (*path, key))
        if "storage_ref" not in node.entries and "catalog_ref" not in node.entries:
            message = f"the layer `{name}` says neither `storage_ref` nor `catalog_ref`"
            yield finding("E203", message, key_span(platform.root, path), "add one: it says where the layer is", path)
        catalog = entry_meant(platform, "catalogs", node, "catalog_ref")
        namespace, warehouse = text_at(node, "namespace"), text_at(catalog, "warehouse")
        if namespace and catalog and warehouse and namespace.split(".")[0] == warehouse:
            rest = namespace.partition(".")[2] or name
            related = (Related("the catalog's warehouse", catalog.entries["warehouse"].span),)
            message = "a namespace does not repeat the warehouse: that is the catalog's own setting"
            where = (*path, "namespace")
            yield finding("E704", message, node.entries["namespace"].span, f"write `{rest}`", where, related)


def defined(platform: Platform, section: str, node: Node | None, path: Path) -> Iterator[Diagnostic]:
    """Report a name that the platform's section does not define."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        names = entries_at(platform.root, section)
        if node.value not in names:
            help = suggestion(node.value, names, f"{platform.file} defines")
            message = f"`{node.value}` is not a {NOUNS[section]} of this platform"
            yield finding("E303", message, node.span, help, path)


def family_named(node: Mapping, path: Path, key: Span) -> Iterator[Diagnostic]:
    """Report a connector or resource that does not say what it is, or names no known kind, driver or type."""
    words = [key for key in ("type", "kind", "driver") if key in node.entries]
    if "type" in words and len(words) > 1:
        yield finding(
            "E205", "`type` is short for `kind` and `driver`: name one or the other", node.keys["type"], path=path
        )
    elif "type" in words:
        word = text_at(node, "type")
        if word is not None and word not in connector_names():
            help = suggestion(word, connector_names())
            yield finding("E312", f"`{word}` is not a connector type", node.entries["type"].span, help, (*path, "type"))
    elif len(words) < 2:
        what, ways = ("resource", "`profile: NAME`") if path[0] == "resources" else ("connector", "`type`")
        missing = {"kind": "driver", "driver": "kind"}.get(words[0]) if words else None
        nothing = f"the {what} `{path[-1]}` does not say what it is"
        help = f"add `{missing}:`" if missing else f"add {ways}, or `kind` and `driver`"
        yield finding("E203", f"the key `{missing}` is missing" if missing else nothing, key, help, path)
    elif (kind := text_at(node, "kind")) is not None and (driver := text_at(node, "driver")) is not None:
        kinds = {row[0] for row in declarable()}
        meant = word_meant(node, "kind", kinds)
        drivers = {row[1] for row in declarable() if row[0] == meant or meant not in kinds}
        if kind not in kinds:
            message = f"`{kind}` is not a kind of connector"
            yield finding("E312", message, node.entries["kind"].span, suggestion(kind, kinds), (*path, "kind"))
        if driver not in drivers:
            message = f"`{driver}` is not a driver of {f'`{meant}`' if meant in kinds else 'any kind'}"
            yield finding("E312", message, node.entries["driver"].span, suggestion(driver, drivers), (*path, "driver"))


def both_words(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report short words beside what they are short for."""
    left = in_full(node).entries
    for word, full in SHORT.items():
        if word in left:
            message = f"`{word}` is short for `{dotted(full)}`: name one or the other"
            yield finding("E205", message, node.keys[word], path=path)
