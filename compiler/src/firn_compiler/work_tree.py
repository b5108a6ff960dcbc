"""The work tree of git that a folder lies in, found without asking git; files are named from its root."""

import os
from pathlib import Path

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span, has_name


def work_tree(start: Path) -> tuple[Path, Path | None]:
    """Return the root of the work tree that a folder lies in, and its `.git`; else the folder itself, and None."""
    for folder in (start, *start.parents):
        if os.path.exists(folder / ".git"):  # `Path.exists` raises where this user may not look
            return folder, folder / ".git"
    return start, None


def from_the_root(found: list[Diagnostic], start: Path) -> list[Diagnostic]:
    """Return findings whose files are named from the root of the work tree, where a pull request looks for them."""
    root, git = work_tree(start)

    def named(span: Span) -> Span:
        place = Path(os.path.abspath(start / span.file))
        known = has_name(span.file) and place.is_relative_to(root)
        return span._replace(file=place.relative_to(root).as_posix()) if known else span

    def rooted(one: Diagnostic) -> Diagnostic:
        related = tuple(other._replace(span=named(other.span)) for other in one.related)
        return one._replace(span=named(one.span), related=related)

    return [rooted(one) for one in found] if git is not None else found
