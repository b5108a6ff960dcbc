"""`firn sign`."""

import os
from pathlib import Path

import click

from firn_runtime.commands.options import artifact_argument, format_option, print_json


@click.command("sign")
@artifact_argument
@click.option("--key", "key_file", metavar="FILE", help="The private key, in PEM.")
@click.option("--key-ref", metavar="REF[/KEY]", help="The private key as a secret, looked up as a run does.")
@click.option("--passphrase-ref", metavar="REF[/KEY]", help="The secret that the private key is encrypted with.")
@format_option
def command(artifact: str, key_file: str | None, key_ref: str | None, passphrase_ref: str | None, form: str) -> None:
    """Sign an artifact, and write the signature beside it.

    What is signed is the statement that the compiler wrote about it.
    """
    from firn_runtime.redaction.core_dumps import no_core_dumps
    from firn_runtime.signing import from_reference, key_from_file, private_key, sign

    no_core_dumps()
    if (key_file is None) == (key_ref is None):
        raise click.UsageError("name the private key: `--key FILE` or `--key-ref REF`, and not both")
    pem = key_from_file(key_file) if key_file is not None else from_reference(str(key_ref), os.environ)
    passphrase = from_reference(passphrase_ref, os.environ) if passphrase_ref is not None else None
    signed = sign(Path(artifact), private_key(pem, passphrase))
    if form == "json":
        print_json({"envelope": str(signed.envelope), "keyid": signed.keyid, "signatures": signed.signatures})
    else:
        click.echo(f"{signed.envelope}: signed by {signed.keyid}")
