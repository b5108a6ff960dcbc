"""`firn scan [PATHS…]`: the compiler's scanner on any file, for repositories and for commits."""

import sys
from datetime import date, timedelta

import click

from firn_compiler.diagnostics import Diagnostic, counted, has_errors
from firn_compiler.options import format_option, platform_option, report

DAYS = 90
"""For how long an exception is proposed."""


@click.command("scan")
@click.argument("paths", nargs=-1)
@platform_option
@click.option("--exceptions", is_flag=True, help="Print what would allow the findings, for `security.allow_findings`.")
@format_option
def scan_command(paths: tuple[str, ...], platform: str | None, exceptions: bool, form: str) -> None:
    """Look for secrets in the settings files of any tool. Exit 1 where one is found.

    PATHS are files or folders; the current folder by default. A PLATFORM brings its `security.allow_findings`.
    """
    from firn_compiler.assembly import ground, text_of
    from firn_compiler.checks.leaks import Decision, judged
    from firn_compiler.checks.leaks import exceptions as proposed
    from firn_compiler.concealment import findings_without, texts_without
    from firn_compiler.diagnostics import in_order
    from firn_compiler.leaks import Located, in_file
    from firn_compiler.sources import files_to_scan, project_request, today

    found: list[Diagnostic] = []
    by: tuple[Decision, ...] = ()
    if platform is not None:
        request, found = project_request((), platform, None, {})
        on = ground(request)
        by = on.decisions
        found += [one for one in on.found if one.code == "E605"]
    texts: dict[str, str] = {}
    leaks: list[Located] = []
    for source in files_to_scan(paths or (".",), found):
        texts[source.file] = text_of(source)
        leaks += in_file(source.file, texts[source.file])
    verdict = judged(leaks, by)
    shown = [*findings_without(verdict.hidden, in_order([*found, *verdict.found], texts))]
    report(shown, texts_without(verdict.hidden, texts), form)
    if exceptions:
        until = date.fromisoformat(today()) + timedelta(days=DAYS)
        click.echo(proposed(verdict.refused, until.isoformat()), nl=False)
    if has_errors(shown):
        sys.exit(1)
    if form == "text" and not exceptions:
        click.echo(f"{counted(len(texts), 'file')}, no secrets")
