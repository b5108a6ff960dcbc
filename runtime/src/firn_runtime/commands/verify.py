"""`firn verify`."""

from pathlib import Path

import click

from firn_runtime.commands.options import artifact_argument, expect_option, format_option, print_json


@click.command("verify")
@artifact_argument
@expect_option
@format_option
def command(artifact: str, expect_digest: str | None, form: str) -> None:
    """Check an artifact's spelling, digest and format."""
    from firn_runtime.artifact_file import read_bytes, verify

    verified = verify(read_bytes(Path(artifact)), expect_digest)
    if form == "json":
        print_json({"artifact": artifact, "digest": verified.digest, "valid": True})
    else:
        click.echo(f"{artifact}: valid\n{verified.digest}")
