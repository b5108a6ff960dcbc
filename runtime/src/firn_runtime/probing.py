"""What a preflight asks of a connector, and what it is told."""

from collections.abc import Iterable
from fnmatch import fnmatch
from itertools import takewhile
from typing import Literal, NamedTuple

from firn_runtime.errors import ConnectorError, FirnError
from firn_schemas.preflight import CheckName as CheckName
from firn_schemas.preflight import CheckStatus as CheckStatus

Access = Literal["read", "write"]


class Use(NamedTuple):
    """What a step does with a resource, as far as the artifact says it before the run."""

    access: Access
    path: str | None = None
    table: str | None = None
    certain: bool = True
    """False where the step's job may be left out."""
    mode: str = "replace"
    """What a write does."""
    after_program: bool = False
    """The flow starts something before, of which nobody knows what it makes."""


class Seen(NamedTuple):
    """One thing that was looked at, in words that hold no secret; `check` names what it was about."""

    check: CheckName
    status: CheckStatus
    message: str
    help: str = ""


def failed(check: CheckName, error: FirnError | ConnectorError) -> Seen:
    """Return an error as something that was seen."""
    return Seen(check, "failed", error.message, error.help)


def allowed(use: Use, reason: str) -> Seen:
    """Return whether the user may do with a table what the flow does; `reason` says why not."""
    done = {"read": "read", "write": "written"}[use.access]
    if reason:
        message = f"the table `{use.table}` cannot be {done}: {reason}"
        return Seen(use.access, "failed", message, "grant what is lacking")
    return Seen(use.access, "ok", f"the table `{use.table}` can be {done}")


def missing(use: Use, uses: Iterable[Use], message: str, help: str = "") -> Seen:
    """Return that what is read is not there: no failure where the flow makes it before, or may do without.

    `uses` are all of the flow, in the order of its steps.
    """
    if any(_makes(one, use) for one in takewhile(lambda one: one != use, uses)):
        return Seen(use.access, "skipped", f"{message} yet; the flow writes it")
    if use.after_program:
        return Seen(use.access, "skipped", f"{message} yet; what the flow starts before may make it")
    if any(_makes(one, use) for one in uses):
        message += " yet; the flow writes it only after it has read it"
        help = "make it by hand once, or let a step write it first: an `append` of no rows makes a table"
    return Seen(use.access, "failed" if use.certain else "warning", message, help)


def _makes(one: Use, wanted: Use) -> bool:
    return one.access == "write" and (
        (one.table is not None and one.table == wanted.table)
        or (one.path is not None and wanted.path is not None and fnmatch(one.path, wanted.path))
        or (one.path is not None and wanted.path is not None and wanted.path.startswith(f"{one.path.rstrip('/')}/"))
    )
