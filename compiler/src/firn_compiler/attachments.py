"""What flows name beside themselves: SQL files are embedded, dbt projects are pinned by the digest of every file."""

from collections.abc import Iterator
from typing import NamedTuple

from firn_compiler.assembly import Request, is_absolute, near_file, text_of
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Deferred, Path, Scalar, Span, beginning, place_in_text
from firn_compiler.leaks import Located, in_file, in_text
from firn_compiler.model.project import Flow
from firn_compiler.template import BOUND, Constants, Placeholder, as_text, expanded, help_in_sql, parse, well_formed
from firn_schemas.base import Json, JsonObject
from firn_schemas.canonical import bytes_digest, digest

DBT_PROJECT = "dbt_project.yml"
Found = list[Diagnostic]


class SqlFile(NamedTuple):
    """A SQL file: as it stands, and with its compile-time templates replaced; empty where one cannot be read."""

    file: str
    text: str
    expanded: str


class Read(NamedTuple):
    """What was read for a flow: a file or folder, by the name that the flow uses, and what it held."""

    kind: str
    name: str
    digest: str
    """Empty where there was nothing."""


def read_again(by: str, kind: str, name: str, request: Request) -> str:
    """Return the digest of what is there now."""
    if kind == "sql":
        source = request.read(by, name)
        return bytes_digest(source.content) if source else ""
    files = request.read_folder(by, name)
    return digest([[one.file, bytes_digest(one.content)] for one in files]) if files is not None else ""


class Attachments(NamedTuple):
    """What the steps of one flow name, by the step's path."""

    sql: dict[Path, SqlFile]
    trees: dict[Path, str]
    """Digest over all files of the folder that a step names."""
    sources: list[JsonObject]
    texts: dict[str, str]
    """By file, the text of what was read, for showing its lines."""
    read: list[Read]
    leaks: list[Located]
    """The secrets that the files hold."""


def attachments(flow: Flow, constants: Constants, request: Request) -> tuple[Attachments, Found]:
    """Read every file and folder that the flow's steps name, and report those that cannot be."""
    attached, found = Attachments({}, {}, [], {}, [], []), Found()
    for step in flow.steps:
        key, read = _READERS.get(step.type, ("", None))
        node = step.inputs.entries.get(key)
        if read is not None and isinstance(node, Scalar) and isinstance(node.value, str):
            named = Named(flow.document.file, node.value, node.span, step.path, (*step.inputs_path, key))
            found += _unfit(named, key, request) or read(named, constants, request, attached)
    return attached, found


class Named(NamedTuple):
    """A path that a step names: by which file, where, and for which step."""

    by: str
    name: str
    span: Span
    step: Path
    path: Path


def _unfit(named: Named, key: str, request: Request) -> list[Diagnostic]:
    """Report a path that no flow may name: one of this machine alone, or a file that is not SQL."""
    if is_absolute(named.name):
        help = "name it from the flow's folder: an absolute path is another file on another machine"
        return [finding("E314", f"`{key}` is an absolute path", named.span, help, named.path)]
    if key == "sql_file" and not _is_sql(named.name):
        there = request.read(named.by, named.name) is not None
        help = ("" if there else near_file(request, named.by, named.name, (".sql",))) or "rename it"
        return [finding("E314", "a file of SQL has a name that ends in `.sql`", named.span, help, named.path)]
    return []


def _is_sql(name: str) -> bool:
    """Say whether a file is called as one of SQL: what a flow names is shown to who writes it, and nothing else is."""
    return name.lower().endswith(".sql")


def _sql(named: Named, constants: Constants, request: Request, attached: Attachments) -> Iterator[Diagnostic]:
    source = request.read(named.by, named.name)
    attached.read.append(Read("sql", named.name, bytes_digest(source.content) if source else ""))
    if source is None:
        help = near_file(request, named.by, named.name, (".sql",)) or "the path is taken from the flow's folder"
        yield finding("E314", f"there is no file `{named.name}`", named.span, help, named.path)
        return
    if not _is_sql(source.file):
        message = f"`{named.name}` is a link to a file of another kind"
        yield finding("E314", message, named.span, "link to a file that ends in `.sql`", named.path)
        return
    try:
        text = source.content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        attached.leaks.extend(in_text(source.file, text_of(source)))
        yield finding("E103", "the file is not UTF-8", named.span, "save it as UTF-8", named.path)
        return
    attached.texts[source.file] = text
    leaks = in_text(source.file, text)
    done, errors = expanded(text, constants)
    for error in errors:
        place = place_in_text(beginning(source.file), text, error.start, error.end)
        yield finding(error.code, error.message, place, help_in_sql(error.help), named.path)
    for part in parse(text):
        root = part.path.partition(".")[0] if isinstance(part, Placeholder) and well_formed(part.path) else "var"
        if root not in ("flow", "var") and isinstance(part, Placeholder):
            place = place_in_text(beginning(source.file), text, part.start, part.end)
            yield finding("E402", f"SQL text cannot use `{root}`: only `var` and `flow`", place, BOUND, named.path)
    whole = "" if errors or isinstance(done, Deferred) else as_text(done)
    attached.sql[named.step] = SqlFile(source.file, text, whole)
    if whole:
        known = {one.secret for one in leaks}
        leaks += (one for one in in_text(source.file, whole) if whole != text and one.secret not in known)
        attached.sources.append({"kind": "sql", "name": named.name, "digest": bytes_digest(whole.encode())})
    attached.leaks.extend(leaks)


def _dbt(named: Named, _: Constants, request: Request, attached: Attachments) -> Iterator[Diagnostic]:
    files = request.read_folder(named.by, named.name)
    listed: list[Json] = [[one.file, bytes_digest(one.content)] for one in files or ()]
    attached.read.append(Read("dbt", named.name, digest(listed) if files is not None else ""))
    if files is None:
        help = "the path is taken from the flow's folder"
        yield finding("E314", f"there is no folder `{named.name}`", named.span, help, named.path)
        return
    if DBT_PROJECT not in (one.file for one in files):
        message = f"the folder `{named.name}` holds no `{DBT_PROJECT}`"
        yield finding("E314", message, named.span, "name the folder of the dbt project", named.path)
        return
    attached.trees[named.step] = digest(listed)
    for one in files:
        attached.leaks.extend(in_file(f"{named.name}/{one.file}", text_of(one)))
    base = named.name.removeprefix("./").rstrip("/")
    attached.sources.extend(
        {"kind": "dbt", "name": f"{base}/{one.file}", "digest": bytes_digest(one.content)} for one in files
    )


_READERS = {"sql": ("sql_file", _sql), "dbt": ("path", _dbt)}
"""By a step's type, the input that names a file or folder, and who reads it."""
