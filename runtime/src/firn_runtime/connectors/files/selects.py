"""How files that are one dataset stand in a SELECT of the engine: their names, types, folders and values."""

from collections.abc import Iterable, Mapping, Sequence

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.layouts import listed
from firn_runtime.connectors.files.partitions import partition_types
from firn_runtime.connectors.files.paths import partition_keys
from firn_runtime.connectors.values.projection import engine_types, sql_type
from firn_runtime.connectors.values.texts import is_misspelt, of_text
from firn_runtime.engine import Session
from firn_runtime.identifiers import failing, identifier, literal
from firn_schemas.steps.data import FormatOptions, ReadInputs

_SAMPLE = 20_480
"""Rows of a file by which the engine detects types."""


def format_options(inputs: ReadInputs) -> FormatOptions:
    """Return what the step says of the format."""
    return inputs.format_options or FormatOptions()


def scan_of(function: str, found: Found, options: Sequence[str]) -> str:
    """Return the files as a table of the engine."""
    return f"read_{function}({listed(found.files)}, {', '.join(options)})"


def types_of(schema: Mapping[str, str]) -> str:
    """Return the types of `schema` as a struct of the engine."""
    return struct_of({name: sql_type(name, text) for name, text in schema.items()})


def struct_of(types: Mapping[str, str]) -> str:
    """Return names and types as a struct of the engine."""
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items()) + "}"


def list_of(texts: Iterable[str]) -> str:
    """Return texts as a list of the engine."""
    return "[" + ", ".join(map(literal, texts)) + "]"


def misspelt(session: Session, scan: str, kinds: Mapping[str, str], nulls: Sequence[str] = ()) -> list[str]:
    """Return the columns whose first texts are not spelled as values of the types that were detected: they are texts.

    `scan` has the columns as texts, of which `nulls` mean NULL.
    """
    looks = {name: look for name, kind in kinds.items() if (look := is_misspelt(name, kind, nulls))}
    if not looks:
        return []
    columns, found = ", ".join(map(identifier, looks)), ", ".join(looks.values())
    (told,) = session.execute(f"SELECT {found} FROM (SELECT {columns} FROM {scan} LIMIT {_SAMPLE})")
    return [name for name, is_text in zip(looks, told, strict=True) if is_text]


def partition_options(found: Found, inputs: ReadInputs) -> list[str]:
    """Return the options that make columns of the folders, of types that fit every value; text where `schema` says one.

    The engine's own casts to the types of `schema` would round.
    """
    if not found.keys:
        return ["hive_partitioning = false"]
    types = partition_types(found) | dict.fromkeys(_of_the_folders(found, inputs), "VARCHAR")
    return ["hive_partitioning = true", f"hive_types = {struct_of(types)}"]


def _of_the_folders(found: Found, inputs: ReadInputs) -> dict[str, str]:
    """Return the part of `schema` that is about what stands in the folders' names."""
    return {name: text for name, text in (inputs.schema or {}).items() if name in found.keys}


def of_the_files(found: Found, inputs: ReadInputs) -> dict[str, str]:
    """Return the part of `schema` that is about what stands in the files."""
    return {name: text for name, text in (inputs.schema or {}).items() if name not in found.keys}


def in_order(session: Session, scan: str, found: Found, inputs: ReadInputs) -> str:
    """Put the columns of the folders last, as the folders lie, without those of the folders above the root."""
    if not found.keys:
        return scan
    outer = [key for key in partition_keys(f"{found.root}/x") if key not in found.keys]
    kinds = engine_types(session, _of_the_folders(found, inputs))
    keys = ", ".join(_in_folders(key, kinds[key]) if key in kinds else identifier(key) for key in found.keys)
    left_out = ", ".join(map(identifier, [*found.keys, *outer]))
    return f"(SELECT * EXCLUDE ({left_out}), {keys} FROM {scan})"


def _in_folders(name: str, kind: str) -> str:
    said = f"the name of a folder holds for `{name}` what is no {kind}: give it another type in `schema`"
    return f"{of_text(identifier(name), kind, failing(said))} AS {identifier(name)}"


def place_of(found: Found, columns: Iterable[str], mark: str) -> str:
    """Return SQL for the words that name a row's file; where there are several, and a column hides its name, none."""
    if len(found.names) == 1:
        return literal(f" of the file `{found.files[0].name}`")
    return (
        literal("") if "filename" in map(str.lower, columns) else f"' of the file `' || parse_filename({mark}) || '`'"
    )
