"""Files as they were meant: each misspelt key is reported, and taken for the one that it surely stands for.

So the rest is checked as if it were spelled right. Nothing of it is ever frozen: the finding is an error.
"""

from collections.abc import Callable, Collection
from collections.abc import Mapping as PlainMapping
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
    text_at,
)
from firn_compiler.model.shapes import (
    CompatibilityShape,
    ComputeShape,
    ConnectorShape,
    FlowShape,
    GovernanceShape,
    JobShape,
    LayerShape,
    LockShape,
    PlatformObservabilityShape,
    PlatformShape,
    ResourceShape,
    RetryShape,
    SecurityShape,
    StepShape,
    WorkspaceShape,
)
from firn_compiler.stages.keys_meant import Keys, renamed, with_part, word_meant
from firn_compiler.stages.settle import family
from firn_schemas.connectors import CATALOGS, CONNECTORS, STORAGE
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
    entries = meant.outward(meant.keys_of(FlowShape, root, ()), "resources", ("jobs", "steps", "transforms"))
    entries = meant.section(ResourceShape, entries, "resources")
    entries = with_part(entries, "jobs", meant.items(entries, "jobs", meant.job, ()))
    entries = with_part(entries, "steps", meant.items(entries, "steps", meant.step, ()))
    entries = with_part(entries, "transforms", meant.items(entries, "transforms", meant.transform, ()))
    return Meant(entries, meant.found, meant.renamed)


def platform_as_meant(root: Mapping) -> Meant:
    """Take every key of a platform, its connectors and its layers for the one that it surely stands for."""
    meant = _Meant()
    entries = meant.keys_of(PlatformShape, root, ())
    for key, record in _SECTIONS.items():
        entries = meant.section(record, entries, key)
    for key, types in _FLAT.items():
        entries = meant.flat(types, entries, key)
    for key, record in _RECORDS.items():
        if isinstance(found := entries.entries.get(key), Mapping):
            entries = with_part(entries, key, meant.keys_of(record, found, (key,)))
    return Meant(entries, meant.found, meant.renamed)


_SECTIONS: dict[str, type] = {"compute": ComputeShape, "connectors": ConnectorShape, "layers": LayerShape}
"""Sections of a platform whose entries are records."""
_FLAT = {"catalogs": CATALOGS, "storage": STORAGE}
"""Sections of a platform whose entries are settings of a connector, beside the `type` that says which."""
_RECORDS: dict[str, type] = {
    "compatibility": CompatibilityShape,
    "governance": GovernanceShape,
    "observability": PlatformObservabilityShape,
    "security": SecurityShape,
    "workspace": WorkspaceShape,
}
"""Sections of a platform that are one record each."""


class _Meant(Keys):
    def section(self, record: type, root: Mapping, key: str) -> Mapping:
        """Return the root with the entries of a section as they were meant."""
        found = root.entries.get(key)
        if isinstance(found, Sequence):
            found = self.named(found, key)
        if not isinstance(found, Mapping):
            return root
        changed = {name: self.entry(record, node, (key, name)) for name, node in found.entries.items()}
        return with_part(root, key, Mapping(changed, found.keys, found.span, found.prior))

    def flat(self, types: PlainMapping[str, tuple[str, str]], root: Mapping, key: str) -> Mapping:
        """Return the root with the entries of a section whose settings have no level of their own."""
        found = root.entries.get(key)
        if not isinstance(found, Mapping):
            return root
        changed = dict(found.entries)
        for name, node in found.entries.items():
            row = CONNECTORS.get(types.get(word_meant(node, "type", types) or "", ("", "")))
            if isinstance(node, Mapping) and row is not None:
                own = {"type", *keys(row.config), *keys(row.options)}
                known = own | words(row.config) | words(row.options)
                changed[name] = self.known_keys(own, known, node, (key, name))
        return with_part(root, key, Mapping(changed, found.keys, found.span, found.prior))

    def entry(self, record: type, node: Node, path: Path) -> Node:
        if not isinstance(node, Mapping):
            return node
        if record not in _SYSTEMS:
            return self.keys_of(record, node, path)
        node = self.keys_of(record, self.with_settings(node, path), path)
        row = family(node)
        for key, part in (("config", "config"), ("params", "config"), ("options", "options")) if row else ():
            if row and isinstance(inner := node.entries.get(key), Mapping):
                node = with_part(node, key, self.whole(getattr(CONNECTORS[row], part), inner, (*path, key)))
        return node

    def with_settings(self, node: Mapping, path: Path) -> Mapping:
        """Return a connector or resource with what stands beside its `config` and `options`, and surely is of one."""
        for key in [one for one in node.entries if one not in _OWN]:
            part = _part_meant(key, node)
            inside = node.entries.get(part, Mapping({}, {}, node.keys[key])) if part else None
            if isinstance(inside, Mapping) and key not in inside.entries:
                self.found.append(
                    finding(
                        "E201", f"`{key}` is not a known key", node.keys[key], f"it belongs to `{part}`", (*path, key)
                    )
                )
                inner = Mapping(
                    inside.entries | {key: node.entries[key]}, inside.keys | {key: node.keys[key]}, inside.span
                )
                entries = {one: item for one, item in node.entries.items() if one != key} | {part: inner}
                node = Mapping(entries, {part: node.keys[key]} | node.keys, node.span, node.prior)
        return node

    def outward(self, root: Mapping, key: str, parts: Collection[str]) -> Mapping:
        """Return the root with lists that are parts of it, and stand in a section, beside that."""
        found = root.entries.get(key)
        inside = found.entries if isinstance(found, Mapping) else {}
        moved = [one for one in parts if isinstance(inside.get(one), Sequence) and one not in root.entries]
        if not moved or not isinstance(found, Mapping):
            return root
        for one in moved:
            help = f"indent it as far as `{key}`"
            self.found.append(finding("E201", f"`{one}` stands inside `{key}`", found.keys[one], help, (key, one)))
        left = Mapping({one: item for one, item in inside.items() if one not in moved}, found.keys, found.span)
        entries: dict[str, Node] = root.entries | {key: left} | {one: inside[one] for one in moved}
        return Mapping(entries, root.keys | {one: found.keys[one] for one in moved}, root.span, root.prior)

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
                rest = {one: value for one, value in item.entries.items() if one != own}
                name, span = str(text_at(item, own)), item.entries[own].span
                entries[name], keys[name] = Mapping(rest, item.keys, item.span), span
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
        own: dict[str, Node] = {"id": Scalar(name, node.keys[name])}
        return Mapping(own | item.entries, {"id": node.keys[name]} | item.keys, item.span, item.prior)

    def listed(self, node: Mapping, path: Path) -> Node:
        """Return a mapping of names to jobs or steps as the list that it should be."""
        if not all(isinstance(item, Mapping) for item in node.entries.values()):
            return node
        help = f"write it as a list, and begin each item with `- id: {next(iter(node.entries))}`"
        self.found.append(finding("E202", f"`{path[-1]}` must be a list, not a mapping", node.span, help, path))
        items: list[Node] = []
        for name, item in node.entries.items():
            assert isinstance(item, Mapping)
            own = {"id": Scalar(name, node.keys[name])} | item.entries
            items.append(Mapping(own, {"id": node.keys[name]} | item.keys, item.span, item.prior))
        return Sequence(items, node.span, node.prior)

    def job(self, node: Mapping, path: Path) -> Mapping:
        node = self.parts(self.keys_of(JobShape, self.with_steps(node, path), path), path)
        return with_part(node, "steps", self.items(node, "steps", self.step, path))

    def parts(self, node: Mapping, path: Path) -> Mapping:
        """Return a job or step with the keys of its `lock` and `retry` as they were meant."""
        for key, record in (("lock", LockShape), ("retry", RetryShape)):
            if isinstance(found := node.entries.get(key), Mapping):
                node = with_part(node, key, self.keys_of(record, found, (*path, key)))
        return node

    def with_steps(self, node: Mapping, path: Path) -> Mapping:
        """Return a job that is written as a step as the job of that step."""
        if "steps" in node.entries or "type" not in node.entries:
            return node
        job = {key: item for key, item in node.entries.items() if key == "id" or key not in words(StepShape)}
        step = {key: item for key, item in node.entries.items() if key in words(StepShape)}
        help = "a job holds its steps in a list: write this one below `steps:`, after `- `"
        where = (*path, "steps")
        self.found.append(finding("E203", "the key `steps` is missing", node.keys["type"], help, where))
        steps = Sequence([Mapping(step, node.keys, node.span)], node.span)
        return Mapping(job | {"steps": steps}, node.keys | {"steps": node.keys["type"]}, node.span, node.prior)

    def step(self, node: Mapping, path: Path) -> Mapping:
        node = self.parts(self.keys_of(StepShape, self.with_inputs(node, path), path), path)
        inputs, kind = node.entries.get("inputs"), word_meant(node, "type", STEPS) or ""
        if not isinstance(inputs, Mapping) or kind not in STEPS:
            return node
        inputs = self.whole(STEPS[kind].inputs, inputs, (*path, "inputs"))
        if isinstance(inner := inputs.entries.get("step"), Mapping):
            inputs = with_part(inputs, "step", self.step(inner, (*path, "inputs", "step")))
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
            entries = {key: item for key, item in node.entries.items() if key != "inputs"}
            node = Mapping(inner.entries | entries, inner.keys | node.keys, node.span, node.prior)
        own = {*keys(StepShape), *keys(row.inputs)} - {"inputs"}
        return self.known_keys(own, {*words(StepShape), *words(row.inputs)}, node, path)

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
        inner = {meant: node.entries[key] for key, meant in moved.items()} | inputs.entries
        keys = {meant: node.keys[key] for key, meant in moved.items()} | inputs.keys
        entries = {key: item for key, item in node.entries.items() if key not in moved}
        spans = {"inputs": node.keys[next(iter(moved))]} | {key: node.keys[key] for key in entries}
        return Mapping(entries | {"inputs": Mapping(inner, keys, inputs.span)}, spans, node.span, node.prior)


_SYSTEMS = (ConnectorShape, ResourceShape)
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
