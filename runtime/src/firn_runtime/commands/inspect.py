"""`firn inspect`."""

from pathlib import Path

import click

from firn_runtime.commands.options import artifact_argument, format_option, print_json


@click.command("inspect")
@artifact_argument
@format_option
def command(artifact: str, form: str) -> None:
    """Show what an artifact holds and requires. Nobody need have signed it."""
    from firn_runtime.artifact_file import decoded, look, read_bytes
    from firn_runtime.inspection import as_json, as_text

    seen = look(read_bytes(Path(artifact)))
    loaded = decoded(seen)
    if form == "json":
        print_json(as_json(loaded, seen.document))
    else:
        click.echo(as_text(loaded), nl=False)
