"""`firn watermarks`."""

import click

from firn_runtime.commands.options import (
    base_folder,
    base_option,
    env_file_option,
    flow_option,
    format_option,
    load,
    show,
    snapshot,
    split,
)


@click.command("watermarks")
@click.argument("words", nargs=-1, metavar="[ARTIFACT] [JOB.STEP]")
@flow_option
@base_option
@env_file_option
@click.option("--reset", is_flag=True, help="Forget the watermark of JOB.STEP: its next run begins anew.")
@format_option
def command(
    words: tuple[str, ...], flow: str | None, base_dir: str, env_files: tuple[str, ...], reset: bool, form: str
) -> None:
    """Show how far the incremental reads have come. With `--reset JOB.STEP`, let one begin anew."""
    from firn_runtime.history import forgotten, state_of, watermarks

    artifact, read = split(words, "step")
    if reset != (read is not None):
        raise click.UsageError("name a JOB.STEP together with --reset, or neither")
    loaded = load(artifact)
    with state_of(loaded, snapshot(env_files), base_folder(base_dir), read_only=read is None) as state:
        page = watermarks(state, loaded, flow) if read is None else forgotten(state, loaded, flow, read)
    show(page, form)
