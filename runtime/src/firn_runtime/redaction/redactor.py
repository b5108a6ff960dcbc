"""The registry of a run's secrets, and what masks them in texts, JSON values and bytes."""

import re
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from firn_schemas.base import Json
from firn_schemas.secret import MASK, Secret

if TYPE_CHECKING:
    from firn_runtime.redaction.known import Known
    from firn_runtime.redaction.stream import ByteStream

_PADDING = re.compile(r"(?:=|%3[Dd]|\\u003[dD])+(?!\w)")
"""What ends a masked base64 text: it would tell the length of the value, modulo three."""

_TOUCHING = re.compile(r"\*{4,}")

_ROUNDS = 8
"""Masking may bring together what stood apart, so that it is masked again; text that never settles is not known."""


class Redactor:
    """Replaces every secret that it was given by `***`, however it is spelled; the length of the mask tells nothing.

    Safe to use from several threads, also while secrets are added.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: Known | None = None

    def add(self, secret: Secret) -> None:
        """Mask the value of `secret` from now on."""
        with self._lock:
            known = self._known
            if known is None:
                from firn_runtime.redaction.known import Known

                known = Known()
            known.add(secret.reveal().encode(errors="replace").decode())  # a lone surrogate raises nothing
            self._known = known

    def text(self, text: str) -> str:
        """Return the text with every secret masked; the same object where it holds none."""
        return text if self._known is None else settled(text, self.places)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are in the text, as (start, end), in no order; places may overlap."""
        return self._known.places(text) if self._known is not None else []

    def value(self, value: Json) -> Json:
        """Return the JSON value with every string in it masked, keys too; numbers stay as they are."""
        if self._known is None:
            return value
        return self._value(value)

    def _value(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._value(one) for key, one in value.items()}
        if isinstance(value, list):
            return self._list(value)
        return value

    def _list(self, items: list[Json]) -> list[Json]:
        """Mask each item, and together a secret whose characters are items of their own."""
        if len(items) > 1 and all(isinstance(one, str) and len(one) < 3 for one in items):
            together = "".join(map(str, items))
            return list(items) if self.text(together) == together else [MASK]
        return [self._value(one) for one in items]

    def bytes(self, content: bytes) -> bytes:
        """Return the output of a process with every secret masked; what is not UTF-8 stays as it is."""
        if self._known is None:
            return content
        text = content.decode("utf-8", "surrogateescape")
        masked = self.text(text)
        return content if masked is text else masked.encode("utf-8", "surrogateescape")

    def stream(self) -> "ByteStream":
        """Return what masks output that comes in chunks, also a secret that is split between two of them."""
        from firn_runtime.redaction.stream import ByteStream

        return ByteStream(self)


def settled(text: str, places: Callable[[str], list[tuple[int, int]]]) -> str:
    """Return the text with a mask in every place that `places` finds in it, and in what that leaves."""
    for _ in range(_ROUNDS):
        found = places(text)
        if not found:
            break
        text = _masked(text, found)
    return text


def _masked(text: str, places: list[tuple[int, int]]) -> str:
    """Return the text with a mask in each place, and one mask where places touch."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(places):
        if start > done or not parts:
            parts += [text[done:start], MASK]
        padding = _PADDING.match(text, end) if end >= done else None
        done = max(done, padding.end() if padding else end)
    return _TOUCHING.sub(MASK, "".join([*parts, text[done:]]))
