"""What was compiled before, as commands read it again: an artifact, and the map beside it."""

from pathlib import Path
from typing import Any

import click
import orjson

from firn_compiler.document import has_name
from firn_compiler.emit import map_path
from firn_compiler.sources import shown
from firn_schemas.artifact import Envelope
from firn_schemas.artifact_format import FORMAT, FORMAT_NAME
from firn_schemas.canonical import NotCanonical, digest
from firn_schemas.decode import DecodeError, decode
from firn_schemas.visible import os_reason


def payload_of(artifact: Path) -> dict[str, Any]:
    """Return an artifact's payload; raises click's own error where it cannot be read."""
    return _artifact(artifact)[1]


def history_of(artifact: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an artifact's payload and the map beside it; raises click's own error where they cannot be read."""
    told, payload = _artifact(artifact)
    if not _is_of(told, payload):
        raise click.UsageError(f"`{artifact}` was edited or damaged: compile again")
    beside = map_path(artifact)
    known = _json(beside)
    if known.get("artifact") != told:
        raise click.UsageError(f"`{beside}` belongs to another artifact: compile again")
    folder = artifact.resolve().parent
    named = known.get("files")
    files = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    places = [str(shown((folder / file).resolve())) if has_name(file) else file for file in files]
    return payload, known | {"files": places}


def _is_of(told: str, payload: dict[str, Any]) -> bool:
    try:
        return digest(payload) == told
    except NotCanonical:
        return False


def _artifact(file: Path) -> tuple[str, dict[str, Any]]:
    whole = _json(file)
    form = whole.get("format")
    if form != FORMAT and str(form).startswith(f"{FORMAT_NAME}/"):
        raise click.UsageError(f"`{file}` has another format than `{FORMAT}`: compile it again, or use a newer Firn")
    try:
        decode(Envelope, whole)
    except (DecodeError, RecursionError):
        form = None
    if form != FORMAT:
        raise click.UsageError(f"`{file}` is not an artifact")
    return whole["digest"], whole["payload"]


def _json(file: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise click.UsageError(f"there is no file `{file}`: make it with `firn compile`") from None
    except OSError as error:
        raise click.UsageError(f"cannot read `{file}`: {os_reason(error)}") from None
    except ValueError:
        raise click.UsageError(f"`{file}` is not JSON") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"`{file}` is not JSON of this kind")
    return found
