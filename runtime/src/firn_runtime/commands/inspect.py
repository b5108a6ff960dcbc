"""`firn inspect`."""

from pathlib import Path

import click

from firn_runtime.commands.options import artifact_argument, format_option, print_json


@click.command("inspect")
@artifact_argument
@format_option
def command(artifact: str, form: str) -> None:
    """Show what an artifact holds and requires."""
    from firn_runtime.artifact_file import load_any, read_bytes, verify
    from firn_runtime.inspection import as_json, as_text

    content = read_bytes(Path(artifact))
    loaded = load_any(content)
    if form == "json":
        print_json(as_json(loaded, verify(content).document))
    else:
        click.echo(as_text(loaded), nl=False)
