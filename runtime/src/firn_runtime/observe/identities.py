"""Ids of traces, spans and lineage runs: made of the run's own, so that they are the same wherever they are made."""

import re
from hashlib import sha256
from typing import NamedTuple

from firn_runtime.events import Event

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?\Z")


class Caller(NamedTuple):
    """The span of whatever started the run."""

    trace: bytes
    span: bytes


def caller(text: str | None) -> Caller | None:
    """Return what a `traceparent` names (W3C Trace Context, section 3.2); None where it names nothing."""
    found = _TRACEPARENT.match(text or "")
    return Caller(bytes.fromhex(found[1]), bytes.fromhex(found[2])) if found else None


class Identities:
    """The ids of one session of a run. All sessions of a run share a trace, unless each has a caller."""

    def __init__(self, started: Event, caller: Caller | None = None) -> None:
        detail = started.detail or {}
        self._run = f"{started.flow}\0{started.run}\0{detail.get('seed')}"
        self._session = detail.get("resumed")
        self.trace = caller.trace if caller else self._digest("trace")[:16]
        self.parent = caller.span if caller else b""

    def span(self, *place: str) -> bytes:
        """Return the id of the span of the run, of a job, or of a step."""
        return self._digest("span", self._session, *place)[:8]

    def uuid(self, *place: str) -> str:
        """Return the id by which lineage knows this session of the run, or one of its steps (RFC 9562, version 8)."""
        octets = bytearray(self._digest("lineage", self._session, *place)[:16])
        octets[6] = octets[6] & 0x0F | 0x80
        octets[8] = octets[8] & 0x3F | 0x80
        text = octets.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _digest(self, *words: object) -> bytes:
        return sha256("\0".join([self._run, *map(str, words)]).encode()).digest()
