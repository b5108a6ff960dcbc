"""Programs of the machine: `process`."""

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector


@record
class LocalProcessConfig:
    """Programs that steps may start."""

    allowed: list[str] = doc(
        "The programs, by name or absolute path; no other is started.", examples=[["dbt"]], endpoint=True
    )
    cwd: str | None = doc(
        "Where they are started, and below it; absent: the run's base folder.",
        default=None,
        local_path=True,
        endpoint=True,
    )


@record
class LocalProcessOptions:
    """What a program is given, and how much of what it says is kept."""

    env: dict[str, str] = doc(
        "Environment variables it gets; none of them a credential.", default_factory=dict, endpoint=True
    )
    inherit_env: list[str] = doc(
        "Variables of the run's own environment that it gets too.", default_factory=list, endpoint=True
    )
    max_output_bytes: int = doc(
        "Bytes of each of its two outputs that are kept, and never more than 16 KiB.", default=1024 * 1024, minimum=0
    )


ROWS = {("process", "local"): Connector(config=LocalProcessConfig, options=LocalProcessOptions)}
