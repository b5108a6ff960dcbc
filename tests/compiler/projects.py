"""A small valid project as values, for tests that change one thing about it."""

from typing import Any

from firn_compiler.assembly import Request
from firn_compiler.pipeline import Compilation, compile_project
from firn_compiler.yaml_source import Source

FLOW = """\
name: hello
version: "1.0.0"
resources:
  src: {profile: files}
steps:
  - id: orders
    type: read
    inputs: {resource: src, path: orders.csv}
  - id: publish
    type: write
    inputs: {from: orders, resource: storage, path: orders.parquet, mode: replace}
"""
PLATFORM = """\
version: "1.0.0"
environment: test
storage:
  default: {type: local, root: out}
connectors:
  files: {type: local, config: {root: data}}
"""


def compiled(
    flow: str | bytes = FLOW, platform: str | bytes = PLATFORM, files: dict[str, str] | None = None, **variables: Any
) -> Compilation:
    """Compile texts; `files` are those that others name, by the path they name them with."""
    others = files or {}

    def read(_: str, path: str) -> Source | None:
        return Source(path, others[path].encode()) if path in others else None

    return compile_project(
        Request((source("flow.yaml", flow),), source("platform.yaml", platform), "", variables, read, lambda *_: None)
    )


def source(name: str, text: str | bytes) -> Source:
    """Return the text as a file."""
    return Source(name, text.encode() if isinstance(text, str) else text)
