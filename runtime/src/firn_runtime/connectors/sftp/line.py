"""A loop whose connections write once where a protocol has written often.

asyncssh sends an empty packet before every other one, and asyncio makes a system call of each: for small files they
take a third of the time. What is written until the loop turns goes out in one piece.
"""

import asyncio
from collections.abc import Callable
from typing import Any

_BLOCK = 1 << 16
"""Bytes that a protocol is given at once: asyncssh copies what is left of them for every packet that it takes out."""


class GatheringLoop(asyncio.SelectorEventLoop):
    """An event loop; only connections to a server are asked of it."""

    async def create_connection(self, protocol_factory: Callable[[], Any], *args: Any, **more: Any) -> Any:
        """Connect, with the line in between."""
        line = _Line(self, protocol_factory())
        await super().create_connection(lambda: line, *args, **more)
        return line, line.protocol


class _Line(asyncio.Transport, asyncio.Protocol):
    """A transport to its protocol, and a protocol to the loop's own transport."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        super().__init__()
        self.protocol = protocol
        self._loop = loop
        self._parts: list[bytes | bytearray | memoryview] = []
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), _BLOCK):
            self.protocol.data_received(data[begin : begin + _BLOCK])

    def eof_received(self) -> bool | None:
        answer: bool | None = self.protocol.eof_received()
        return answer

    def connection_lost(self, exc: Exception | None) -> None:
        self.protocol.connection_lost(exc)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._parts.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        closing: bool = self._transport.is_closing()
        return closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
