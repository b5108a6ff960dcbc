"""Two artifacts: what changed in meaning, by flow, job, step, resource and secret."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from firn_schemas.base import Json

Kind = Literal["added", "removed", "changed"]
DERIVED = frozenset(["fingerprint", "digest", "features", "lineage", "columns"])
"""Keys whose values follow from others: they change whenever those do."""
PARTS = {"data": "what comes out", "operation": "how the work is done", "words": "only words"}
WIDTH = 60


class Change(NamedTuple):
    """One value that differs; jobs and steps are named by their ids."""

    path: str
    kind: Kind
    old: Json
    new: Json


class Effect(NamedTuple):
    """What of a flow or resource the changes affect: parts of its fingerprint."""

    name: str
    parts: tuple[str, ...]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return every difference between two payloads, ordered by path."""
    return sorted(_compared("", old, new), key=lambda change: change.path)


def effects(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Effect]:
    """Return which parts of each flow and resource changed, by their fingerprints; of those that both hold."""
    found: list[Effect] = []
    for section, word in (("flows", "flow"), ("resources", "resource")):
        for name in sorted(old[section].keys() & new[section].keys()):
            before, after = old[section][name]["fingerprint"], new[section][name]["fingerprint"]
            parts = tuple(part for part in PARTS if before[part] != after[part])
            found += [Effect(f"{word} {name}", parts)] if parts else []
    return found


def _compared(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in DERIVED:
                yield from _member(f"{path}.{key}".lstrip("."), key, old, new)
    elif _by_id(old) and _by_id(new):
        before, after = ({one["id"]: one for one in rows} for rows in (old, new))
        for name in dict.fromkeys([*before, *after]):
            yield from _member(f"{path}.{name}", name, before, after)
        order = [[name for name in rows if name in before and name in after] for rows in (before, after)]
        if order[0] != order[1]:
            yield Change(path, "changed", [*order[0]], [*order[1]])
    elif old != new:
        yield Change(path, "changed", old, new)


def _member(path: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if key not in old:
        yield Change(path, "added", None, new[key])
    elif key not in new:
        yield Change(path, "removed", old[key], None)
    else:
        yield from _compared(path, old[key], new[key])


def _by_id(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "id" in one for one in value)


def as_text(old: Mapping[str, Any], new: Mapping[str, Any], limit: int = 50) -> str:
    """Return the differences for people; nothing where the meaning is the same."""
    found = [one for one in changes(old, new) if not one.path.startswith(("sources", "requires"))]
    lines = [f"{one.name}: {', '.join(PARTS[part] for part in one.parts)}" for one in effects(old, new)]
    lines += [line for one in found[:limit] for line in _lines(one)]
    lines += [f"and {len(found) - limit} more"] if len(found) > limit else []
    lines += [f"secrets: {word} {name}" for word, name in _secrets(old, new)]
    return "".join(f"{line}\n" for line in lines)


def between(old: bytes, new: bytes) -> str:
    """Return the differences between two artifacts' bytes for people; nothing where the first is no artifact."""
    try:
        before, after = json.loads(old)["payload"], json.loads(new)["payload"]
        return as_text(before, after)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _lines(change: Change) -> Iterator[str]:
    if change.kind != "changed":
        value = change.new if change.kind == "added" else change.old
        yield f"  {change.kind:<8} {change.path}" + ("" if isinstance(value, (dict, list)) else f"  {_shown(value)}")
    elif isinstance(change.old, str) and isinstance(change.new, str) and "\n" in change.old + change.new:
        yield f"  changed  {change.path}"
        yield from _by_line(change.old, change.new)
    else:
        yield f"  changed  {change.path}  {_shown(change.old)} → {_shown(change.new)}"


def _by_line(old: str, new: str) -> Iterator[str]:
    from difflib import ndiff

    for line in ndiff(old.splitlines(), new.splitlines()):
        if line[0] in "+-":
            yield f"           {line}"


def _shown(value: Json) -> str:
    text: str = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _secrets(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield secrets that are needed anew, or no more: operations mount them."""
    before, after = ({_name(one) for one in body["requires"]["secrets"]} for body in (old, new))
    yield from (("needs now", name) for name in sorted(after - before))
    yield from (("no longer needs", name) for name in sorted(before - after))


def _name(secret: Mapping[str, Any]) -> str:
    return f"{secret['ref']}/{secret['key']}" if "key" in secret else str(secret["ref"])
