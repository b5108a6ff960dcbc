"""One event a line, as JSON, for machines."""

from typing import BinaryIO

import orjson

from firn_runtime.events import Event


class JsonLines:
    """Writes every event as one line."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out

    def __call__(self, event: Event) -> None:
        """Write the event."""
        self.out.write(orjson.dumps(event.as_json(), option=orjson.OPT_APPEND_NEWLINE))
        self.out.flush()
