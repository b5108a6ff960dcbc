"""What the state keeps, as values. Times are ISO 8601 texts, durations seconds."""

from collections.abc import Mapping
from typing import NamedTuple

from firn_schemas.base import Json

NOT_KEPT = ""
"""Stands for a fingerprint where what is recorded is not all that there was."""


class RunRow(NamedTuple):
    """One run. `artifact` is the digest of the artifact that it runs now; `plan` is opaque here."""

    flow: str
    run: str
    artifact: str
    environment: str
    status: str
    """RUNNING, SUCCESS or FAILED."""
    seed: int
    """Below 2**63."""
    started_at: str
    finished_at: str | None = None
    seconds: float | None = None
    resumed: int = 0
    """How often it was resumed."""
    plan: Mapping[str, Json] = {}


class JobRow(NamedTuple):
    """How a job ended, with its named outputs."""

    job: str
    status: str
    fingerprint: str
    seconds: float | None = None
    error: Json = None
    outputs: Json = None


class StepRow(NamedTuple):
    """The latest attempt of a step. `dataset` says where its dataset lies."""

    job: str
    step: str
    status: str
    """RUNNING, SUCCESS, FAILED or SKIPPED."""
    attempt: int
    fingerprint: str
    started_at: str
    seconds: float | None = None
    rows: int | None = None
    bytes: int | None = None
    results: Json = None
    dataset: str | None = None
    error: Json = None


class WatermarkRow(NamedTuple):
    """How far an incremental read has come whose rows are published."""

    flow: str
    job: str
    step: str
    cursor: str
    value: str
    """Digits of a number, a date or timestamp in ISO 8601 with microseconds, or a text."""
    type: str
    """The engine's type of the value."""
    meaning: str
    """Digest over what was read by which cursor."""
    run: str
    """The run that moved it; empty: a person did."""
    moved_at: str


class LockRow(NamedTuple):
    """A lock that was taken and not released."""

    key: str
    owner: Mapping[str, Json]
    """What the holder said of itself, and its machine, process and time (`since`)."""
    fence: int
    ttl_seconds: float
    expires_in: float
    """Seconds until the lease runs out unless it is renewed; negative: it ran out, or its holder is gone."""
    held: bool
    """Whether it keeps others out."""


class Fence(NamedTuple):
    """A lock's key, and the token under which its holder writes. Tokens of a key only grow."""

    key: str
    token: int
