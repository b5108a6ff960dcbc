"""`firn verify`."""

import os
from pathlib import Path

import click

from firn_runtime.commands.options import artifact_argument, expect_option, format_option, print_json


@click.command("verify")
@artifact_argument
@expect_option
@click.option("--key", "key_files", multiple=True, metavar="FILE", help="A public key of FILE must have signed it.")
@format_option
def command(artifact: str, expect_digest: str | None, key_files: tuple[str, ...], form: str) -> None:
    """Check an artifact's spelling, digest, signature and format."""
    from firn_runtime.artifact_file import demand, read_bytes, verify

    place = Path(artifact)
    verified = verify(read_bytes(place), demand(place, key_files, os.environ, expect_digest))
    if form == "json":
        document = {"artifact": artifact, "digest": verified.digest, "signers": [*verified.signers], "valid": True}
        print_json(document)
        return
    click.echo("\n".join([f"{artifact}: valid", verified.digest, *(f"signed by {one}" for one in verified.signers)]))
