"""Writing the result: whole or not at all."""

import os
import tempfile
from pathlib import Path

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.pipeline import Compilation
from firn_schemas.base import Json
from firn_schemas.canonical import file_bytes

MAP_FORMAT = "firn.map/1"


def map_path(artifact: Path) -> Path:
    """Return where the map of an artifact stands: `x.json` → `x.map.json`."""
    return artifact.with_name(artifact.name.removesuffix(".json") + ".map.json")


def write(compilation: Compilation, target: Path) -> Diagnostic | None:
    """Write the artifact and its map; the answer is what stood in the way, and then nothing half-written stays."""
    assert compilation.artifact is not None
    try:
        replace(target, compilation.artifact)
        replace(map_path(target), map_bytes(compilation, target))
    except OSError as error:
        reason = (error.strerror or "failed").lower()
        return Diagnostic("E109", f"cannot write `{target}`: {reason}", help="name a writable place with `-o FILE`")
    return None


def replace(target: Path, content: bytes) -> None:
    """Put `content` at `target` in one act: a temporary file in the same folder, fsync, rename, fsync of the folder."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def map_bytes(compilation: Compilation, target: Path) -> bytes:
    """Return where every value stood: `[file, line, column]` by JSON pointer into the payload, and what it replaced."""
    files = sorted(
        {span.file for place in compilation.places for span in (place.span, *(s for s, _ in place.replaced))}
    )
    number = {file: index for index, file in enumerate(files)}
    folder = target.resolve().parent
    names: list[Json] = [
        os.path.relpath(Path(file).resolve(), folder) if file not in ("", "-") else file for file in files
    ]
    values: dict[str, Json] = {}
    replaced: dict[str, Json] = {}
    for place in compilation.places:
        values[place.pointer] = [number[place.span.file], place.span.line, place.span.column]
        if place.replaced:
            replaced[place.pointer] = [
                {"at": [number[span.file], span.line, span.column], "value": value} for span, value in place.replaced
            ]
    return file_bytes(
        {"artifact": compilation.digest, "files": names, "format": MAP_FORMAT, "replaced": replaced, "values": values}
    )
