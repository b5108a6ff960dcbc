"""A secret of fewer than 5 characters: refused before anything is touched, unless the platform allows it."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

FIRN = str(Path(sys.executable).parent / "firn")
SHORT = "q7z"
PLATFORM = """\
version: "1.0.0"
environment: test
security: {mode: internal_fast%s}
connectors:
  api:
    type: httpx
    config: {base_url: "http://127.0.0.1:9", bearer_token: {secret_ref: api-token}}
"""
FLOW = """\
name: f
version: "1.0.0"
resources: {api: {profile: api}}
steps:
  - {id: d, type: read, inputs: {resource: api, path: /things}}
"""


@pytest.mark.parametrize(
    ("word", "kept", "exit_code", "code"),
    [
        ("", None, 4, "R203"),
        (", allow_short_secrets: false", False, 4, "R203"),
        (", allow_short_secrets: true", True, 1, "R301"),
    ],
    ids=["not said", "false", "true"],
)
def test_the_platform_decides(tmp_path: Path, word: str, kept: bool | None, exit_code: int, code: str) -> None:
    (tmp_path / "platform.yaml").write_text(PLATFORM % word)
    (tmp_path / "flow.yaml").write_text(FLOW)

    def firn(*words: str) -> subprocess.CompletedProcess[str]:
        environ = os.environ | {"API_TOKEN": SHORT}
        return subprocess.run([FIRN, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert firn("compile", "flow.yaml", "-p", "platform.yaml").returncode == 0
    security = orjson.loads((tmp_path / "compiled_artifacts.json").read_bytes())["payload"]["security"]
    assert security.get("allow_short_secrets") is kept
    answer = firn("run")
    assert answer.returncode == exit_code
    assert f"[{code}]" in answer.stdout + answer.stderr
    assert SHORT not in answer.stdout + answer.stderr
