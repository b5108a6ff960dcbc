"""The name and version of the artifact's format."""

from typing import Literal

FORMAT_NAME, FORMAT_MAJOR = "firn.artifacts", 1
FORMAT = f"{FORMAT_NAME}/{FORMAT_MAJOR}"
"""What `format` says in a file; a runtime refuses another major."""
MAP_FORMAT = "firn.map/1"
"""What it says in the map beside an artifact."""

ErrorClass = Literal["connection", "timeout", "auth", "rate_limited", "server_error", "conflict", "data", "process"]
"""What went wrong, as far as a retry needs to know. Every connector error is of exactly one class."""

TRANSIENT: tuple[ErrorClass, ...] = ("connection", "timeout", "rate_limited", "server_error")
"""Classes that may be gone at the next attempt: what `retry` is for where it names none."""


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a semantic version, for comparing; what follows `-` or `+` does not count."""
    release = version.partition("-")[0].partition("+")[0]
    return tuple(int(number) for number in release[:100].split(".")[:3] if number.isdecimal())
