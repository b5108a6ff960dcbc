"""`firn diff A B`: what changed in meaning between two artifacts."""

import sys
from pathlib import Path

import click


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def diff_command(old: str, new: str, form: str) -> None:
    """Say what changed in meaning between two artifacts. Exit 1 where anything did."""
    from firn_compiler.compiled import payload_of
    from firn_compiler.difference import as_text, changes, sources

    before, after = payload_of(Path(old)), payload_of(Path(new))
    found = changes(before, after)
    if form == "json":
        import orjson

        body = {"changes": [one._asdict() for one in found], "sources": sources(before, after)}
        click.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2))
    else:
        click.echo(as_text(before, after), nl=False)
    sys.exit(1 if found else 0)
