"""Typed nodes to values: secrets, environment variables and results, as the artifact's own nodes name them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from firn_runtime.confined_paths import leads_out
from firn_schemas.base import Json
from firn_schemas.secret import Secret
from firn_schemas.visible import is_unicode

NODES = ("$secret", "$env", "$ref", "$concat", "$literal", "$op")
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Unresolved(Exception):
    """A value that cannot be had; the sentence says why and holds no value."""


class Scope:
    """What the nodes of one place may name; each part is read-only."""

    def __init__(
        self,
        environ: Mapping[str, str],
        secrets: Mapping[tuple[str, str | None], Secret],
        names: Mapping[str, Any] | None = None,
    ) -> None:
        self.environ = environ
        self.secrets = secrets
        self.names = names or {}

    def resolve(self, value: Json) -> Any:
        """Return the value with every typed node replaced; raise Unresolved."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        node = next((key for key in value if key in _RESOLVERS), None)
        if node is not None:
            return _RESOLVERS[node](self, value)
        if any(key.startswith("$") for key in value):
            raise Unresolved("the artifact holds a node of an unknown kind")
        return {key: self.resolve(item) for key, item in value.items()}

    def secret(self, node: Any) -> Secret:
        """Return a secret that was resolved before the run."""
        found = self.secrets.get((node["$secret"]["ref"], node["$secret"].get("key")))
        if found is None:
            raise Unresolved("a secret stands where none is allowed")
        return found

    def variable(self, node: Any) -> Any:
        """Return an environment variable of the snapshot, or its default."""
        name = node["$env"]["name"]
        if name in self.environ:
            return _utf8(name, self.environ[name])
        if "default" in node["$env"]:
            return node["$env"]["default"]
        raise Unresolved(f"the environment variable `{name}` is not set")

    def reference(self, node: Any) -> Any:
        """Return what a path names, or the reference's default."""
        found = self.names
        for index, key in _PART.findall(node["$ref"]):
            try:
                found = found[int(index)] if index else found[key]  # type: ignore[index]  # whatever a step gave
            except (KeyError, IndexError, TypeError):
                if "default" in node:
                    return node["default"]
                raise Unresolved(f"there is no value at `{node['$ref']}`") from None
        return found

    def concatenation(self, node: Any) -> str:
        """Return the parts as one text; numbers and booleans as JSON spells them.

        A place with a literal beginning is held there: what the run adds cannot lead out of it. An operand of a
        program is no option; a negative number is none.
        """
        joined = "".join(_text(self.resolve(part)) for part in node["$concat"])
        if "prefix" in node and leads_out(joined):
            raise Unresolved(f"a value of the run leads out of `{node['prefix']}`")
        if "operand" in node and joined.startswith("-") and isinstance(self.resolve(node["$concat"][0]), str):
            raise Unresolved("a value of the run begins with `-`: the program would take it for an option")
        return joined

    def condition(self, node: Any) -> Any:
        """Return the value of an operation."""
        name, arguments = node["$op"]["name"], node["$op"]["args"]
        if name in ("and", "or"):
            return self._chain(arguments, stop=name == "or")
        values = [self.resolve(argument) for argument in arguments]
        if name == "not":
            return not _boolean(values[0])
        left, right = values
        if name not in ("==", "!=") and not _ordered(left, right):
            raise Unresolved(f"`{name}` compares two numbers or two texts, not {_kind(left)} and {_kind(right)}")
        return _COMPARISONS[name](left, right)

    def _chain(self, arguments: Any, *, stop: bool) -> bool:
        return stop if any(_boolean(self.resolve(argument)) is stop for argument in arguments) else not stop


_RESOLVERS: dict[str, Callable[[Scope, Any], Any]] = {
    "$concat": Scope.concatenation,
    "$env": Scope.variable,
    "$literal": lambda scope, node: {key: scope.resolve(item) for key, item in node["$literal"].items()},
    "$op": Scope.condition,
    "$ref": Scope.reference,
    "$secret": Scope.secret,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: _same(left, right),
    "!=": lambda left, right: not _same(left, right),
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}


def _utf8(name: str, text: str) -> str:
    """Return the value of a variable; Python keeps each byte of it that is no UTF-8 as half a character."""
    if not is_unicode(text):
        raise Unresolved(f"the environment variable `{name}` is not UTF-8 text")
    return text


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


def _ordered(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and _kind(left) in ("a number", "text")


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and bool(left == right)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Unresolved(f"a condition needs true or false, not {_kind(value)}")
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Unresolved(f"{_kind(value)} cannot become part of a text")


def nodes(value: Json, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield (kind, path, node) of every typed node inside a value, those inside other nodes too."""
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key in NODES:
                yield key, path, value
            if key == "$literal" and isinstance(item, dict):  # its keys are data, whatever they look like
                for name, inner in item.items():
                    yield from nodes(inner, f"{where}.{name}")
            else:
                yield from nodes(item, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, f"{path}[{index}]")


def misshapen(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the typed nodes of a value that came from an artifact."""
    for kind, where, node in nodes(value, path):
        if not _well_formed(kind, node):
            yield where, f"is not a `{kind}` node"


def _well_formed(kind: str, node: Any) -> bool:
    inner = node[kind]
    if set(node) - {kind, *_BESIDE.get(kind, ())}:
        return False
    if "prefix" in node and not _begins_with(inner, node["prefix"]):
        return False
    if "operand" in node and not (node["operand"] is True and isinstance(inner, list) and inner):
        return False
    if kind == "$secret":
        return _texts(inner, {"ref"}, {"key"})
    if kind == "$env":
        return _texts(
            {k: v for k, v in inner.items() if k != "default"} if isinstance(inner, dict) else inner, {"name"}, set()
        )
    if kind == "$op":
        return _operation(inner)
    return isinstance(inner, {"$ref": str, "$concat": list, "$literal": dict}[kind])


def _begins_with(parts: Any, prefix: Any) -> bool:
    return isinstance(parts, list) and isinstance(prefix, str) and prefix != "" and parts[:1] == [prefix]


_BESIDE = {"$ref": ("default",), "$concat": ("operand", "prefix")}
"""Keys that may stand beside a node's own."""


def _texts(inner: Any, needed: set[str], allowed: set[str]) -> bool:
    return (
        isinstance(inner, dict)
        and needed <= inner.keys() <= needed | allowed
        and all(isinstance(word, str) for word in inner.values())
    )


def _operation(inner: Any) -> bool:
    if not isinstance(inner, dict) or set(inner) != {"name", "args"} or not isinstance(inner["args"], list):
        return False
    number = len(inner["args"])
    return (
        (inner["name"] in ("and", "or") and number > 1)
        or (inner["name"] == "not" and number == 1)
        or (inner["name"] in _COMPARISONS and number == 2)
    )
