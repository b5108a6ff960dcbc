"""`firn init`: a flow and a platform to begin with, which compile and run as they are."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from firn_compiler.document import printable
from firn_schemas.visible import os_reason

SCHEMA_LINE = "# yaml-language-server: $schema={}\n"
FLOW = """\
name: {name}
version: "0.1.0"
description: The first of many

resources:
  source: {{profile: source}}

steps:
  - id: orders
    type: read
    inputs: {{resource: source, path: orders.csv}}
  - id: revenue
    type: sql
    inputs:
      sql: |
        select customer, sum(amount) as revenue
        from orders
        group by all
        order by customer
  - id: publish
    type: write
    inputs: {{from: revenue, resource: storage, path: revenue.parquet, mode: replace}}
"""
PLATFORM = """\
version: "1.0.0"
environment: local

storage:
  default: {type: local, root: out}
connectors:
  source: {type: local, config: {root: data}}
"""
DATA = "id,customer,amount\n1,Ada,12.50\n2,Grace,7.25\n3,Ada,30.00\n"
MADE = ("/.firn/", "/out/", *(f"/compiled_artifacts{one}.json" for one in ("", ".map", ".intoto", ".dsse")))
IGNORED = "".join(f"{one}\n" for one in MADE)
SCHEMAS = ".firn/schemas"


@click.command("init")
@click.argument("folder", required=False)
@click.option("--name", metavar="NAME", help="The flow's name; by default the folder's.")
@click.option("--plugin", metavar="NAME", help="Write a plug-in's project instead, by default to a folder NAME.")
def init_command(folder: str | None, name: str | None, plugin: str | None) -> None:
    """Write a flow and a platform to begin with.

    Beside them are data, and the schemas that editors use. Nothing is overwritten.

    FOLDER is the current one by default.
    """
    folder = folder or plugin or "."
    base = Path(folder)
    named = shlex.quote(f"./{folder}" if folder.startswith("-") else folder)
    where = "" if folder == "." else f"cd {named} && "
    if plugin is not None:
        if name is not None:
            raise click.UsageError("`--name` is a flow's; `--plugin` names the distribution")
        _make(base, _plugin(plugin))
        click.echo(f"\nnext:  {printable(where)}pip install -e . && pytest")
        return
    _make(base, _project(name, base), schemas=True)
    click.echo(f"\nnext:  {printable(where)}firn compile --env local && firn run")


def _project(name: str | None, base: Path) -> dict[str, str]:
    return {
        "flow.yaml": SCHEMA_LINE.format(f"{SCHEMAS}/flow.schema.json") + FLOW.format(name=_name(name, base)),
        "platform/local/platform.yaml": SCHEMA_LINE.format(f"../../{SCHEMAS}/platform.schema.json") + PLATFORM,
        "data/orders.csv": DATA,
        ".gitignore": IGNORED,
    }


def _plugin(name: str) -> dict[str, str]:
    from firn_compiler.commands.plugin_project import plugin_files

    try:
        return plugin_files(name)
    except ValueError as error:
        raise click.UsageError(f"a plug-in's name {error}") from None


def _make(base: Path, files: Mapping[str, str], *, schemas: bool = False) -> None:
    """Write the files that are not there and name them; end the command where one that is written is there already."""
    from firn_compiler.published import schema_bytes

    there = [one for one in files if one != ".gitignore" and os.path.lexists(base / one)]
    if there:
        raise click.UsageError(f"`{base / there[0]}` is already there; `firn init` overwrites nothing")
    contents = {base / one: text.encode() for one, text in files.items()}
    if schemas:
        contents |= {base / SCHEMAS / f"{one}.schema.json": schema_bytes(one) for one in ("flow", "platform")}
    made = {path: content for path, content in contents.items() if not os.path.lexists(path)}
    try:
        _write(made)
    except OSError as error:
        click.echo(f"error: cannot write `{printable(str(error.filename))}`: {os_reason(error)}", err=True)
        sys.exit(1)
    click.echo(printable("\n".join(str(path) for path in made if SCHEMAS not in path.as_posix())))


def _write(made: Mapping[Path, bytes]) -> None:
    """Write all files with their folders; where one cannot be, raise OSError, and nothing stays."""
    from firn_compiler.emit import replace

    done: list[Path] = []
    try:
        for path, content in made.items():
            for folder in [one for one in reversed(path.parents) if not one.is_dir()]:
                folder.mkdir()
                done.append(folder)
            replace(path, content)
            done.append(path)
    except OSError:
        for one in reversed(done):
            one.rmdir() if one.is_dir() else one.unlink()
        raise


def _name(name: str | None, base: Path) -> str:
    """Return the flow's name as YAML: what was asked for, or the folder's as far as it can be one."""
    from firn_compiler.model.names import TEXTS, Name
    from firn_compiler.scalars import plain_value

    if name is None:
        kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in base.resolve().name).strip("-")
        name = kept[:100] if kept[:1].isalpha() else "first-flow"
    try:
        TEXTS[Name].check(name)
    except ValueError as error:
        raise click.UsageError(f"a flow's name {error}") from None
    return name if plain_value(name) == name else f'"{name}"'
