"""`firn unlock`."""

import click

from firn_runtime.commands.options import (
    base_folder,
    base_option,
    env_file_option,
    format_option,
    load,
    show,
    snapshot,
    split,
)


@click.command("unlock")
@click.argument("words", nargs=-1, metavar="[ARTIFACT] [KEY]")
@base_option
@env_file_option
@click.option("--force", is_flag=True, help="Take the lock away though its holder seems to be alive.")
@format_option
def command(words: tuple[str, ...], base_dir: str, env_files: tuple[str, ...], force: bool, form: str) -> None:
    """Show the locks and who holds them; with a KEY, free that one."""
    from firn_runtime.history import freed, locks, state_of

    artifact, key = split(words, "lock")
    with state_of(load(artifact), snapshot(env_files), base_folder(base_dir), read_only=key is None) as state:
        page = locks(state) if key is None else freed(state, key, force=force)
    show(page, form)
