"""Calls into a plug-in's code: what it raises is let go of where it was caught, since it may hold a secret."""

from collections.abc import Callable, Sequence
from threading import current_thread, main_thread
from typing import Any, NamedTuple

from firn_runtime.cancel import Ended
from firn_runtime.errors import ArtifactRefused, ConnectorError, ErrorClass
from firn_runtime.events import CODES


class Outcome(NamedTuple):
    """What a call gave, or what is told of its failure."""

    value: Any = None
    raised: str = ""
    """The type of what it raised; empty where it ended well."""
    error: tuple[ErrorClass, str, str] | None = None
    """Class, message and help of a ConnectorError."""


def outcome(call: Callable[[], Any]) -> Outcome:
    """Call, and return what became of it. Only what ends the process or the step is raised further."""
    try:
        return Outcome(call())
    except Ended:
        raise
    except ConnectorError as error:
        said: ErrorClass | None = getattr(error, "error_class", None)  # a subclass may have set none
        known: ErrorClass = said if isinstance(said, str) and said in CODES else "process"
        words = plain(getattr(error, "message", "")), plain(getattr(error, "help", ""))
        return Outcome(None, _named(error), (known, *words))
    except BaseException as error:  # also SystemExit, whose text Python would print
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise  # no other thread gets one from a person
        return Outcome(None, _named(error))


def asked(plugin: str, what: str, call: Callable[[], Any]) -> Any:
    """Return what a plug-in's method gives; raise ConnectorError, in its own words only where it raised one."""
    found = outcome(call)
    if found.error is not None and found.error[1]:
        raise ConnectorError(*found.error)
    if found.raised:
        help = "its own words are not shown: they may hold a secret"
        raise ConnectorError("process", f"the plug-in `{plugin}` failed in {what} ({found.raised})", help)
    return found.value


def loaded(plugin: str, what: str, call: Callable[[], Any]) -> Any:
    """Return what comes of a plug-in's code before the run; raise ArtifactRefused R112."""
    found = outcome(call)
    if found.raised:
        raise broken(plugin, f"{what} raised {found.raised}")
    return found.value


def broken(plugin: str, why: str) -> ArtifactRefused:
    """Return what refuses a plug-in whose code cannot be used."""
    return ArtifactRefused("R112", f"the plug-in `{plugin}` cannot be used: {why}", "it is for the plug-in's author")


def plain(text: object) -> str:
    """Return a text of an outsider as one that can be shown: cut, and without control characters."""
    return "".join(one if one.isprintable() else " " for one in str(text)[:1000]) if type(text) is str else ""


MOST_WARNINGS = 100


def shown(warnings: Sequence[str]) -> tuple[str, ...]:
    """Return an outsider's warnings as they can be shown, and of very many the first."""
    rest = len(warnings) - MOST_WARNINGS
    more = (f"{rest} more warnings are not shown",) if rest > 0 else ()
    return (*map(plain, warnings[:MOST_WARNINGS]), *more)


def counted(value: Any) -> bool:
    """Whether a value is none, or a number of something that the state can keep."""
    return value is None or (type(value) is int and 0 <= value < 2**63)


def are_texts(values: Any) -> bool:
    """Whether these are texts."""
    return isinstance(values, (list, tuple)) and all(type(one) is str for one in values)


def _named(error: BaseException) -> str:
    name = type(error).__name__
    return name if name.isidentifier() and len(name) < 60 else "an exception"
