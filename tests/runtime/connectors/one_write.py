"""One write in a process of its own, for tests that kill it: `one_write.py FOLDER SINK`."""

import os
import sys
from pathlib import Path

from firn_runtime.errors import ConnectorError
from runtime.connectors.sinks import PUBLICATION, sink_of
from runtime.workbench import Workbench

BEGINS = "/the-write-begins"
"""A file that is not there: looking for it marks the place in a trace of system calls."""


def main(folder: str, text: str) -> None:
    """Publish, as the only thread that touches files."""
    sink = sink_of(text)
    work = Workbench(Path(folder), {"sink": sink.resource()}, threads=1)
    work.make("d", sink.sql)
    os.write(1, b"ready\n")
    os.path.exists(BEGINS)
    try:
        work.write(PUBLICATION, resource="sink", **sink.inputs)
    except ConnectorError as error:
        sys.exit(f"{error.error_class}: {error.message}")
    work.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
