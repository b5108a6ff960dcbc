"""What a plug-in's own JSON Schema says of settings and inputs; the one door to jsonschema."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry

from firn_compiler.diagnostics import TYPES, Diagnostic, finding, suggestion
from firn_compiler.document import Deferred, Mapping, Node, Path, Scalar, key_span, nearest

MAX_FINDINGS = 100


def plugin_findings(schema: Any, node: Node, base: Path) -> Iterator[Diagnostic]:
    """Report what does not fit; no value is shown. The keys of the first level are checked before."""
    try:
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema, registry=Registry())  # an empty registry fetches nothing
        errors = sorted(validator.iter_errors(_plain(node, schema)), key=lambda one: [str(part) for part in one.path])
    except Exception:  # what the meta-schema lets pass, jsonschema may stumble over: a `$ref` into a list, say
        place = nearest(node, ()).span.opening
        yield finding("E708", "the plug-in's own schema cannot be used", place, "ask the plug-in's author", base)
        return
    for error in errors[:MAX_FINDINGS]:
        path: Path = tuple(error.absolute_path)
        if path or error.validator not in ("required", "additionalProperties"):
            yield _finding(error, node, path, base)


def _plain(node: Node, schema: Any) -> Any:
    """Return the node's value without what is known only at run time, and without references to secrets."""
    if isinstance(node, Mapping):
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        return {
            key: _plain(item, properties.get(key, {}))
            for key, item in node.entries.items()
            if not _later(item) and not (isinstance(properties.get(key), dict) and properties[key].get("writeOnly"))
        }
    if isinstance(node, Scalar):
        return node.value
    return [
        _plain(item, schema.get("items", {}) if isinstance(schema, dict) else {})
        for item in node.items
        if not _later(item)
    ]


def _later(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, Deferred)


def _finding(error: ValidationError, node: Node, path: Path, base: Path) -> Diagnostic:
    full, where = (*base, *path), nearest(node, path).span
    name, rule, value = f"`{full[-1]}`", error.validator_value, error.instance
    asked: Any = rule
    if error.validator == "type":
        kinds = [asked] if isinstance(asked, str) else list(asked)
        expected = " or ".join(TYPES.get(kind, kind) for kind in kinds)
        return finding("E202", f"{name} must be {expected}", where, "", full)
    if error.validator == "enum":
        help = suggestion(str(value), map(str, asked))
        return finding("E204", f"{name} is not one of the known words", where, help, full)
    if error.validator == "required":
        missing = next((key for key in asked if key not in _keys(value)), "")
        return finding("E203", f"the key `{missing}` is missing", where.opening, f"add `{missing}:`", full)
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        known = sorted(schema.get("properties", {}))
        extra = next((key for key in _keys(value) if key not in known), "")
        place = key_span(node, (*path, extra))
        return finding("E201", f"`{extra}` is not a known key", place, suggestion(extra, known), (*full, extra))
    return finding("E204", f"{name} does not fit the plug-in's schema (`{error.validator}`)", where, "", full)


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
