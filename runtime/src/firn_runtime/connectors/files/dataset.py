"""Which files are one dataset: of one format, in folders that name the same columns, and not all of them empty."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from firn_runtime.connectors.files.formats import Format, format_of
from firn_runtime.connectors.files.paths import partition_keys
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import FormatOptions, ReadInputs

T = TypeVar("T")


class Found(NamedTuple):
    """Files that are one dataset."""

    root: Path
    names: Sequence[str]
    """Below the root, sorted; at least one."""
    format: Format
    keys: tuple[str, ...]
    """The columns that their folders name as `column=value`."""
    ended: frozenset[str] = frozenset()
    """Of compressed texts, those that are known to end with a line end."""

    @property
    def files(self) -> list[Path]:
        """Return where they are."""
        return [self.root / name for name in self.names]


def one_dataset(root: Path, names: Sequence[str], inputs: ReadInputs, compression: str) -> Found:
    """Return the files `names` below `root` as one dataset; raise ConnectorError where they are none.

    `compression` is the connector's.
    """
    formats = _firsts(names, lambda name: format_of(name, inputs, compression))
    if len(formats) > 1:
        shown = f"`{formats[0][1]}` and `{formats[1][1]}`"
        raise ConnectorError("data", f"{shown} are not of one format", "read them by two steps")
    layouts = _firsts(names, partition_keys)
    if len(layouts) > 1:
        shown = f"`{layouts[0][1]}` and `{layouts[1][1]}`"
        help = "files of one dataset lie in folders that name the same columns"
        raise ConnectorError("data", f"{shown} are not partitioned alike", help)
    (format, _), (keys, _) = formats[0], layouts[0]
    return Found(root, _with_content(root, names, format, inputs), format, keys)


def _firsts(names: Sequence[str], quality: Callable[[str], T]) -> list[tuple[T, str]]:
    """Return every quality that a name has, with the first that has it, in their order."""
    found: dict[T, str] = {}
    for name in names:
        found.setdefault(quality(name), name)
    return list(found.items())


def _with_content(root: Path, names: Sequence[str], format: Format, inputs: ReadInputs) -> Sequence[str]:
    """Leave out texts without a byte; where there are no others, there is at least to be a header or a `schema`."""
    if format.kind == "parquet":
        return names
    full = [name for name in names if (root / name).stat().st_size]
    if not full and format.kind == "csv" and (inputs.format_options or FormatOptions()).header:
        raise ConnectorError("data", f"`{names[0]}` is empty: it has not even a header")
    return full or names
