"""What a preflight sees of a folder of files: those that are read, and the folders of those that are written."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from firn_runtime.errors import ConnectorError, NoMatch
from firn_runtime.folders import refusal
from firn_runtime.probing import Seen, Use, failed, missing

Matches = Callable[[str], list[Path]]
"""Returns the files that a path matches; raises ConnectorError where there is none, or the path leads out."""


def probed(root: Path, matches: Matches, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what is seen of a folder that its connector has found to be there, or to be made."""
    there = "is there" if os.path.isdir(root) else "is not there yet; the first write makes it"
    yield Seen("connection", "ok", f"the folder `{root}` {there}")
    for use in uses:
        yield _readable(root, matches, use, uses) if use.access == "read" else _writable(root, use)


def _readable(root: Path, matches: Matches, use: Use, uses: Sequence[Use]) -> Seen:
    if not os.access(root, os.R_OK | os.X_OK) and os.path.isdir(root):
        return Seen("read", "failed", f"the folder `{root}` cannot be read", _MODES)
    if use.path is None:
        return Seen("read", "skipped", "which file is read is known only when it runs")
    try:
        files = matches(use.path)
    except ConnectorError as error:
        return missing(use, uses, error.message, error.help) if isinstance(error, NoMatch) else failed("read", error)
    closed = [one for one in files if not os.access(one, os.R_OK)]
    if closed:
        return Seen("read", "failed", f"`{closed[0].relative_to(root)}` cannot be read", _MODES)
    return Seen("read", "ok", f"`{use.path}` can be read ({len(files)} file{'s' * (len(files) != 1)})")


def _writable(root: Path, use: Use) -> Seen:
    if use.path is None:
        reason, shown = refusal(root), f"the folder `{root}`"
    else:
        target, shown = root / use.path, f"`{use.path}`"
        folder = target.parent if use.mode == "replace" else target
        outside = not Path(os.path.realpath(target.parent)).is_relative_to(root)
        wrong = "it is a folder" if use.mode == "replace" and os.path.isdir(target) else ""
        reason = "it is not below the resource's root" if outside else wrong or refusal(folder)
    if reason:
        return Seen("write", "failed", f"{shown} cannot be written: {reason}", _MODES)
    return Seen("write", "ok", f"{shown} can be written")


_MODES = "look at the modes and owner of what is mounted there, and at the user of this process"
