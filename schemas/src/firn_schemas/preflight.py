"""What `firn preflight --json` writes."""

from typing import Literal

from firn_schemas.base import doc, record

CheckName = Literal[
    "artifact",
    "version",
    "feature",
    "plugin",
    "connector",
    "env_file",
    "variable",
    "secret",
    "decode_hook",
    "workspace",
    "state",
    "lock",
    "settings",
    "connection",
    "login",
    "read",
    "write",
]
CheckStatus = Literal["ok", "failed", "warning", "skipped"]


@record
class Check:
    """One thing that was looked at."""

    check: CheckName = doc("What it was about.")
    subject: str = doc("Whose: a feature, variable, secret, file, or the flow's name of a resource.")
    status: CheckStatus = doc("`skipped`: it cannot be known before the run, or follows from another one.")
    message: str = doc("What was seen, in words that hold no secret.")
    help: str = doc("The likely fix; empty where there is nothing to do.")
    seconds: float = doc("How long it took.", minimum=0)


@record
class Preflight:
    """Whether a flow could run."""

    artifact: str = doc("Digest of the artifact.")
    flow: str = doc("The flow.")
    ok: bool = doc("Nothing failed; the exit code is then 0, and 6 otherwise.")
    checks: list[Check] = doc("In an order that never changes.")
