"""What becomes, in a new snapshot, of the manifests of the one before: kept, or written again without some files.

Files themselves stay where they are, for those who read an older snapshot; the table's own maintenance removes them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from firn_runtime.connectors.iceberg.manifests import (
    CONTENT,
    DATA_FILE,
    LARGEST,
    LENGTH,
    PATH,
    Record,
    entries,
    is_live,
    listed,
    parsed,
)
from firn_runtime.connectors.iceberg.places import Wanted
from firn_runtime.connectors.iceberg.snapshot import Manifest, kept, rewritten
from firn_runtime.connectors.iceberg.target import Target

_COUNTED = ("data-files", "records", "files-size")
_NOTHING = dict.fromkeys((*_COUNTED, "delete-files", "position-deletes", "equality-deletes"), 0)


class Older(NamedTuple):
    """What a new snapshot says of what was there."""

    kept: Sequence[Record] = ()
    """Manifests that stay as they are, as the list says them."""
    changed: Sequence[Manifest] = ()
    deleted: Mapping[str, int] = {}
    """Counts of what is no longer there."""
    totals: Mapping[str, int] = {}
    """Counts of what is left, as far as they are known."""


def all_kept(target: Target) -> Older:
    """Keep everything."""
    return Older([kept(one) for one in _listed(target)], totals=_totals(target))


def all_removed(target: Target) -> Older:
    """Say of every file that it is no longer there."""
    older = _without(target, _any, _any)
    return older._replace(kept=(), totals=_NOTHING)


def _any(_: object) -> bool:
    return True


def some_removed(target: Target, gone: Collection[str]) -> Older:
    """Say of the data files at these locations that they are no longer there."""
    older = _without(target, lambda manifest: not manifest.get(CONTENT), lambda path: path in gone)
    totals = {name: count - older.deleted.get(name, 0) for name, count in _totals(target).items()}
    return older._replace(totals=totals)


def _listed(target: Target) -> Sequence[Record]:
    """Return the manifests of the current snapshot."""
    if target.table.current is None:
        return ()
    name = target.table.current.manifest_list
    return listed(target.places.content(Wanted(name), LARGEST, target.folder), name)


def _totals(target: Target) -> Mapping[str, int]:
    if target.table.current is None:
        return _NOTHING
    said = {name: target.table.current.summary.get(f"total-{name}", "") for name in _NOTHING}
    return {name: int(text) for name, text in said.items() if text.isdecimal() and len(text) < 20}


def _without(target: Target, looked_at: Callable[[Record], bool], gone: Callable[[str], bool]) -> Older:
    """Write the manifests again in which a file is that is gone."""
    manifests = _listed(target)
    live = [one for one in manifests if is_live(one) and looked_at(one)]
    contents = target.places.fetch([Wanted(str(one[PATH]), int(one[LENGTH])) for one in live], target.folder)
    changed, deleted, done = list[Manifest](), dict.fromkeys(_COUNTED, 0), set[str]()
    for one in live:
        path = str(one[PATH])
        file = parsed(contents[path].read_bytes(), path)
        there = entries(file, path)
        left = [entry for entry in there if gone(entry[DATA_FILE][100])]
        if left:
            changed.append(rewritten(file, there, one, target.numbers, gone))
            done.add(path)
            if not one.get(CONTENT):
                _count(deleted, left)
    return Older([kept(one) for one in manifests if one[PATH] not in done], changed, deleted)


def _count(deleted: dict[str, int], left: Sequence[Record]) -> None:
    deleted["data-files"] += len(left)
    deleted["records"] += sum(int(one[DATA_FILE][103]) for one in left)
    deleted["files-size"] += sum(int(one[DATA_FILE][104]) for one in left)
