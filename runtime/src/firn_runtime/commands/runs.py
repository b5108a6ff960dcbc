"""`firn runs`."""

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


@click.command("runs")
@click.argument("words", nargs=-1, metavar="[ARTIFACT] [RUN]")
@flow_option
@base_option
@env_file_option
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many are listed."
)
@format_option
def command(
    words: tuple[str, ...], flow: str | None, base_dir: str, env_files: tuple[str, ...], limit: int, form: str
) -> None:
    """List the runs that the state knows, or show one.

    RUN is its id, or `last`.
    """
    from firn_runtime.history import listed, shown, state_of

    artifact, run = split(words, "run")
    loaded = load(artifact)
    with state_of(loaded, snapshot(env_files), base_folder(base_dir)) as state:
        page = listed(state, flow, limit) if run is None else shown(state, loaded, flow, run)
    show(page, form)
