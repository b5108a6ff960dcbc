"""One file of Python that the platform names: found without any import, executed from the very bytes that were hashed.

What the file itself imports is not covered by its hash.
"""

import sys
from collections.abc import Sequence
from hashlib import sha256
from types import ModuleType

from firn_runtime.plain_file import plain_content

MAX_BYTES = 1024 * 1024


class Refused(Exception):
    """A module that is not executed; the predicate says why (`cannot be found`)."""


def load(name: str, digest: str | None, search: Sequence[str] | None = None) -> ModuleType:
    """Return a new module out of the file of that name; raise Refused, also where the code fails.

    `digest` is the SHA-256 that the file must have, with or without `sha256:`; `search` stands for `sys.path`.
    """
    file = _file(name, search)
    content = _content(file)
    found = sha256(content).hexdigest()
    if digest is not None and digest.removeprefix("sha256:") != found:
        raise Refused(f"is not the one that the artifact allows: the SHA-256 of its file is {found}")
    module = _new(name, file)
    failure = _execute(module, content, file)
    if failure:  # raised here, where nothing refers to what the code raised
        raise Refused(f"cannot be loaded: it raised {failure}")
    return module


def _file(name: str, search: Sequence[str] | None) -> str:
    """Return the module's file, looked up part by part; the packages around it are not imported."""
    from importlib.machinery import PathFinder, SourceFileLoader

    path = None if search is None else list(search)
    parts = name.split(".")
    spec = None
    for depth, part in enumerate(parts):
        spec = PathFinder.find_spec(part, path) if part.isidentifier() else None
        inside = spec.submodule_search_locations if spec else None
        if spec is None or (inside is None and depth < len(parts) - 1):
            raise Refused("cannot be found")
        path = list(inside) if inside is not None else None
    if spec is None or path is not None or not isinstance(spec.loader, SourceFileLoader):
        raise Refused("is not one file of Python source")
    return spec.loader.path


def _content(file: str) -> bytes:
    try:
        content = plain_content(file, MAX_BYTES)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from None
    if content is None or len(content) > MAX_BYTES:
        raise Refused("is not one file of Python source, at most 1 MiB")
    return content


def _new(name: str, file: str) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, file)
    assert spec is not None  # it is a file of source
    return module_from_spec(spec)


def _execute(module: ModuleType, content: bytes, file: str) -> str:
    """Execute the bytes as the module; return the type of what they raised, or nothing."""
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(compile(content, file, "exec", dont_inherit=True), vars(module))  # noqa: S102  # the platform's own code
    except BaseException as error:
        del sys.modules[module.__name__]
        if before is not None:
            sys.modules[module.__name__] = before
        if isinstance(error, KeyboardInterrupt):
            raise
        return type(error).__name__
    return ""
