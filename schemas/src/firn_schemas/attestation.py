"""What is said of an artifact and signed: an in-toto statement, and around it a DSSE envelope. Here is what both share.

In-toto Statement v1, SLSA provenance v1 and DSSE 1.0.2 give the words and forms.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

MAX_STATEMENT = 16 * 1024 * 1024
MAX_ENVELOPE = 2 * MAX_STATEMENT
"""Bytes of a file; Base64 makes a third more of a statement."""


def statement_path(artifact: Path) -> Path:
    """Return where the statement about an artifact lies: `x.json` → `x.intoto.json`."""
    return _beside(artifact, "intoto")


def envelope_path(artifact: Path) -> Path:
    """Return where its signatures lie, with what they sign: `x.json` → `x.dsse.json`."""
    return _beside(artifact, "dsse")


@contextmanager
def taking_turns(artifact: Path) -> Iterator[None]:
    """Wait until nobody else writes an artifact, a statement or an envelope in its folder: they belong together.

    The turn ends with the block, or the process. Where the file system keeps no locks, nobody waits.
    """
    with ExitStack() as held:
        with suppress(OSError):
            handle = os.open(artifact.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def signed_bytes(type: str, body: bytes) -> bytes:
    """Return what a signature is made over: DSSE's pre-authentication encoding (PAE) of a payload and its type."""
    return b"DSSEv1 %d %b %d %b" % (len(type.encode()), type.encode(), len(body), body)


def _beside(artifact: Path, word: str) -> Path:
    return artifact.with_name(f"{artifact.name.removesuffix('.json')}.{word}.json")
