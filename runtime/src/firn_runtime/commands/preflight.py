"""`firn preflight`."""

import os
from pathlib import Path

import click

from firn_runtime.commands.options import (
    Seconds,
    artifact_argument,
    base_folder,
    base_option,
    end,
    env_file_option,
    expect_option,
    flow_option,
    format_option,
    print_json,
    signature_option,
)

FAILED = 6


@click.command("preflight")
@artifact_argument
@flow_option
@expect_option
@signature_option
@base_option
@env_file_option
@click.option(
    "--timeout",
    type=Seconds(min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="What each check may take.",
)
@format_option
def command(
    artifact: str,
    flow: str | None,
    expect_digest: str | None,
    key_files: tuple[str, ...],
    base_dir: str,
    env_files: tuple[str, ...],
    timeout: float,
    form: str,
) -> None:
    """Look whether a flow could run from here; nothing is changed."""
    from firn_runtime.artifact_file import demand, load_any, read_bytes
    from firn_runtime.env_files import parse_spec
    from firn_runtime.own_folders import isolate
    from firn_runtime.preflight import Outside, preflight
    from firn_runtime.preflight.page import as_json, as_text
    from firn_runtime.prepare import choose
    from firn_runtime.redaction.core_dumps import no_core_dumps
    from firn_runtime.redaction.process import guard_for_good

    no_core_dumps()
    guard_for_good()
    outside = Outside(dict(os.environ), base_folder(base_dir), [parse_spec(text) for text in env_files])
    place = Path(artifact)
    loaded = load_any(read_bytes(place), demand(place, key_files, outside.environ, expect_digest))
    isolate(loaded.payload.security.mode)
    report = preflight(loaded, choose(loaded.payload, flow), outside, timeout)
    if form == "json":
        print_json(as_json(report))
    else:
        click.echo(as_text(report), nl=False)
    end(0 if report.ok else FAILED)
