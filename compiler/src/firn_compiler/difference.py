"""Two artifacts: what changed in meaning, by flow, job, step, resource and secret."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from firn_schemas.base import Json
from firn_schemas.visible import listing, visible

Kind = Literal["added", "removed", "changed"]
DERIVED = frozenset(["fingerprint", "lineage", "columns"])
"""Keys of a flow, job, step or resource whose values follow from others: they change whenever those do."""
PARTS = {"data": "what comes out", "operation": "how the work is done", "words": "only words"}
MAX_LINES = 2000
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
    """Return every difference in meaning between two payloads, ordered by path."""
    return sorted(_payload(old, new), key=lambda change: change.path)


def sources(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names of the files that say something else, ordered; it may be something that nobody uses."""
    before, after = ({(one["kind"], one["name"], one["digest"]) for one in body["sources"]} for body in (old, new))
    return sorted({name for _, name, _ in before ^ after})


def effects(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Effect]:
    """Return which parts of each flow and resource changed, by their fingerprints; of those that both hold."""
    found: list[Effect] = []
    for section, word in (("flows", "flow"), ("resources", "resource")):
        for name in sorted(old[section].keys() & new[section].keys()):
            before, after = old[section][name]["fingerprint"], new[section][name]["fingerprint"]
            parts = tuple(part for part in PARTS if before[part] != after[part])
            found += [Effect(f"{word} {name}", parts)] if parts else []
    return found


Changes: TypeAlias = Iterator[Change]


def _payload(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    yield from _keyed("", old, new, but=("features", "flows", "resources", "sources"))
    yield from _keyed("flows", old["flows"], new["flows"], _flow)
    yield from _keyed("resources", old["resources"], new["resources"], _record)


def _flow(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    yield from _keyed(path, old, new, but=(*DERIVED, "jobs"))
    yield from _ordered(f"{path}.jobs", old["jobs"], new["jobs"], _job)


def _job(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    yield from _keyed(path, old, new, but=(*DERIVED, "steps"))
    yield from _ordered(f"{path}.steps", old["steps"], new["steps"], _record)


def _record(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    yield from _keyed(path, old, new, but=DERIVED)


def _compared(path: str, old: Any, new: Any) -> Changes:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _keyed(path, old, new)
    elif old != new:
        yield Change(path, "changed", old, new)


def _ordered(path: str, old: Any, new: Any, compared: Callable[[str, Any, Any], Changes]) -> Changes:
    """Yield the changes of jobs or steps by their ids, and of their order."""
    before, after = ({one["id"]: one for one in rows} for rows in (old, new))
    yield from _keyed(path, before, after, compared)
    order = [[name for name in rows if name in before and name in after] for rows in (before, after)]
    if order[0] != order[1]:
        yield Change(path, "changed", [*order[0]], [*order[1]])


def _keyed(
    path: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    compared: Callable[[str, Any, Any], Changes] = _compared,
    but: Collection[str] = (),
) -> Changes:
    for key in sorted((old.keys() | new.keys()) - {*but}):
        at = f"{path}.{key}".lstrip(".")
        if key not in old:
            yield Change(at, "added", None, new[key])
        elif key not in new:
            yield Change(at, "removed", old[key], None)
        else:
            yield from compared(at, old[key], new[key])


def as_text(old: Mapping[str, Any], new: Mapping[str, Any], limit: int = 50) -> str:
    """Return the differences for people; where the meaning is the same, what differs all the same."""
    found = [one for one in changes(old, new) if not one.path.startswith(REQUIRED)]
    lines = [f"{one.name}: {', '.join(PARTS[part] for part in one.parts)}" for one in effects(old, new)]
    lines += [line for one in found[:limit] for line in _lines(one)]
    lines += [f"and {len(found) - limit} more"] if len(found) > limit else []
    lines += [f"secrets: {word} {name}" for word, name in _secrets(old, new)]
    if not lines:
        files = listing(sources(old, new))
        lines = ["no difference in meaning" + (f", only in the text of {files}" if files else "")]
    return "".join(f"{visible(line)}\n" for line in lines)


REQUIRED = tuple(f"requires.{one}" for one in ("connectors", "environment", "secrets"))
"""What follows from resources and steps, which say it better."""


def between(old: bytes, new: bytes) -> str:
    """Return the differences between two artifacts' bytes for people; nothing where the first is no artifact."""
    try:
        before, after = json.loads(old)["payload"], json.loads(new)["payload"]
        return as_text(before, after)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def _lines(change: Change) -> Iterator[str]:
    if change.kind != "changed":
        value = change.new if change.kind == "added" else change.old
        yield f"  {change.kind:<8} {change.path}" + ("" if isinstance(value, (dict, list)) else f"  {_shown(value)}")
    elif isinstance(change.old, str) and isinstance(change.new, str) and "\n" in change.old + change.new:
        yield f"  changed  {change.path}"
        yield from _by_line(change.old, change.new)
    else:
        old, new = (json.dumps(value, ensure_ascii=False) for value in (change.old, change.new))
        same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        yield f"  changed  {change.path}  {_around(old, same)} → {_around(new, same)}"


def _by_line(old: str, new: str) -> Iterator[str]:
    from difflib import SequenceMatcher

    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > MAX_LINES:
        yield f"           {len(before)} lines → {len(after)} lines"
        return
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (f"           - {line}" for line in before[a:b])
            yield from (f"           + {line}" for line in after[c:d])


def _shown(value: Json) -> str:
    return _around(json.dumps(value, ensure_ascii=False), 0)


def _around(text: str, at: int) -> str:
    """Return of a long text the part around a place, with `…` for what is left out before and after."""
    begin = max(min(at - WIDTH // 3, len(text) - WIDTH), 0)
    shown = text[begin : begin + WIDTH]
    before, after = "…" * (begin > 0), "…" * (begin + WIDTH < len(text))
    return before + shown[len(before) : WIDTH - len(after)] + after


def _secrets(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield secrets that are needed anew, or no more: operations mount them."""
    before, after = ({_name(one) for one in body["requires"]["secrets"]} for body in (old, new))
    yield from (("needs now", name) for name in sorted(after - before))
    yield from (("no longer needs", name) for name in sorted(before - after))


def _name(secret: Mapping[str, Any]) -> str:
    return f"{secret['ref']}/{secret['key']}" if "key" in secret else str(secret["ref"])
