"""What a preflight sees of files elsewhere: that the place answers, lets in, is listed, and holds what is read."""

from collections.abc import Callable, Iterator, Sequence, Sized

from firn_runtime.errors import ConnectorError, NoMatch
from firn_runtime.probing import Seen, Use, failed, missing

Matches = Callable[[str], Sized]
"""Returns what a path matches; raises ConnectorError where there is nothing."""


def probed(place: str, first: Callable[[], None], matches: Matches, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what is seen; raise ConnectorError where the place cannot be used at all. Nothing is written."""
    first()
    yield Seen("connection", "ok", f"{place} answers")
    yield Seen("login", "ok", "the credentials may list it")
    for use in uses:
        yield _readable(matches, use, uses) if use.access == "read" else _writable(place, use)


def _readable(matches: Matches, use: Use, uses: Sequence[Use]) -> Seen:
    if use.path is None:
        return Seen("read", "skipped", "which file is read is known only when it runs")
    try:
        found = matches(use.path)
    except ConnectorError as error:
        return missing(use, uses, error.message, error.help) if isinstance(error, NoMatch) else failed("read", error)
    return Seen("read", "ok", f"`{use.path}` is there ({len(found)} file{'s' * (len(found) != 1)})")


def _writable(place: str, use: Use) -> Seen:
    shown = f"`{use.path}`" if use.path is not None else place
    return Seen("write", "skipped", f"whether {shown} may be written is known only when it is written")
