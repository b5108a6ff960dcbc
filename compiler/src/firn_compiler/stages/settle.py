"""From names to resources: short forms spelled out, aliases resolved, and the flow's settings over the platform's."""

from collections.abc import Callable, Iterator

from firn_compiler.closest import misspelt
from firn_compiler.document import (
    EMPTY,
    UNKNOWN,
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    entries_at,
    filled,
    lookup,
    mapping_at,
    nearest,
    only,
    text_at,
    with_entry,
    without,
)
from firn_compiler.model.project import Flow, Platform, Settled
from firn_compiler.stages.defaults import with_defaults, with_spellings
from firn_compiler.stages.keys_meant import word_meant
from firn_compiler.stages.merge import merged, without_nulls
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CATALOGS, CONNECTORS, STORAGE, WORKSPACE
from firn_schemas.decode import keys

LOGICAL = {"storage": "storage", "catalog": "catalogs", "compute": "compute"}
"""Names that a flow's steps may use as resources without declaring them, with the platform's section of each."""

OWN_NAMES = (*LOGICAL, WORKSPACE[1])
"""Every name that a flow's steps may use without declaring it, and nothing else may have."""

TYPES = {"storage": STORAGE, "catalogs": CATALOGS}
"""What `type` may say in a section whose entries are connectors of one purpose."""

NAMES = {"local": ("files", "local"), "postgresql": ("db", "postgres"), "sqlite": ("db", "sqlite3")}
"""Further words by which `type` may name a connector."""

SHORT: dict[str, Path] = {"params": ("config",), "credentials": ("config", "credentials")}
"""Short words of a connector, and where what they say stands in full."""


def connector_names() -> dict[str, tuple[str, str]]:
    """Return every word by which `type` may name a connector: its driver, or its kind where that has one driver."""
    rows = declarable()
    kinds = [kind for kind, _ in rows]
    alone = {kind: (kind, driver) for kind, driver in rows if kinds.count(kind) == 1}
    drivers = [driver for _, driver in rows]
    return alone | {row[1]: row for row in rows if drivers.count(row[1]) == 1} | NAMES


def declarable() -> list[tuple[str, str]]:
    """Return every connector that a platform or flow may configure."""
    return [row for row in CONNECTORS if row != WORKSPACE]


def family(node: Node | None) -> tuple[str, str] | None:
    """Return the (kind, driver) that a connector or inline resource names, or None."""
    word = text_at(node, "type")
    if word is not None:
        names = connector_names()
        return names.get(word) or names.get(misspelt(word, names) or "")  # a misspelt one is reported by itself
    kind = word_meant(node, "kind", {kind for kind, _ in declarable()})
    driver = word_meant(node, "driver", {driver for one, driver in declarable() if one == kind})
    row = (kind or "", driver or "")
    return row if row in declarable() else None


def served_by(section: str, node: Node | None) -> tuple[str, str] | None:
    """Return the connector that serves an entry of `storage` or `catalogs`, or None."""
    return TYPES[section].get(word_meant(node, "type", TYPES[section]) or "") if isinstance(node, Mapping) else None


def resource(flow: Flow, platform: Platform | None, name: str) -> Settled | None:
    """Return the resource that the flow's steps call `name`, settled; None where a reference to it is broken.

    A misspelt name, of it or on the way to it, is taken for the one that is surely meant, and is reported by itself.
    """
    known = flow.settled.get(name)
    if known is None or known[0] is not platform:
        known = flow.settled[name] = (platform, _found(flow, platform, _name_meant(flow, platform, name)))
    return known[1]


def _name_meant(flow: Flow, platform: Platform | None, name: str) -> str:
    """Return the resource that a step's word names, or surely is a misspelling of."""
    names = [*flow.resources, *OWN_NAMES, *entries_at(platform.root if platform else None, "layers")]
    return name if name in names else misspelt(name, names) or name


def resources(flow: Flow, platform: Platform | None) -> Iterator[tuple[str, Settled]]:
    """Yield by name every resource that the flow declares or that its steps use, settled; not those that are broken."""
    for name in sorted(flow.resource_names | set(flow.resources)):
        settled = resource(flow, platform, name)
        if settled is not None:
            yield name, settled


def _found(flow: Flow, platform: Platform | None, name: str) -> Settled | None:
    if name in flow.resources and name not in OWN_NAMES:
        return _declared(flow.resources[name], platform)
    if name == "compute":
        return _compute(flow, platform)
    if name == WORKSPACE[1]:
        return _settled(WORKSPACE, EMPTY, EMPTY, flow.root)
    if name in LOGICAL:
        return placed(LOGICAL[name], logical(flow, platform, name))
    return _layer(platform, name)


def _declared(node: Mapping, platform: Platform | None) -> Settled | None:
    source = profile_of(node, platform) if "profile" in node.entries else node
    row = family(source)
    if row is None or source is None:
        return None
    layers = [node] if source is node else [source, node]
    parts: list[Node] = []
    for key in ("config", "options"):
        tree = part(layers[0], key, row)
        for layer in layers[1:]:
            tree = merged(tree, part(layer, key, row))
        parts.append(tree)
    return _settled(row, parts[0], parts[1], node, decoded(source, row))


def profile_of(node: Mapping, platform: Platform | None) -> Mapping | None:
    """Return the platform's connector that a resource names as its `profile`."""
    return entry_meant(platform, "connectors", node, "profile")


def entry_meant(platform: Platform | None, section: str, node: Node | None, key: str) -> Mapping | None:
    """Return the entry of a platform's section that a key names, or whose name is surely meant."""
    found = mapping_at(platform.root, section) if platform else None
    return mapping_at(found, word_meant(node, key, found.entries)) if found else None


def part(node: Mapping, key: str, row: tuple[str, str]) -> Node:
    """Return `config` or `options` of a connector in its own spelling."""
    full = in_full(node)
    found = mapping_at(full, key) or Mapping({}, {}, node.span)
    if key == "config" and (beside := mapping_at(full, "params")) is not None:
        found = filled(found, beside)  # one too many, which is told
    return with_spellings(CONNECTORS[row].config if key == "config" else CONNECTORS[row].options, found)


def in_full(node: Mapping) -> Mapping:
    """Return a connector without its short words; one whose place is taken is left, and the references say so."""
    for word, path in SHORT.items():
        if word in node.entries and lookup(node, path) is None and isinstance(nearest(node, path), Mapping):
            node = _moved(node, word, path)
    return node


def _moved(node: Mapping, word: str, path: Path) -> Mapping:
    """Return the mapping with what stands under `word` at `path`."""
    item, key = node.entries[word], node.keys[word]
    for part in reversed(path):
        item = Mapping({str(part): item}, {str(part): key}, item.span)
    moved = merged(item, without(node, {word}))
    assert isinstance(moved, Mapping)
    return moved


def each_in_full(root: Mapping, section: str) -> Mapping:
    """Return a file's root with every connector of a section in full."""
    return changed(root, section, lambda _, node: in_full(node))


def changed(root: Mapping, section: str, change: Callable[[str, Mapping], Node]) -> Mapping:
    """Return a file's root with `change` applied to each entry of a section by its name."""
    found = mapping_at(root, section)
    if found is None:
        return root
    entries = {name: change(name, node) if isinstance(node, Mapping) else node for name, node in found.entries.items()}
    return with_entry(root, section, Mapping(entries, found.keys, found.span, found.prior))


def typed_as(root: Mapping, whole: Mapping) -> Mapping:
    """Return a file's root whose connectors, storages and catalogs without a type have the one of the whole chain."""
    words = {"type", "kind", "driver"}
    for section in ("connectors", *TYPES):
        known = mapping_at(whole, section)

        def typed(name: str, node: Mapping, known: Mapping | None = known) -> Node:
            other = mapping_at(known, name)
            if other is None or not words.isdisjoint(node.entries):
                return node
            return filled(node, only(other, words))

        root = changed(root, section, typed)
    return root


def decoded(node: Mapping, row: tuple[str, str]) -> tuple[str, ...]:
    """Return the settings that a connector sends through the decode hook, such as `config.password`, in order."""
    found = mapping_at(node, "decode")
    marks = {key: part(found, key, row) for key in ("config", "options")} if found else {}
    return tuple(sorted(_marked(Mapping(marks, {}, node.span))))


def _marked(node: Mapping, path: str = "") -> Iterator[str]:
    for key, item in node.entries.items():
        if isinstance(item, Mapping):
            yield from _marked(item, f"{path}{key}.")
        elif isinstance(item, Scalar) and item.value is True:
            yield f"{path}{key}"


def _settled(row: tuple[str, str], config: Node, options: Node, node: Node, decode: tuple[str, ...] = ()) -> Settled:
    schema = CONNECTORS[row]
    return Settled(
        *row,
        with_defaults(schema.config, without_nulls(config)),
        with_defaults(schema.options, without_nulls(options)),
        node.span,
        decode,
        (config, options),
    )


def logical(flow: Flow, platform: Platform | None, name: str) -> Mapping | None:
    """Return the platform's entry for the flow's logical `storage`, `catalog` or `compute`, or None."""
    if text_at(flow.root, name):
        return entry_meant(platform, LOGICAL[name], flow.root, name)
    return mapping_at(mapping_at(platform.root, LOGICAL[name]), "default") if platform else None


def placed(section: str, node: Mapping | None) -> Settled | None:
    """Return a storage or catalog of the platform, settled; its entries are flat."""
    row = served_by(section, node)
    if node is None or row is None:
        return None
    config, options = flat_parts(node, row)
    return _settled(row, config, options, node)


def flat_parts(node: Mapping, row: tuple[str, str]) -> tuple[Mapping, Mapping]:
    """Split a flat entry into `config` and `options`; what is known to neither stays with the first."""
    schema = CONNECTORS[row]
    spelled = with_spellings(schema.config, with_spellings(schema.options, node))
    assert isinstance(spelled, Mapping)
    options = keys(schema.options)
    return without(spelled, {*options, "type"}), only(spelled, options)


def home_of_layer(platform: Platform | None, name: str) -> tuple[str, Mapping | None]:
    """Return the platform's section in which a layer lies, and its entry there: a catalog's, or else a storage's."""
    layer = mapping_at(mapping_at(platform.root, "layers"), name) if platform else None
    section, key = "storage", "storage_ref"
    if layer is not None and "catalog_ref" in layer.entries:
        section, key = "catalogs", "catalog_ref"
    return section, entry_meant(platform, section, layer, key)


def _layer(platform: Platform | None, name: str) -> Settled | None:
    """Return a layer as a resource: its catalog with the layer's namespace, or that folder of its storage."""
    layer = mapping_at(mapping_at(platform.root, "layers"), name) if platform else None
    section, home = home_of_layer(platform, name)
    found = placed(section, home)
    if found is None or layer is None or not isinstance(found.config, Mapping):
        return found
    namespace = layer.entries.get("namespace")
    known = keys(CONNECTORS[found.kind, found.driver].config)
    setting = next(one for one in ("namespace", "prefix", "root") if one in known)
    if not isinstance(namespace, Scalar) or not isinstance(namespace.value, str):
        unknown = with_entry(found.config, setting, Scalar(UNKNOWN, layer.span), layer.span)
        return found if namespace is None else found._replace(config=unknown)
    outer = found.config.entries.get(setting)
    below = [*namespace.prior, namespace]
    if section == "storage":
        below = [_folder(outer, one) if isinstance(one, Scalar) else one for one in below]
    *lower, last = below
    assert isinstance(last, Scalar)
    above = (*outer.prior, outer) if outer else ()
    here = Scalar(last.value, last.span, (*above, *lower), plain=last.plain, source=last.source)
    config = with_entry(found.config, setting, here, layer.keys["namespace"])
    return found._replace(config=config, place=layer.span)


def _folder(outer: Node | None, namespace: Scalar) -> Scalar:
    """Return a layer's folder below its storage's own: `analytics.gold` is `analytics/gold`."""
    if not isinstance(namespace.value, str):
        return namespace
    name, span = namespace.value.replace(".", "/"), namespace.span
    if isinstance(outer, Scalar) and isinstance(outer.value, Deferred):
        parts = outer.value.node.get("$concat", [outer.value.node])
        assert isinstance(parts, list)
        return Scalar(Deferred({"$concat": [*parts, f"/{name}"]}, outer.value.roots), span)
    base = str(outer.value) if isinstance(outer, Scalar) and outer.value else ""
    folder = f"{base.rstrip('/')}/{name}" if base else name
    written = namespace.source or (namespace.value if folder != namespace.value else None)
    return Scalar(folder, span, source=written)


def _compute(flow: Flow, platform: Platform | None) -> Settled | None:
    node = logical(flow, platform, "compute")
    if node is None:
        return Settled("compute", "duckdb", EMPTY, EMPTY, flow.root.span)  # the same engine in every environment
    driver = word_meant(node, "type", COMPUTE) or ""
    if driver not in COMPUTE:
        return None
    properties = without_nulls(compute_settings(node, driver))
    config = with_defaults(COMPUTE[driver], properties)
    return Settled("compute", driver, config, EMPTY, node.span, merged=(compute_settings(node, driver),))


def compute_settings(node: Mapping, driver: str) -> Mapping:
    """Return what a compute's own schema checks: of `duckdb` its properties, of others all but the type."""
    if driver == "duckdb":
        return mapping_at(node, "properties") or Mapping({}, {}, node.span)
    return without(node, {"type"})


def secret_of(node: Node) -> dict[str, str] | None:
    """Return the reference that a mapping spells, as text; None where it is something else."""
    if not isinstance(node, Mapping) or "secret_ref" not in node.entries:
        return None
    return {
        key: item.value
        for key, item in node.entries.items()
        if isinstance(item, Scalar) and isinstance(item.value, str)
    }
