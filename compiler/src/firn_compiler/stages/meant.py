"""Files as they were meant: each misspelt key is reported, and taken for the one that it surely stands for.

So the rest is checked as if it were spelled right. Nothing of it is ever frozen: the finding is an error.
"""

from collections.abc import Callable, Collection
from collections.abc import Mapping as PlainMapping
from functools import partial
from typing import NamedTuple

from firn_compiler.closest import closest, misspelt, translated
from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    entries_at,
    filled,
    only,
    text_at,
    with_entry,
    without,
)
from firn_compiler.model.shapes import (
    ComputeShape,
    ConnectorShape,
    FlowShape,
    JobShape,
    PlatformShape,
    ResourceShape,
    StepShape,
)
from firn_compiler.stages.keys_meant import Keys, renamed, with_part, word_meant
from firn_compiler.stages.settle import TYPES, changed, family
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import keys, words
from firn_schemas.steps import STEPS


class Meant(NamedTuple):
    """A flow's tree with the keys that were meant, and a finding for each that was another."""

    root: Mapping
    found: list[Diagnostic]
    renamed: set[str]
    """Paths of the values whose keys were words for another, as messages spell them: they may be others, too."""


def flow_as_meant(root: Mapping) -> Meant:
    """Take every key of a flow for the one that it surely stands for."""
    meant = _Meant()
    entries = meant.keys_of(FlowShape, root, ())
    entries = meant.levels(entries, root.keys, words(FlowShape), {"resources": words(ResourceShape)})
    entries = meant.section(entries, "resources", partial(meant.system, ResourceShape))
    entries = with_part(entries, "jobs", meant.items(entries, "jobs", meant.job, ()))
    entries = with_part(entries, "steps", meant.items(entries, "steps", meant.step, ()))
    entries = with_part(entries, "transforms", meant.items(entries, "transforms", meant.transform, ()))
    return Meant(meant.parts(FlowShape, entries, ()), meant.found, meant.renamed)


def platform_as_meant(root: Mapping, places: PlainMapping[str, Span] | None = None) -> Meant:
    """Take every key of a platform, its connectors and its layers for the one that it surely stands for.

    `places` are those of the root's keys where nulls were taken from it.
    """
    meant = _Meant()
    entries = meant.keys_of(PlatformShape, root, ())
    entries = meant.levels(entries, places or root.keys, words(PlatformShape), _SECTIONS)
    entries = meant.section(entries, "connectors", partial(meant.system, ConnectorShape))
    entries = meant.section(entries, "compute", meant.compute)
    for key, types in TYPES.items():
        entries = meant.section(entries, key, partial(meant.flat, types))
    return Meant(meant.parts(PlatformShape, entries, ()), meant.found, meant.renamed)


def _of_flat(types: PlainMapping[str, tuple[str, str]]) -> frozenset[str]:
    """Return the keys of entries whose settings have no level of their own."""
    records = (record for row in types.values() for record in (CONNECTORS[row].config, CONNECTORS[row].options))
    return frozenset(["type"]).union(*map(words, records))


_SECTIONS = {"connectors": words(ConnectorShape), "compute": words(ComputeShape)}
_SECTIONS |= {section: _of_flat(types) for section, types in TYPES.items()}
"""The sections of a platform whose entries have names, with the keys of those."""


class _Meant(Keys):
    def levels(
        self,
        root: Mapping,
        places: PlainMapping[str, Span],
        own: frozenset[str],
        parts: PlainMapping[str, frozenset[str]],
    ) -> Mapping:
        """Return the root with what is indented too little or too far where it was meant to be."""
        sections = [(entries_at(root, key), known) for key, known in parts.items()]
        if root.entries.keys() <= own and all(_fits(entries, own, known) for entries, known in sections):
            return root
        from firn_compiler.stages.levels import levelled  # for the few

        root, found = levelled(root, places, own, parts)
        self.found += found
        return root

    def section(self, root: Mapping, key: str, each: Callable[[Mapping, Path], Mapping]) -> Mapping:
        """Return the root with the entries of a section as they were meant."""
        if isinstance(listed := root.entries.get(key), Sequence):
            root = with_part(root, key, self.named(listed, key))
        return changed(root, key, lambda name, node: each(node, (key, name)))

    def flat(self, types: PlainMapping[str, tuple[str, str]], node: Mapping, path: Path) -> Mapping:
        """Return a storage or catalog, whose settings have no level of their own, as it was meant."""
        if "type" not in node.entries:
            node = self.known_keys(["type"], _SECTIONS[str(path[0])], node, path)
        row = types.get(word_meant(node, "type", types) or "")
        if row is None:
            return node
        config, options = CONNECTORS[row].config, CONNECTORS[row].options
        own = {"type", *keys(config), *keys(options)}
        node = self.known_keys(own, own | words(config) | words(options), node, path)
        return self.parts(options, self.parts(config, node, path), path)

    def system(self, record: type, node: Mapping, path: Path) -> Mapping:
        """Return a connector or resource with its settings as they were meant."""
        node = self.keys_of(record, self.with_config(record, self.with_settings(node, path, _part_meant), path), path)
        row = family(node)
        if row is None:
            return node
        for key, settings in (("config", "config"), ("params", "config"), ("options", "options")):
            if isinstance(inner := node.entries.get(key), Mapping):
                node = with_part(node, key, self.whole(getattr(CONNECTORS[row], settings), inner, (*path, key)))
        return node

    def with_config(self, record: type, node: Mapping, path: Path) -> Mapping:
        """Return a connector with a misspelt `config` in that which stands there for what was written beside it."""
        own = words(record)
        inside = node.entries.get("config")
        for key, item in node.entries.items() if isinstance(inside, Mapping) else ():
            if key not in own and isinstance(item, Mapping) and misspelt(key, ["config"]):
                assert isinstance(inside, Mapping)
                help = suggestion(key, keys(record), meant="config")
                self.found.append(finding("E201", f"`{key}` is not a known key", node.keys[key], help, (*path, key)))
                return without(with_entry(node, "config", filled(inside, item)), {key})
        return node

    def compute(self, node: Mapping, path: Path) -> Mapping:
        """Return an engine with what stands beside its `properties`, and surely is one."""
        own = words(COMPUTE["duckdb"]) if word_meant(node, "type", COMPUTE) == "duckdb" else ()
        return self.with_settings(node, path, lambda key, _: "properties" if key in own else "")

    def with_settings(self, node: Mapping, path: Path, part_meant: Callable[[str, Mapping], str]) -> Mapping:
        """Return a connector, resource or engine with what stands beside the parts that hold its settings in them."""
        for key in [one for one in node.entries if one not in _OWN]:
            part = part_meant(key, node)
            inside = node.entries.get(part, Mapping({}, {}, node.keys[key])) if part else None
            if isinstance(inside, Mapping) and key not in inside.entries:
                help = f"it belongs to `{part}`"
                self.found.append(finding("E201", f"`{key}` is not a known key", node.keys[key], help, (*path, key)))
                node = without(with_entry(node, part, filled(inside, only(node, {key})), node.keys[key]), {key})
        return node

    def named(self, node: Sequence, key: str) -> Node:
        """Return a list of what has names as the mapping of names that it should be."""
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        for item in node.items:
            if not isinstance(item, Mapping):
                return node
            own = next((one for one in ("name", "id") if text_at(item, one)), None)
            inner = next(iter(item.entries.values())) if len(item.entries) == 1 else None
            if own is not None:
                name = str(text_at(item, own))
                entries[name], keys[name] = without(item, {own}), item.entries[own].span
            elif isinstance(inner, Mapping):
                entries |= item.entries
                keys |= item.keys
            else:
                return node
        help = f"write each below its name, without `- `: `{next(iter(entries), 'name')}:`"
        self.found.append(finding("E202", f"`{key}` must be a mapping, not a list", node.span, help, (key,)))
        return Mapping(entries, keys, node.span)

    def items(self, node: Mapping, key: str, each: Callable[[Mapping, Path], Mapping], path: Path) -> Node | None:
        listed = node.entries.get(key)
        if isinstance(listed, Mapping) and listed.entries:
            listed = self.listed(listed, (*path, key))
        if not isinstance(listed, Sequence):
            return listed
        items = [
            each(self.with_id(item, (*path, key, index)), (*path, key, index)) if isinstance(item, Mapping) else item
            for index, item in enumerate(listed.items)
        ]
        return Sequence(items, listed.span, listed.prior)

    def with_id(self, node: Mapping, path: Path) -> Mapping:
        """Return a job or step whose keys stand below its name, `- name: {…}`, with that name as its id."""
        name, item = next(iter(node.entries.items()), ("", None))
        if len(node.entries) != 1 or not isinstance(item, Mapping) or "id" in item.entries:
            return node
        if item.entries.keys().isdisjoint(words(StepShape) | words(JobShape)) or name in words(StepShape):
            return node
        help = f"write `- id: {name}`, and its other keys below that"
        self.found.append(finding("E201", f"`{name}` is not a known key", node.keys[name], help, (*path, name)))
        return _called(name, node.keys[name], item)

    def listed(self, node: Mapping, path: Path) -> Node:
        """Return a mapping of names to jobs or steps as the list that it should be."""
        items = {name: item for name, item in node.entries.items() if isinstance(item, Mapping)}
        if len(items) < len(node.entries):
            return node
        help = f"write it as a list, and begin each item with `- id: {next(iter(node.entries))}`"
        self.found.append(finding("E202", f"`{path[-1]}` must be a list, not a mapping", node.span, help, path))
        return Sequence([_called(name, node.keys[name], item) for name, item in items.items()], node.span, node.prior)

    def job(self, node: Mapping, path: Path) -> Mapping:
        node = self.keys_of(JobShape, self.with_steps(node, path), path)
        return with_part(node, "steps", self.items(node, "steps", self.step, path))

    def with_steps(self, node: Mapping, path: Path) -> Mapping:
        """Return a job that is written as a step as the job of that step."""
        if "steps" in node.entries or "type" not in node.entries:
            return node
        help = "a job holds its steps in a list: write this one below `steps:`, after `- `"
        where = (*path, "steps")
        self.found.append(finding("E203", "the key `steps` is missing", node.keys["type"], help, where))
        steps = Sequence([only(node, words(StepShape))], node.span)
        return with_entry(without(node, words(StepShape) - {"id"}), "steps", steps, node.keys["type"])

    def step(self, node: Mapping, path: Path) -> Mapping:
        node = self.keys_of(StepShape, self.with_inputs(node, path), path)
        inputs, kind = node.entries.get("inputs"), word_meant(node, "type", STEPS) or ""
        if not isinstance(inputs, Mapping) or kind not in STEPS:
            return node
        inputs = self.whole(STEPS[kind].inputs, inputs, (*path, "inputs"))
        if isinstance(inner := inputs.entries.get("step"), Mapping):
            where = (*path, "inputs", "step")
            inputs = with_part(inputs, "step", self.parts(StepShape, self.step(inner, where), where))
        return with_part(node, "inputs", inputs)

    def transform(self, node: Mapping, path: Path) -> Mapping:
        """Return an item of `transforms`, whose inputs stand beside the step's own keys."""
        key = next((one for one in node.entries if misspelt(one, ["type"])), "")
        if key and "type" not in node.entries:
            help = suggestion(key, ["type"])
            self.found.append(finding("E201", f"`{key}` is not a known key", node.keys[key], help, (*path, key)))
            node = renamed(node, {key: "type"})
        row = STEPS.get(word_meant(node, "type", STEPS) or "")
        if row is None:
            return node
        if isinstance(inner := node.entries.get("inputs"), Mapping):
            help = "write what it holds beside `type`"
            where = (*path, "inputs")
            self.found.append(finding("E201", "`inputs` is not a known key", node.keys["inputs"], help, where))
            node = without(filled(node, inner), {"inputs"})
        own = {*keys(StepShape), *keys(row.inputs)} - {"inputs"}
        node = self.known_keys(own, {*words(StepShape), *words(row.inputs)}, node, path)
        return self.parts(row.inputs, self.parts(StepShape, node, path), path)

    def with_inputs(self, node: Mapping, path: Path) -> Mapping:
        """Return the step with those of its keys below `inputs` that are, or mean, inputs of its type."""
        own = words(StepShape)
        unknown = [key for key in node.entries if key not in own]
        if not unknown or ("inputs" not in node.entries and any(closest(key, ["inputs"]) for key in unknown)):
            return node  # that one is meant
        inputs = node.entries.get("inputs", Mapping({}, {}, node.span))
        if isinstance(inputs, Scalar) and inputs.value is None:
            inputs = Mapping({}, {}, inputs.span)  # they stand beside it, not below
        row = STEPS.get(word_meant(node, "type", STEPS) or "")
        if row is None or not isinstance(inputs, Mapping):
            return node
        known, own = words(row.inputs), own - node.entries.keys()
        free = known - inputs.entries.keys()
        moved = {key: meant for key in unknown if (meant := _input_meant(key, own, known, free))}
        if not moved:
            return node
        for key, meant in moved.items():
            help = f"write {'it' if key == meant else f'`{meant}`'} below `inputs:`"
            self.found.append(finding("E201", f"`{key}` is not a known key", node.keys[key], help, (*path, key)))
        inputs = filled(inputs, renamed(only(node, moved), moved))
        return with_entry(without(node, moved), "inputs", inputs, node.keys[next(iter(moved))])


def _fits(entries: PlainMapping[str, Node], own: frozenset[str], known: frozenset[str]) -> bool:
    """Whether no name of a section's entries is a key of theirs or of the file, and each has known keys alone."""
    inner = (one.entries.keys() <= known for one in entries.values() if isinstance(one, Mapping))
    return own.isdisjoint(entries) and known.isdisjoint(entries) and all(inner)


def _called(name: str, place: Span, item: Mapping) -> Mapping:
    """Return a job or step with an id that stands elsewhere, unless it has one."""
    return filled(item, Mapping({"id": Scalar(name, place)}, {"id": place}, place))


_OWN = words(ConnectorShape) | words(ResourceShape)


def _part_meant(key: str, node: Mapping) -> str:
    """Return the part of a connector that surely has a setting of this name; empty where there is none, or several."""
    row = family(node)
    rows = [CONNECTORS[row]] if row else [*CONNECTORS.values()]
    parts = [part for part in ("config", "options") if any(key in words(getattr(row, part)) for row in rows)]
    if len(parts) != 1:
        return ""
    return "params" if parts == ["config"] and "params" in node.entries else parts[0]


def _input_meant(key: str, own: Collection[str], known: Collection[str], free: Collection[str]) -> str:
    """Return the input that a key of a step is; empty where it is none, or rather a key of the step itself."""
    if key in known:
        return key
    return "" if translated(key, own) else translated(key, free) or ""
