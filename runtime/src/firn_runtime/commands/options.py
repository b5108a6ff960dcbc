"""Options that several commands share."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from firn_runtime.artifact_file import Artifact
    from firn_runtime.history import Page

ARTIFACT = "compiled_artifacts.json"
FOLDER = click.Path(exists=True, file_okay=False)

artifact_argument = click.argument("artifact", default=ARTIFACT)
flow_option = click.option("--flow", metavar="NAME", help="Which flow, where the artifact has several.")
expect_option = click.option(
    "--expect-digest",
    metavar="DIGEST",
    help="Refuse any other artifact; $FIRN_EXPECT_DIGEST always counts too.",
)
signature_option = click.option(
    "--require-signature",
    "key_files",
    multiple=True,
    metavar="FILE",
    help="Refuse what none of these public keys signed; again for more, and $FIRN_REQUIRE_SIGNATURE always counts too.",
)
base_option = click.option(
    "--base-dir",
    type=FOLDER,
    metavar="FOLDER",
    default=".",
    help="Relative paths of connectors, state and workspace are taken from it; by default the current folder.",
)
env_file_option = click.option(
    "--env-file",
    "env_files",
    multiple=True,
    metavar="SPEC",
    help="Variables below the environment: a file or folder, and after it `,prefix=TEXT`, `,optional`, "
    "`,format=dotenv`, `,format=json` or `,format=folder`; again for more.",
)


class Seconds(click.FloatRange):
    """Seconds that a clock can wait for: at most a year, and not `nan`, which no bound holds off."""

    def __init__(self, *, min_open: bool = False) -> None:
        super().__init__(0, 366 * 24 * 60 * 60, min_open=min_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; raise BadParameter."""
        found: float = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--format text|json`, and `--json` as its short form."""
    command = click.option("--json", "form", flag_value="json", help="Short for `--format json`.")(command)
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people, or JSON."
    )(command)


def base_folder(text: str) -> Path:
    """Return the base folder as an absolute path; raise click's UsageError where the engine could not open it."""
    folder = os.path.abspath(text)
    try:
        folder.encode()
    except UnicodeEncodeError:
        message = "the path of the base folder is not UTF-8: run in another folder, or name one with `--base-dir`"
        raise click.UsageError(message) from None
    return Path(folder)


def snapshot(env_files: tuple[str, ...]) -> Mapping[str, str]:
    """Return the environment as it is now, with the env files below it; raise UsageError or InputsMissing R206."""
    environ: Mapping[str, str] = MappingProxyType(dict(os.environ))
    if not env_files:
        return environ
    from firn_runtime.env_files import parse_spec, with_env_files

    return with_env_files(environ, [parse_spec(text) for text in env_files])


def load(artifact: str) -> "Artifact":
    """Return an artifact, whatever features it needs; raise ArtifactRefused and UsageError."""
    from firn_runtime.artifact_file import demand, load_any, read_bytes

    place = Path(artifact)
    return load_any(read_bytes(place), demand(place, (), os.environ))


def split(words: tuple[str, ...], rest: str) -> tuple[str, str | None]:
    """Return the artifact among the words, by its ending or since it is a file, and the one other word."""
    files = [word for word in words if word.endswith(".json") or os.path.isfile(word)]
    others = [word for word in words if word not in files]
    if len(files) > 1 or len(others) > 1:
        raise click.UsageError(f"name at most one artifact and one {rest}")
    return files[0] if files else ARTIFACT, others[0] if others else None


def print_json(document: object) -> None:
    """Print a document as JSON, indented, keys sorted."""
    import orjson

    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def show(page: "Page", form: str) -> None:
    """Print a page in the form that was asked for."""
    if form == "json":
        print_json(page.document)
    else:
        click.echo("\n".join(page.lines))


def end(code: int) -> NoReturn:
    """End the command."""
    raise SystemExit(code)
