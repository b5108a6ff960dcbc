"""The compiler's commands: each translates its options, calls the pipeline, and shows what came out."""

import atexit
import gc
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from firn_compiler.diagnostics import Diagnostic, counted, has_errors
from firn_compiler.document import printable
from firn_compiler.options import env_option, format_option, paths_argument, platform_option, report, var_option
from firn_schemas.base import Json
from firn_schemas.visible import listing, os_reason

if TYPE_CHECKING:
    from firn_compiler.stages.places import Place

gc.disable()  # a command lives for a moment; walking what is being imported and built frees nothing
atexit.register(gc.freeze)  # nor does walking it once more when Python ends

DEFAULT_OUTPUT = "compiled_artifacts.json"


@click.command("compile")
@paths_argument
@platform_option
@env_option
@var_option
@format_option
@click.option("-o", "--output", metavar="FILE", default=DEFAULT_OUTPUT, show_default=True)
@click.option("--check", is_flag=True, help="Write nothing; fail if the file on disk differs.")
@click.option("--no-cache", is_flag=True, help="Compile every flow again; by default unchanged ones are kept.")
def compile_command(
    paths: tuple[str, ...],
    platform: str | None,
    env: str | None,
    variables: tuple[str, ...],
    form: str,
    output: str,
    check: bool,
    no_cache: bool,
) -> None:
    """Check flows against a platform and freeze them into one file.

    PATHS are flow files or folders; the current folder by default.
    """
    from firn_compiler.cache import FOLDER, FolderCache
    from firn_compiler.emit import write
    from firn_compiler.materials import Materials
    from firn_compiler.pipeline import compile_project
    from firn_compiler.sources import environments, project_request

    if platform is None and env is None:
        known = listing(environments(paths or (".",)))
        raise click.UsageError(
            "name the platform: `-p FILE` or `--env NAME`" + (f"; here are {known}" if known else "")
        )
    if output == "-":
        raise click.UsageError("an artifact is a file, with its map and statement beside it: name one with `-o FILE`")
    started, materials = _now(), Materials()
    request, unread = project_request(paths or (".",), platform, env, _variables(variables))
    kept = None if no_cache else FolderCache(Path(FOLDER))
    compilation = compile_project(materials.noted(request)._replace(kept=kept))
    found = [*unread, *compilation.diagnostics]
    target = Path(output)
    if compilation.artifact is not None and not has_errors(found):
        if check:
            failure = _differs(target, compilation.artifact)
        else:
            failure = write(compilation, target, materials.build(request, compilation, started, _now()))
        found += [failure] if failure else []
    report(found, compilation.texts, form)
    if has_errors(found):
        sys.exit(1)
    if form == "text":
        flows = ", ".join(compilation.flows)
        click.echo(f"{printable(str(target))}: {flows} for {compilation.environment}\n{compilation.digest}")


@click.command("validate")
@paths_argument
@platform_option
@env_option
@click.option("--all-envs", is_flag=True, help="Against every platform/*/platform.yaml, as a table.")
@var_option
@format_option
def validate_command(
    paths: tuple[str, ...],
    platform: str | None,
    env: str | None,
    all_envs: bool,
    variables: tuple[str, ...],
    form: str,
) -> None:
    """Run every check and write nothing. Without a platform, every check that needs none.

    PATHS are flows, a platform, or folders; the current folder by default.
    """
    from firn_compiler.pipeline import validate_project
    from firn_compiler.sources import platforms_below, project_request, split_paths

    flows, platforms = split_paths(paths or (".",))
    if all_envs and (platform or env or platforms):
        raise click.UsageError("`--all-envs` finds the platforms itself: name none")
    if all_envs:
        _every_environment(flows, _variables(variables), form)
        return
    if platforms and (platform or env or (flows and len(platforms) > 1)):
        raise click.UsageError("name one platform: as a path, with `-p`, or with `--env`")
    if not (platforms or platform or env) and (platforms := platforms_below(flows)):
        flows = []
    if len(platforms) > 1:
        _platforms_alone(platforms, _variables(variables), form)
        return
    chosen = platform or (platforms[0] if platforms else None)
    request, unread = project_request(flows, chosen, env, _variables(variables))
    compilation = validate_project(request)
    found = [*unread, *compilation.diagnostics]
    report(found, compilation.texts, form)
    if has_errors(found):
        sys.exit(1)
    if form == "text":
        against = f" against {compilation.environment}" if compilation.environment else " (without a platform)"
        number = len(request.flows)
        click.echo(f"{counted(number, 'flow')} valid{against}" if number else "1 platform valid")


def _platforms_alone(platforms: list[str], variables: dict[str, Json], form: str) -> None:
    from firn_compiler.matrix import alone

    result = alone(platforms, variables)
    report(list(result.found), result.texts, form)
    if has_errors(result.found):
        sys.exit(1)
    if form == "text":
        click.echo(f"{len(platforms)} platforms valid")


def _every_environment(flows: list[str], variables: dict[str, Json], form: str) -> None:
    from firn_compiler.matrix import in_every_environment
    from firn_compiler.render.matrix import matrix

    result = in_every_environment(flows, variables)
    report(list(result.found), result.texts, form)
    if form == "text":
        click.echo(printable(matrix(result.flows, result.environments, result.cells)), nl=False)
    sys.exit(1 if has_errors(result.found) else 0)


@click.command("explain")
@click.argument("words", nargs=-1, required=True, metavar="[SOURCE] PATH")
@platform_option
@env_option
@var_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def explain_command(
    words: tuple[str, ...], platform: str | None, env: str | None, variables: tuple[str, ...], form: str
) -> None:
    """Say what set a value, and what that replaced.

    SOURCE is an artifact, or a flow or folder with `-p` or `--env`. PATH is such as `resources.shop.config.host`,
    `jobs.build.steps.orders.inputs.table` or, of sources, `connectors.shop_db.config.host` and `variables.days`.
    """
    from firn_compiler.explanation import NotExplained, as_rows, as_text, explain
    from firn_compiler.scan.conceal import concealed

    *sources, path = words
    known, secrets = (
        _sources_history(sources or ["."], platform, env, variables, form)
        if platform or env or any(not one.endswith(".json") for one in sources)
        else (_artifact_history(Path(sources[0] if sources else DEFAULT_OUTPUT)), frozenset[str]())
    )
    try:
        found = explain(known, path)
    except NotExplained as error:
        lacking = "; what a platform says is known with `-p FILE` or `--env NAME`"
        alone = any(not one.endswith(".json") for one in sources) and not (platform or env)
        raise click.UsageError(concealed(f"{error}; {error.help}{lacking if alone else ''}", secrets)) from None
    if form == "json":
        import orjson

        rows = orjson.dumps({"explanations": as_rows(found)}, option=orjson.OPT_INDENT_2).decode()
        click.echo(concealed(rows, secrets))
        return
    click.echo(concealed(as_text(found), secrets), nl=False)


def _sources_history(
    sources: list[str], platform: str | None, env: str | None, variables: tuple[str, ...], form: str
) -> "tuple[Iterable[Place], frozenset[str]]":
    from firn_compiler.explanation import of_project
    from firn_compiler.pipeline import validate_project
    from firn_compiler.sources import project_request

    request, unread = project_request(sources, platform, env, _variables(variables))
    compilation = validate_project(request)
    errors = [one for one in (*unread, *compilation.diagnostics) if one.severity == "error"]
    if errors:  # what can be explained is, all the same
        report(errors if form == "text" else [], compilation.texts, "text")
    known = of_project(compilation.project, request.variables, errors) if compilation.project else ()
    return known, compilation.hidden


def _artifact_history(artifact: Path) -> "Iterable[Place]":
    from firn_compiler.compiled import history_of
    from firn_compiler.emit import map_path
    from firn_compiler.explanation import DamagedMap, of_artifact

    payload, known = history_of(artifact)
    try:
        return of_artifact(payload, known)
    except DamagedMap:
        raise click.UsageError(f"`{map_path(artifact)}` does not fit the artifact: compile again") from None


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(["flow", "platform", "artifact", "events", "preflight"]))
@click.option(
    "-o", "--output", metavar="FOLDER", default=".", type=click.Path(exists=True, file_okay=False),
    help="Where to write; the current folder by default.",
)  # fmt: skip
def schema_command(name: str | None, output: str) -> None:
    """Write the JSON Schemas of all files and outputs, or print one."""
    from firn_compiler.published import SCHEMAS, schema_bytes

    if name is not None:
        click.echo(schema_bytes(name), nl=False)
        return
    from firn_compiler.emit import replace

    for one in SCHEMAS:
        target = Path(output) / f"{one}.schema.json"
        try:
            replace(target, schema_bytes(one))
        except OSError as error:
            failure = Diagnostic("E109", f"cannot write `{target}`: {os_reason(error)}")
            report([failure], {}, "text")
            sys.exit(1)
        click.echo(target)


@click.command("help")
@click.argument("name", required=False)
def help_command(name: str | None) -> None:
    """Explain a code, a connector, a step type, a platform's part.

    NAME is such as `E301` or `read`; a connector is named as a file names it, `postgres` or `db/postgres`. Without one,
    all are listed.
    """
    from firn_compiler.manual import closest, contents, page

    if name is None:
        click.echo(contents())
        return
    text = page(name)
    if text is None:
        near = closest(name)
        meant = f"did you mean `{near}`?" if near else "`firn help` lists them; a command explains itself with `--help`"
        raise click.UsageError(f"there is no page `{name}`; {meant}")
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        from firn_compiler.render.page import as_text

        text = as_text(text, width=get_terminal_size().columns, colour=True)
    click.echo(text, nl=False)


def _variables(words: tuple[str, ...]) -> dict[str, Json]:
    from firn_compiler.model.names import TEXTS, Name
    from firn_compiler.scalars import plain_value

    variables: dict[str, Json] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise click.UsageError("`--var` takes NAME=VALUE")
        try:
            variables[TEXTS[Name].check(name)] = plain_value(value)
        except ValueError as error:
            raise click.UsageError(f"`--var` takes NAME=VALUE; the name {error}") from None
    return variables


def _now() -> datetime:
    from firn_compiler.materials import BadEpoch, now

    try:
        return now(os.environ)
    except BadEpoch:
        raise click.UsageError("$SOURCE_DATE_EPOCH is not a number of seconds since 1970") from None


def _differs(target: Path, content: bytes) -> Diagnostic | None:
    try:
        on_disk = target.read_bytes()
    except OSError:
        return Diagnostic(
            "E110", f"there is no artifact `{target}` to compare with", help="run `firn compile` without `--check`"
        )
    if on_disk == content:
        return None
    return Diagnostic("E110", f"`{target}` is not what these sources compile to", help=_help(on_disk, content))


def _help(on_disk: bytes, content: bytes) -> str:
    from firn_compiler.difference import between
    from firn_schemas.canonical import LINE_ENDS, line_ends_changed

    if line_ends_changed(on_disk, content):
        return LINE_ENDS
    return "\n".join(["compile again and commit the result", *between(on_disk, content).splitlines()])
