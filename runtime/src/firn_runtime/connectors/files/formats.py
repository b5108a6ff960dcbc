"""Which format a file's name means, and how the engine writes that format. Reading is `scan`'s."""

from pathlib import PurePosixPath
from typing import NamedTuple

from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import literal
from firn_schemas.steps.data import COMPRESSIONS, ENDINGS, FileFormat, FormatOptions, ReadInputs, WriteInputs
from firn_schemas.visible import listing

_ENDING = {"gzip": ".gz", "zstd": ".zst"}


class Format(NamedTuple):
    """How a file's bytes are to be understood."""

    kind: FileFormat
    compression: str
    """`uncompressed`, `gzip` or `zstd`, of a text; Parquet compresses within."""

    @property
    def ending(self) -> str:
        """Return how names of such files end, without a leading dot."""
        packed = "" if self.kind == "parquet" else _ENDING.get(self.compression, "")
        return self.kind + packed


def format_of(name: str, inputs: ReadInputs | WriteInputs, default: str = "auto") -> Format:
    """Return a file's format: as the step says it, or by the name's ending; raise ConnectorError where none says it.

    `default` is the connector's compression.
    """
    endings = [ending.lower() for ending in PurePosixPath(name).suffixes]
    packed = COMPRESSIONS.get(endings[-1]) if endings else None
    rest = endings[:-1] if packed else endings
    kind = inputs.format or ENDINGS.get(rest[-1] if rest else "")
    if kind is None:
        known = listing(ENDINGS)
        shown = PurePosixPath(name).name
        raise ConnectorError("data", f"the format of `{shown}` is unknown", f"write `format:`; known endings: {known}")
    chosen = (inputs.format_options.compression if inputs.format_options else None) or default
    compression = packed if chosen == "auto" else chosen
    return Format(kind, "uncompressed" if compression in (None, "none") else compression)


def delimiter(name: str, options: FormatOptions) -> str:
    """Return what separates the fields of a CSV file: its ending may say it."""
    return "\t" if ".tsv" in PurePosixPath(name).suffixes and options.delimiter == "," else options.delimiter


def null_values(options: FormatOptions) -> list[str]:
    """Return the texts that mean NULL; raise ConnectorError where there is none."""
    if not options.null_values:
        raise ConnectorError("data", "`null_values` names no text that means NULL", "leave it out, or name one or more")
    return options.null_values


def needs_quotes(options: FormatOptions) -> bool:
    """Return whether every text has to be quoted: the engine does it alone for those that are the first word that means
    NULL, and the others mean it too where they are read."""
    return bool(options.quote) and null_values(options) != [""]


def unquoted(format: Format, name: str, options: FormatOptions | None) -> str:
    """Return the delimiter of a CSV file that has no quotes: no text may hold it; empty for all others."""
    return delimiter(name, options) if format.kind == "csv" and options and not options.quote else ""


def copy_options(name: str, format: Format, options: FormatOptions | None) -> str:
    """Return the options of a COPY that writes a file of this name; raise ConnectorError for what cannot be written."""
    if format.kind == "parquet":
        return "FORMAT parquet, COMPRESSION zstd"
    if format.kind != "csv":
        return f"FORMAT json, ARRAY {str(format.kind == 'json').lower()}, COMPRESSION {format.compression}"
    options = options or FormatOptions()
    if options.encoding != "utf-8":
        raise ConnectorError("data", "CSV files are written in UTF-8 only", "leave out `encoding`")
    if options.decimal_separator != ".":
        raise ConnectorError("data", "CSV files are written with a decimal point only", "leave out `decimal_separator`")
    between = delimiter(name, options)
    if len(between.encode()) > 1:  # the engine would write its first byte alone
        said = "CSV files are written with a delimiter of one character of ASCII only"
        raise ConnectorError("data", said, "such as `,`, `;` or `|`")
    chosen = {
        "FORMAT": "csv",
        "HEADER": str(options.header).lower(),
        "DELIMITER": literal(between),
        "QUOTE": literal(options.quote),
        "ESCAPE": literal(options.escape),
        "NULLSTR": literal(null_values(options)[0]),
        "COMPRESSION": format.compression,
    }
    return ", ".join(f"{name} {value}" for name, value in chosen.items())
