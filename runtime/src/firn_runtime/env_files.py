"""Variables out of env files, below the real environment; `os.environ` is never written.

No message holds a value or a line of a file: at most the number of a line, and a name that is one of a variable.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from firn_runtime.env_formats import FORMATS, Broken, Entry, format_of
from firn_runtime.errors import InputsMissing, UsageError
from firn_runtime.secret_sources.value import MAX_BYTES
from firn_schemas.visible import is_unicode

SPEC = "PATH[,prefix=TEXT][,optional][,format=dotenv|json|folder]"
MAX_VARIABLES = 10_000
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Mapping[str, Callable[[str], object]] = {
    "prefix": _NAME.fullmatch,
    "optional": lambda text: text == "",
    "format": FORMATS.__contains__,
}
"""What may follow the path, and whether a text may stand behind its `=`."""


class EnvFile(NamedTuple):
    """What one `--env-file` names."""

    path: Path
    prefix: str = ""
    optional: bool = False
    format: str | None = None


def parse_spec(text: str) -> EnvFile:
    """Read `PATH[,prefix=TEXT][,optional][,format=dotenv|json|folder]`; raise UsageError R206."""
    path, *words = text.split(",")
    said = dict(word.partition("=")[::2] for word in words)
    if not path or len(said) < len(words) or not all(key in _WORDS and _WORDS[key](said[key]) for key in said):
        raise UsageError("R206", "an `--env-file` is not understood", f"write `{SPEC}`")
    return EnvFile(Path(path), said.get("prefix", ""), "optional" in said, said.get("format"))


def with_env_files(environ: Mapping[str, str], files: Sequence[EnvFile]) -> Mapping[str, str]:
    """Return a snapshot with the files' variables: the environment wins, and a later file over an earlier one.

    Raises InputsMissing R206 with every file that is missing or cannot be used.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    for file in files:
        try:
            found |= _variables(file)
        except Broken as error:
            problems.append(f"the env file `{file.path}` {error}")
    if problems:
        help = "mend what is named; `PATH,optional` is for a file that may be missing"
        raise InputsMissing("R206", "\n  ".join(problems), help)
    return MappingProxyType(found | dict(environ))


def _variables(file: EnvFile) -> dict[str, str]:
    try:
        form = file.format or format_of(file.path)
        entries = list(islice(FORMATS[form](file.path), MAX_VARIABLES + 1))
    except (FileNotFoundError, NotADirectoryError):
        if file.optional:
            return {}
        raise Broken("is missing") from None
    except OSError as error:
        raise Broken(f"cannot be read ({error.strerror})") from None
    if len(entries) > MAX_VARIABLES:
        raise Broken(f"sets more than {MAX_VARIABLES:,} variables")
    return dict(_checked(entries, file.prefix))


def _checked(entries: Iterable[Entry], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value, where in entries:
        if not _NAME.fullmatch(prefix + name):
            raise Broken(f"cannot be used: at {where}, the name does not fit `[A-Za-z_][A-Za-z0-9_]*`")
        fault = next((words for words, holds in _FAULTS.items() if holds(value)), None)
        if fault:
            raise Broken(f"cannot be used: at {where}, the value {fault}")
        yield prefix + name, value


_FAULTS: Mapping[str, Callable[[str], bool]] = {
    "holds a NUL byte": lambda text: "\0" in text,
    "is not UTF-8 text": lambda text: not is_unicode(text),
    f"is larger than {MAX_BYTES // 1024} KiB": lambda text: len(text.encode()) > MAX_BYTES,
}
"""What no variable may be, in the order in which it is asked."""
