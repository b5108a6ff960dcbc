"""What is compared: a scanner takes a file's name and content and returns how many secrets it found."""

import logging
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

Scanner = Callable[[str, bytes], int]


def firn_findings(name: str, content: bytes) -> int:
    """Return how many secrets Firn finds in a file."""
    from firn_compiler.leaks import in_file

    return len(in_file(name, content.decode("utf-8-sig", "replace")))


def reading(content: bytes) -> float:
    """Return the CPU seconds that Firn takes to read a file without looking at it."""
    from firn_compiler.yaml_source.loose import parse_loosely

    text = content.decode()
    start = time.process_time()
    parse_loosely("flow.yaml", text)
    return time.process_time() - start


def firn(_: ExitStack) -> Scanner:
    return firn_findings


def detect_secrets(suffix: str) -> Callable[[ExitStack], Scanner]:
    """Return plain detect-secrets with its default plug-ins on files of another suffix; empty keeps the name."""

    def prepare(stack: ExitStack) -> Scanner:
        from detect_secrets.core.secrets_collection import SecretsCollection  # type: ignore[import-untyped,unused-ignore]
        from detect_secrets.settings import default_settings  # type: ignore[import-untyped,unused-ignore]

        logging.getLogger("detect_secrets").setLevel(logging.CRITICAL)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(default_settings())

        def findings(name: str, content: bytes) -> int:
            path = folder / Path(name).name
            path = path.with_suffix(suffix) if suffix else path
            path.write_bytes(content)
            found = SecretsCollection()
            try:
                found.scan_file(str(path))
            finally:
                path.unlink()
            return len(list(found))

        return findings

    return prepare


SCANNERS: dict[str, Callable[[ExitStack], Scanner]] = {
    "firn": firn,
    "detect-secrets": detect_secrets(""),
    "detect-secrets-txt": detect_secrets(".txt"),
}
