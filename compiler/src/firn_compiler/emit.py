"""Writing the result: whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import has_name, printable
from firn_compiler.pipeline import Compilation
from firn_compiler.provenance import Build, statement_bytes
from firn_compiler.stages.places import variable_of
from firn_schemas.artifact_format import MAP_FORMAT
from firn_schemas.attestation import statement_path, taking_turns
from firn_schemas.base import Json
from firn_schemas.canonical import file_bytes
from firn_schemas.visible import os_reason


def map_path(artifact: Path) -> Path:
    """Return where the map of an artifact stands: `x.json` → `x.map.json`."""
    return artifact.with_name(artifact.name.removesuffix(".json") + ".map.json")


def write(compilation: Compilation, target: Path, build: Build) -> Diagnostic | None:
    """Write the artifact, its map and the statement about it; the answer is what stood in the way.

    Nothing half-written stays then.
    """
    assert compilation.artifact is not None
    if any(one.samefile(target) for one in map(Path, compilation.texts) if one.exists() and target.exists()):
        return Diagnostic("E109", f"cannot write `{target}`: it is a source", help="name another file with `-o FILE`")
    statement = statement_bytes(printable(target.name), compilation.artifact, compilation.digest, build)
    try:
        with taking_turns(target):
            replace(target, compilation.artifact)
            replace(map_path(target), map_bytes(compilation, target))
            replace(statement_path(target), statement)
    except OSError as error:
        reason = os_reason(error)
        return Diagnostic("E109", f"cannot write `{target}`: {reason}", help="name a writable place with `-o FILE`")
    return None


def replace(target: Path, content: bytes) -> None:
    """Put `content` at `target` in one act: a temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises OSError; also where it would take the place of a device such as `/dev/null`, which root could do.
    """
    if target.exists() and not target.is_file():
        raise OSError(errno.EEXIST, "it is no regular file")
    handle, name = beside(target)
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


def beside(target: Path) -> tuple[int, str]:
    """Open a new file in a target's folder, which nobody else can name beforehand or read; return its name too."""
    name = f"{target.parent}/.{target.name}.{os.urandom(8).hex()}.part"
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), name


def map_bytes(compilation: Compilation, target: Path) -> bytes:
    """Return where every value stood, `[file, line, column]` by JSON pointer into the payload, and what it replaced.

    So of the variables that templates used, whose names and values are there too: the payload has none.
    """
    found = [place for place in compilation.places if place.span.file]
    files = sorted({span.file for place in found for span in (place.span, *(one.span for one in place.replaced))})
    number = {file: index for index, file in enumerate(files)}
    folder = target.resolve().parent
    names: list[Json] = [
        printable(os.path.relpath(Path(file).resolve(), folder)) if has_name(file) else file for file in files
    ]
    body: dict[str, Any] = {"removed": {}, "replaced": {}, "values": {}, "variables": {}, "written": {}}
    for place in found:
        at: Json = [number[place.span.file], place.span.line, place.span.column]
        body["removed" if place.removed else "values"][place.pointer] = at
        if variable_of(place):
            body["variables"][place.pointer] = [place.name, place.value]
        if place.replaced:
            body["replaced"][place.pointer] = [
                {"at": [number[span.file], span.line, span.column], "value": value} for span, value in place.replaced
            ]
        if place.written:
            body["written"][place.pointer] = place.written
    return file_bytes({"artifact": compilation.digest, "files": names, "format": MAP_FORMAT} | body)
