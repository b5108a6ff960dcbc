"""Flows that know secrets, and tell whoever listens what they do; run as a person does it."""

import os
import subprocess
import sys
from pathlib import Path

FLOW = """\
name: {name}
version: "1.0.0"
observability: {{traces: true, metrics: true, lineage: true}}
resources:
{resources}
jobs:
{jobs}
"""


def firn(folder: Path, environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command with these variables beside the usual ones."""
    usual = {key: value for key, value in os.environ.items() if not key.startswith("FIRN")}
    command = [str(Path(sys.executable).parent / "firn"), *words]
    answer = subprocess.run(command, cwd=folder, capture_output=True, check=False, env=usual | environ, timeout=300)
    assert b"Traceback" not in answer.stdout + answer.stderr
    return answer


def variable(name: str) -> str:
    """Return the variable that may hold a secret."""
    return name.upper().replace("-", "_")
