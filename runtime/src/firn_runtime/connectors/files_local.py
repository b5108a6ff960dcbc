"""Files below one folder: CSV, Parquet, NDJSON and JSON, read and written by the engine itself.

A path never leads out of the root, whatever globs and symlinks say. A write appears whole or not at all.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from firn_runtime.connector import ConnectorBase, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.file_publication import once
from firn_runtime.connectors.projection import projected, sql_type
from firn_runtime.engine import Places, Relation, identifier, literal
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import LocalFilesConfig, LocalFilesOptions
from firn_schemas.steps.data import COMPRESSIONS, ENDINGS, FileFormat, FormatOptions, ReadInputs, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

_CSV_FIXED = (
    "strict_mode = true",
    "null_padding = false",
    "ignore_errors = false",
    "skip = 0",
    "comment = ''",
    "dateformat = '%Y-%m-%d'",
)
"""What the engine would otherwise guess: lines to leave out, missing fields, the order of day and month."""


class LocalFiles(ConnectorBase[LocalFilesConfig, LocalFilesOptions]):
    """A folder of files."""

    def places(self) -> Places:
        """Return the root."""
        return Places(directories=(Path(os.path.realpath(self.config.root)),))

    def connect(self) -> None:
        """Refuse a folder that is not there, unless a write may make it."""
        if not self.written and not os.path.isdir(self.config.root):
            raise ConnectorError(
                "connection", f"there is no folder `{self.config.root}`", "it is the resource's `root`"
            )

    def close(self) -> None:
        """Nothing is held."""

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Look for the files that are read, and at the folders of those that are written."""
        from firn_runtime.connectors.file_probe import probed

        self.connect()
        yield from probed(self.root, self._matches, uses)

    @property
    def root(self) -> Path:
        """The folder, without symlinks."""
        return Path(os.path.realpath(self.config.root))

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read every file that the path matches as one dataset, in the order of their names."""
        del context
        if inputs.path is None:
            raise ConnectorError("data", "files are read by `path`")
        files = self._matches(inputs.path)
        kind, compression = self._kind(files[0], inputs.format, inputs.format_options)
        scan = _scan(files, kind, compression, inputs)
        schema = inputs.schema if kind == "parquet" else None
        size = sum(file.stat().st_size for file in files)
        return Rows(Relation(projected(scan, inputs.columns, schema)), size)

    def _matches(self, path: str) -> list[Path]:
        relative = _confined(path)
        found = glob.glob(relative, root_dir=self.root, recursive=True) if glob.has_magic(relative) else [relative]
        files = [self.root / name for name in sorted(found) if os.path.isfile(self.root / name)]
        for file in files:
            if not Path(os.path.realpath(file)).is_relative_to(self.root):
                raise ConnectorError("data", f"`{path}` leads out of the resource's root")
        if not files:
            raise ConnectorError("data", f"no file matches `{path}`", f"looked below {self.config.root}")
        return files

    def _kind(self, file: Path, named: FileFormat | None, options: FormatOptions | None) -> tuple[FileFormat, str]:
        endings = [ending.lower() for ending in file.suffixes]
        packed = COMPRESSIONS.get(endings[-1]) if endings else None
        rest = endings[:-1] if packed else endings
        kind = named or ENDINGS.get(rest[-1] if rest else "")
        if kind is None:
            known = ", ".join(f"`{ending}`" for ending in ENDINGS)
            raise ConnectorError(
                "data", f"the format of `{file.name}` is unknown", f"write `format:`; known endings: {known}"
            )
        chosen = (options.compression if options else None) or self.options.compression
        compression = packed if chosen == "auto" else chosen
        return kind, "uncompressed" if compression in (None, "none") else compression

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write beside the target, then rename: readers see the old file or the new."""
        if inputs.path is None:
            raise ConnectorError("data", "files are written by `path`")
        target = self.root / _confined(inputs.path)
        kind, compression = self._kind(target, inputs.format, inputs.format_options)
        if not Path(os.path.realpath(target.parent)).is_relative_to(self.root) or target.is_dir():
            raise ConnectorError("data", f"`{inputs.path}` is not a file below the resource's root")
        copy = _copy(kind, compression, inputs, target)

        def stage(part: Path) -> int:
            sql = f"COPY (SELECT * FROM {identifier(inputs.from_)}) TO {literal(str(part))} ({copy})"
            return int(context.session.execute(sql)[0][0])

        try:
            return once(context, self.root, target, stage)
        except OSError as error:
            raise ConnectorError(
                "connection", f"cannot write `{inputs.path}`: {(error.strerror or '').lower()}"
            ) from None


def _confined(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path or not parts.parts:
        raise ConnectorError("data", "a path must stay below the resource's root", "write it relative, without `..`")
    return str(parts)


def _scan(files: list[Path], kind: FileFormat, compression: str, inputs: ReadInputs) -> str:
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    if kind == "parquet":
        return f"read_parquet({names})"
    options = [f"compression = {literal(compression)}"]
    if kind == "csv":
        options += _csv_read(files[0], inputs.format_options or FormatOptions())
        options += [f"types = {_types(inputs.schema)}"] if inputs.schema else []
        options += [f"names = {_names(inputs.schema)}"] if inputs.schema and not _has_header(inputs) else []
        return f"read_csv({names}, {', '.join(options)})"
    options.append(f"format = {literal('newline_delimited' if kind == 'ndjson' else 'auto')}")
    options += ["records = true", "map_inference_threshold = -1"]
    options.append(f"columns = {_types(inputs.schema)}" if inputs.schema else "sample_size = -1")
    return f"read_json({names}, {', '.join(options)})"


def _types(schema: dict[str, str]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {literal(sql_type(name, text))}" for name, text in schema.items()) + "}"


def _names(schema: dict[str, str]) -> str:
    return "[" + ", ".join(literal(name) for name in schema) + "]"


def _has_header(inputs: ReadInputs) -> bool:
    return inputs.format_options is None or inputs.format_options.header


def _delimiter(file: Path, options: FormatOptions) -> str:
    return "\t" if ".tsv" in file.suffixes and options.delimiter == "," else options.delimiter


def _csv_read(file: Path, options: FormatOptions) -> list[str]:
    nulls = "[" + ", ".join(literal(text) for text in options.null_values) + "]"
    return [
        f"header = {str(options.header).lower()}",
        f"delim = {literal(_delimiter(file, options))}",
        f"quote = {literal(options.quote)}",
        f"escape = {literal(options.escape)}",
        f"nullstr = {nulls}",
        f"encoding = {literal(options.encoding)}",
        *_CSV_FIXED,
    ]


def _copy(kind: FileFormat, compression: str, inputs: WriteInputs, target: Path) -> str:
    if kind == "parquet":
        return "FORMAT parquet, COMPRESSION zstd"
    if kind != "csv":
        return f"FORMAT json, ARRAY {str(kind == 'json').lower()}, COMPRESSION {compression}"
    options = inputs.format_options or FormatOptions()
    if options.encoding != "utf-8":
        raise ConnectorError("data", "CSV files are written in UTF-8 only", "leave out `encoding`")
    chosen = {
        "FORMAT": "csv",
        "HEADER": str(options.header).lower(),
        "DELIMITER": literal(_delimiter(target, options)),
        "QUOTE": literal(options.quote),
        "ESCAPE": literal(options.escape),
        "NULLSTR": literal(options.null_values[0] if options.null_values else ""),
        "COMPRESSION": compression,
    }
    return ", ".join(f"{name} {value}" for name, value in chosen.items())
