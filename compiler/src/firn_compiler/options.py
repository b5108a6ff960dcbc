"""What the commands share: the options that they take, and how findings are shown."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import printable

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
        click.echo(_for_machines([_printable(one) for one in found], form), nl=False)
        return
    if not found:
        return
    from firn_compiler.render.text import render

    click.echo(render(found, texts, colour=sys.stderr.isatty()), err=True, nl=False)


def _printable(one: Diagnostic) -> Diagnostic:
    """Return a finding whose names of files every format can hold."""
    span = one.span._replace(file=printable(one.span.file))
    related = tuple(r._replace(span=r.span._replace(file=printable(r.span.file))) for r in one.related)
    message, help, path = map(printable, (one.message, one.help, one.path))
    return one._replace(message=message, help=help, path=path, span=span, related=related)


def _for_machines(found: list[Diagnostic], form: str) -> str:
    if form in ("sarif", "github"):
        from firn_compiler.work_tree import from_the_root

        found = from_the_root(found, Path.cwd())
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
