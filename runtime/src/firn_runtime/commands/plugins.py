"""`firn plugins`."""

import sys
from typing import Any

import click

from firn_runtime.commands.options import print_json


@click.command("plugins")
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="List those of a folder of plug-ins instead; again for more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folders: tuple[str, ...], as_json: bool) -> None:
    """List installed plug-ins, each with the line that allows it. Nothing is imported.

    The line belongs to `security.plugins` of a platform.
    """
    from firn_runtime.plugins.installed import every
    from firn_runtime.plugins.outcome import plain
    from firn_schemas.plugins import CONNECTOR_GROUP, STEP_GROUP

    groups = {"connectors": CONNECTOR_GROUP, "steps": STEP_GROUP}
    found: list[dict[str, Any]] = [
        {"name": one.name, "version": one.version, "sha256": one.sha256, "editable": one.is_editable}
        | {
            key: sorted(plain(entry.name) for entry in one.entries if entry.group == group)
            for key, group in groups.items()
        }
        for one in every(folders or sys.path)
    ]
    if as_json:
        print_json({"plugins": found})
        return
    for one in found:
        pin = f', sha256: "{one["sha256"]}"' if one["sha256"] else ""
        click.echo(f'- {{name: {one["name"]}, version: "=={one["version"]}"{pin}}}')
        for key in groups:
            if one[key]:
                click.echo(f"    # {key}: {', '.join(one[key])}")
        if one["editable"]:
            click.echo("    # an editable installation, which `enterprise` does not use: install its wheel")
    if not found:
        click.echo("no plug-in is installed")
