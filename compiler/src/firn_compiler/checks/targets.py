"""Which place a step writes: one answer, whatever its resource is called and however the place is spelled."""

import posixpath
from typing import Any

from firn_compiler.model.project import Settled
from firn_compiler.stages.freeze import WHERE
from firn_compiler.stages.lower import lower_node
from firn_schemas.base import Json
from firn_schemas.canonical import file_bytes

FOLDERS = ("prefix", "root")
"""Settings below which a path lies."""
NAMESPACES = ("namespace", "schema")
"""Settings that say where a table lies that names no schema."""
BY_DEFAULT = {"duckdb": "main", "postgres": "public", "sqlite3": "main"}
"""Where it lies without them, unless the server has been told otherwise."""
CASELESS = frozenset(["duckdb", "mysql", "sqlite3"])
"""Drivers to which `T` and `t` are one table."""


def target(settled: Settled | None, name: str, place: Json) -> bytes:
    """Return what tells one target from another; of a resource that cannot be settled its name is all that is known."""
    if settled is None:
        return file_bytes({"system": name, "place": place})
    config: Any = lower_node(settled.config)
    row = settled.row
    places = row.places if row is not None else ()
    within = FOLDERS if "path" in places else NAMESPACES if "table" in places else ()
    outer = next((config[key] for key in within if config.get(key)), None)
    known = {key: _normal(key, value) for key, value in config.items() if key in WHERE and key not in within}
    system = [settled.kind, settled.driver, known if places else config]
    return file_bytes({"system": system, "place": _place(settled.driver, within, outer, place)})


def _normal(key: str, value: Json) -> Json:
    return posixpath.normpath(value) if key == "path" and isinstance(value, str) else value


def _place(driver: str, within: tuple[str, ...], outer: Json, place: Json) -> Json:
    """Return the whole place where both parts of it are texts, and the two parts where they are not."""
    if not isinstance(place, str) or not isinstance(outer, str | None) or not within:
        return [outer, place]
    if within == FOLDERS:
        return posixpath.normpath(posixpath.join(outer or "", place))
    schema, _, table = place.rpartition(".")
    whole: list[Json] = [schema or outer or BY_DEFAULT.get(driver, ""), table]
    return [str(word).lower() for word in whole] if driver in CASELESS else whole
