"""From texts to a project: files parsed, the platform's chain merged, templates replaced, shapes checked."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Mapping as Map
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from firn_compiler.checks.braces import without_colon
from firn_compiler.checks.foreign import no_flow, no_platform
from firn_compiler.checks.leaks import Decision, Verdict, decisions, expired, in_variables, judged
from firn_compiler.checks.secrets import Known
from firn_compiler.checks.settings import platform_settings, with_removal
from firn_compiler.checks.shape import flow_shape, platform_shape
from firn_compiler.closest import alike
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import EMPTY, Deferred, Document, Mapping, is_null, printable, text_at
from firn_compiler.followers import names_in
from firn_compiler.leaks import Located, in_expanded, in_source
from firn_compiler.model.project import Flow, Platform
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_compiler.plugins import Plugin
from firn_compiler.stages.bind import bind_flow
from firn_compiler.stages.chain import merged_chain
from firn_compiler.stages.expand import variables_of, without_templates
from firn_compiler.stages.keys_meant import Keys, key_meant
from firn_compiler.stages.meant import flow_as_meant, platform_as_meant
from firn_compiler.stages.merge import without_nulls
from firn_compiler.stages.settle import each_in_full, typed_as
from firn_compiler.template import Constants, literal
from firn_compiler.trusted_keys import with_keys
from firn_compiler.yaml_source import Parsed, Source, parse
from firn_schemas.base import Json
from firn_schemas.canonical import NotCanonical, survey

MAX_CHAIN = 20
Reader = Callable[[str, str], Source | None]
"""Reads the file that `file` (first) names as `path` (second); None where there is none."""
FolderReader = Callable[[str, str], "tuple[Source, ...] | None"]
"""Reads every file below the folder that `file` names as `path`, by its name inside, ordered; None where none is."""


class Kept(Protocol):
    """Results by the digest of everything that decides them; what it gives back may be anything, and is checked."""

    def get(self, key: str) -> bytes | None:
        """Return what was put, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a result; failing to is no error."""


class Request(NamedTuple):
    """What to compile. `environment` is the name to use where the platform states none."""

    flows: tuple[Source, ...]
    platform: Source | None
    environment: str
    variables: Map[str, Json]
    read: Reader
    read_folder: FolderReader
    plugins: Callable[[tuple[str, ...]], tuple[Plugin, ...]] = lambda _: ()
    """Finds the installed plug-ins, also in the platform's folders (its argument).

    Asked only where something is named that Firn itself does not have.
    """
    plugged: tuple[str, ...] = ()
    """The plug-ins whose rows are seen: name, version and digests."""
    today: str = ""
    """The day, as a date of ISO 8601, against which exceptions expire; empty: none does."""
    kept: Kept | None = None
    """Where flows that were compiled before are kept; absent: everything is compiled."""


class Ground(NamedTuple):
    """What every flow of a request stands on: the platform, where there is one, and what it says of variables."""

    platform: Platform | None
    variables: dict[str, Json]
    """The platform's, with those of the command line over them."""
    documents: dict[str, Document]
    texts: dict[str, str]
    found: list[Diagnostic]
    decisions: tuple[Decision, ...] = ()
    """Which findings of secrets the platform allows."""
    leaks: Verdict = Verdict()
    """What secrets the platform's files and the command line hold."""
    lost: frozenset[str] = frozenset()
    """The words of what in the platform's files is not YAML."""
    secrets: Known = MappingProxyType({})
    """The platform's references to secrets."""


class Assembled(NamedTuple):
    """A flow with its names bound, what is known in it at compile time, and what is wrong so far."""

    flow: Flow | None
    constants: Constants
    text: str
    found: list[Diagnostic]
    leaks: tuple[Located, ...] = ()
    """The secrets that the file holds."""
    lost: frozenset[str] = frozenset()
    """The words of what in the file is not YAML."""


def ground(request: Request) -> Ground:
    """Parse and merge the platform's chain; a file that cannot be read stops only itself."""
    read, texts, found = _chain(request)
    chain = [one.document for one in reversed(read.values()) if one.document is not None]
    documents = {document.file: document for document in chain}
    lost = frozenset[str]().union(*map(_lost, read.values()))
    variables = dict(request.variables)
    found += _outside(variables)
    if request.platform is None or request.platform.file not in documents:
        leaks = judged([*_written(texts, read), *in_variables(request.variables)], ())
        return Ground(None, variables, documents, texts, found, (), leaks, lost)
    roots = [document.root for document in chain]
    if len(roots) > 1:  # `_each_file` says what was meant
        roots = [Keys().keys_of(PlatformShape, one, ()) for one in roots]
    whole = merged_chain(roots)
    root = without_nulls(whole)
    assert isinstance(root, Mapping)
    variables = variables_of(PlatformShape, root) | variables
    tree, more = without_templates(root, Constants(variables, {}), documents)
    meant = platform_as_meant(tree, whole.keys)
    broken = [one for parsed in read.values() if parsed.lost for one in parsed.found]
    if foreign := no_platform(tree, meant.root, broken):
        leaks = judged([*_written(texts, read), *in_variables(request.variables)], ())
        return Ground(None, variables, {}, texts, foreign, (), leaks, lost)
    tree = meant.root
    found += [one for document in chain for one in without_colon(document.root, [one.span for one in meant.found])]
    shaped = (with_removal(one, tuple(one.path.split(".")), whole) for one in platform_shape(tree))
    found += [*more, *meant.found, *_less(shaped, meant.renamed)]
    tree, unfit = with_keys(tree, request.read)
    found += unfit
    environment = text_at(tree, "environment") or request.environment
    names = tuple(_chain_name(chain, index) for index in range(len(chain)))
    if not environment:
        place = tree.keys.get("version", tree.span)
        help = "write `environment:` into it, or give `--env NAME`"
        found.append(finding("E203", "the platform has no environment", place, help, ("environment",)))
    platform = Platform(environment, tuple(chain), names, tree, whole)
    found += _each_file(platform, Constants(variables, {}), documents)
    if any(document.has_empty for document in chain):
        from firn_compiler.checks.empties import platform_empties  # few platforms have such keys

        found += platform_empties(platform)
    by = decisions(tree)
    found += expired(by, request.today)
    written = [*_written(texts, read)]
    leaks = judged([*written, *in_expanded(chain, tree, written), *in_variables(request.variables)], by)
    return Ground(platform, variables, documents, texts, found, by, leaks, lost)


def _lost(parsed: Parsed) -> frozenset[str]:
    """Return the words of what could not be read: of what is not YAML, and of `variables` that are no mapping."""
    root = parsed.document.root if parsed.document is not None else EMPTY
    node = root.entries.get("variables", EMPTY)
    fits = isinstance(node, Mapping) or is_null(node)
    lines = [] if fits or parsed.document is None else parsed.document.lines
    return names_in("\n".join([parsed.lost, *lines[node.span.line - 1 : node.span.end_line]]))


def _written(texts: Map[str, str], read: Map[str, Parsed]) -> Iterator[Located]:
    """Yield the secrets of files, those too that could not be read."""
    for file, text in texts.items():
        yield from in_source(file, text, read[file])


def _each_file(platform: Platform, constants: Constants, documents: Map[str, Document]) -> Iterator[Diagnostic]:
    """Report what is wrong in a file of a chain although a later one replaces it; what is missing, others may bring."""
    for document in platform.documents if len(platform.documents) > 1 else ():
        root = without_nulls(each_in_full(document.root, "connectors"))
        assert isinstance(root, Mapping)
        root = typed_as(root, platform.root)
        tree, _ = without_templates(root, constants, documents)
        meant = platform_as_meant(tree)
        alone = (
            *meant.found,
            *_less(platform_shape(meant.root), meant.renamed),
            *platform_settings(platform._replace(root=meant.root)),
        )
        yield from (one for one in alone if one.code != "E203")


def _outside(variables: Map[str, Json]) -> Iterator[Diagnostic]:
    """Report variables of the command line that no file could hold."""
    for name, value in variables.items():
        try:
            survey(literal(value))
        except NotCanonical as error:
            yield Diagnostic("E206", f"the variable `{name}` cannot be frozen: {error.reason}")


def _chain(request: Request) -> tuple[dict[str, Parsed], dict[str, str], list[Diagnostic]]:
    """Return what became of each of the platform's files, the leaf first, with their texts."""
    read: dict[str, Parsed] = {}
    texts: dict[str, str] = {}
    found: list[Diagnostic] = []
    source = request.platform
    while source is not None:
        parsed = read[source.file] = parse(source)
        texts[source.file] = text_of(source)
        found += parsed.found
        if parsed.document is None:
            return read, texts, found
        root = parsed.document.root
        key = key_meant(PlatformShape, root, "extends")
        parent = text_at(root, key)
        if parent is None:
            return read, texts, found
        source = None if is_absolute(parent) else request.read(parsed.document.file, parent)
        place = root.entries[key].span
        if source is None and is_absolute(parent):
            help = "name it from this file's folder: an absolute path is another file on another machine"
            found.append(finding("E307", "`extends` is an absolute path", place, help, ("extends",)))
        elif source is None:
            near = near_file(request, parsed.document.file, parent, (".yaml", ".yml"))
            help = near or "the path is taken from this file's folder"
            found.append(finding("E307", f"there is no file `{parent}` to extend", place, help, ("extends",)))
        elif source.file in texts:
            message = f"the files extend each other: `{parent}` comes back here"
            found.append(finding("E308", message, place, "remove one `extends`", ("extends",)))
            source = None
        elif len(texts) == MAX_CHAIN:
            message = f"the chain of `extends` is longer than {MAX_CHAIN} files"
            found.append(finding("E308", message, place, "put what they say into fewer files", ("extends",)))
            source = None
    return read, texts, found


def all_read(platform: Platform) -> bool:
    """Return whether every file of the chain could be read: then the first one extends nothing."""
    first = platform.documents[0].root
    key = key_meant(PlatformShape, first, "extends")
    return key not in first.entries or is_null(first.entries[key])


def _chain_name(chain: list[Document], index: int) -> str:
    """Return how the next file of the chain names this one; the leaf by its own file name."""
    if index + 1 < len(chain):
        return text_at(chain[index + 1].root, "extends") or ""
    return base_name(chain[index].file)


def assemble(source: Source, on: Ground) -> Assembled:
    """Parse a flow, replace its templates, check its shape and bind its names."""
    parsed = parse(source)
    text = text_of(source)
    document = parsed.document
    if document is None:
        return Assembled(None, Constants({}, {}), text, [*parsed.found], tuple(in_source(source.file, text, parsed)))
    known = {key: word for key in ("name", "version") if (word := text_at(document.root, key)) is not None}
    variables = variables_of(FlowShape, document.root) | on.variables
    constants = Constants(variables if on.platform else _Lenient(variables), known)
    root, found = without_templates(document.root, constants, {document.file: document})
    meant = flow_as_meant(root)
    if foreign := no_flow(root, meant.root, parsed.found if parsed.lost else ()):
        leaks = tuple(in_source(source.file, text, parsed))
        return Assembled(None, constants, text, foreign, leaks, _lost(parsed))
    root = each_in_full(meant.root, "resources")
    flow = bind_flow(document, root, constants)
    shape = _less(flow_shape(root), meant.renamed)
    written = in_source(source.file, text, parsed)
    leaks = (*written, *in_expanded([document], root, written))
    alone = without_colon(document.root, [one.span for one in meant.found])
    every = [*parsed.found, *alone, *found, *meant.found, *shape]
    return Assembled(flow, constants, text, every, leaks, _lost(parsed))


def _less(found: Iterable[Diagnostic], renamed: Collection[str]) -> list[Diagnostic]:
    """Leave out what is wrong with a value under a key that it was not written for."""
    return [one for one in found if one.code not in ("E202", "E204") or one.path not in renamed]


class _Lenient(dict[str, Json]):
    """Variables where no platform is known: one that the flow does not define may still be the platform's."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return Deferred({"$ref": f"var.{name}"}, frozenset(["var"]))


def text_of(source: Source) -> str:
    """Return a file's text for looking at it and for showing its lines; what is not UTF-8 or UTF-16 is replaced."""
    return source.content.decode(encoding(source.content), "replace").replace("\0", "\ufffd")


def encoding(content: bytes) -> str:
    """Return the name of a text's encoding by its first bytes."""
    return "utf-16" if content.startswith((BOM_UTF16_BE, BOM_UTF16_LE)) else "utf-8-sig"


def is_absolute(path: str) -> bool:
    """Whether a path names one place of one machine, on any system."""
    return path.startswith(("/", "\\", "~")) or path[1:2] == ":"


def near_file(request: Request, by: str, path: str, endings: tuple[str, ...]) -> str:
    """Return help for a file that `by` names and that is not there: the one of its folder that looks most like it."""
    folder, slash, name = path.rpartition("/")
    beside = request.read_folder(by, folder or ".") or ()
    meant = alike(name, [one.file for one in beside if "/" not in one.file and one.file.lower().endswith(endings)])
    return f"did you mean `{folder}{slash}{meant}`?" if meant else ""


def base_name(file: str) -> str:
    """Return a path's last part."""
    return printable(file.replace("\\", "/").rpartition("/")[2])
