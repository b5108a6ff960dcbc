"""The merge: mappings key by key, lists and scalars replace, null removes. Every value keeps what it replaced."""

from firn_compiler.document import UNKNOWN, Mapping, Node, Scalar, Sequence, is_null, stands_alone


def merged(lower: Node, upper: Node) -> Node:
    """Return `upper` over `lower`; a null inside `upper` is kept until `without_nulls`, so that it removes."""
    if isinstance(lower, Mapping) and isinstance(upper, Mapping):
        entries = dict(lower.entries)
        keys = dict(lower.keys)
        for key, item in upper.entries.items():
            entries[key] = merged(entries[key], item) if key in entries else item
            keys[key] = upper.keys[key]
        prior = (*lower.prior, lower) if _is_reference(lower) or _is_reference(upper) else lower.prior
        return Mapping(entries, keys, upper.span, prior)
    if isinstance(lower, Mapping) and lower.entries and is_null(upper) and not _is_reference(lower):
        entries = {key: merged(item, upper) for key, item in lower.entries.items()}
        return Mapping(entries, dict.fromkeys(entries, upper.span), upper.span, lower.prior, removed=True)
    if isinstance(lower, Mapping) and isinstance(upper, Scalar) and upper.value is UNKNOWN:
        return lower  # what a part that could not be read would have changed of it, nobody knows
    history = (*lower.prior, lower)
    if isinstance(upper, Scalar):
        return Scalar(upper.value, upper.span, history, plain=upper.plain, source=upper.source)
    if isinstance(upper, Sequence):
        return Sequence(upper.items, upper.span, history)
    return Mapping(upper.entries, upper.keys, upper.span, history)


def without_nulls(node: Node) -> Node:
    """Return the tree without the keys whose value is null; null in a list stays, and so does a key without a colon."""
    if not isinstance(node, Mapping):
        return node
    kept = {key: without_nulls(item) for key, item in node.entries.items() if not _removes(node, key)}
    return Mapping(kept, {key: node.keys[key] for key in kept}, node.span, node.prior)


def _removes(node: Mapping, key: str) -> bool:
    item = node.entries[key]
    return item.removed if isinstance(item, Mapping) else is_null(item) and not stands_alone(node, key)


def _is_reference(node: Node) -> bool:
    """Whether it refers to a secret: that is one value, and each layer of it is told whole."""
    return isinstance(node, Mapping) and "secret_ref" in node.entries
