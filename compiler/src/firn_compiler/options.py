"""What the commands share: the options that they take, and how findings are shown."""

import sys
from collections.abc import Mapping

import click

from firn_compiler.diagnostics import Diagnostic

paths_argument = click.argument("paths", nargs=-1)
platform_option = click.option("-p", "--platform", metavar="FILE", help="The platform; `-` reads standard input.")
env_option = click.option("--env", metavar="NAME", help="Find platform/NAME/platform.yaml, and name the environment.")
var_option = click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="How findings are shown; all but text go to standard output.",
)


def report(found: list[Diagnostic], texts: Mapping[str, str], form: str) -> None:
    """Show findings: text to standard error, every other format to standard output."""
    if form != "text":
        click.echo(_for_machines(found, form), nl=False)
        return
    if not found:
        return
    from firn_compiler.render.text import render

    click.echo(render(found, texts, colour=sys.stderr.isatty()), err=True, nl=False)


def _for_machines(found: list[Diagnostic], form: str) -> str:
    if form == "sarif":
        from firn_compiler import __version__
        from firn_compiler.manual import title
        from firn_compiler.render.sarif import as_sarif

        return as_sarif(found, __version__, title)
    if form == "github":
        from firn_compiler.render.github import as_github

        return as_github(found)
    from firn_compiler.render.machine import as_json

    return as_json(found) + "\n"
