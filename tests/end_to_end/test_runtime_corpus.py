"""Every folder R… of tests/corpus/invalid is one refusal or failure of the runtime, with all that the command says.

Where it holds an `answer.json`, a server on loopback gives that answer to every request; `$API` is its address.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parents[1] / "corpus" / "invalid"
CASES = sorted(path.parent for path in CORPUS.glob("R*/*/expected.txt"))
EXIT_CODES = {"R0": 2, "R1": 3, "R2": 4, "R3": 1}
CANARY = "CANARY-5up3r-s3cret"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_failure_is_answered_with_exactly_this_text(case: Path, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    shutil.copytree(case, work)
    out.mkdir()
    command = (case / "command.txt").read_text().replace("OUT", str(out))
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with serving(case / "answer.json") as address:
        environ |= {"API": address, "API_TOKEN": CANARY} if address else {}
        answer = subprocess.run(
            ["bash", "-c", f"({command}) 2>&1"], cwd=work, env=environ, text=True, check=False, stdout=subprocess.PIPE
        )
    text = normalised(answer.stdout, tmp_path)
    if os.environ.get("FIRN_ACCEPT"):
        (case / "expected.txt").write_text(text)
    assert text == (case / "expected.txt").read_text()
    assert answer.returncode == EXIT_CODES[case.parent.name[:2]]
    assert f"error[{case.parent.name}]" in text
    assert CANARY not in text
    assert "Traceback" not in text
    assert not (work / "out").exists() or list((work / "out").iterdir()) == []


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Serve the answer that a case holds, and give the address; nothing where it holds none."""
    if not file.exists():
        yield ""
        return
    given = json.loads(file.read_text())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(given.get("delay", 0))
            self.send_response(given["status"])
            headers = {"Content-Type": "application/json", "Content-Length": str(len(given["body"]))}
            for name, value in (headers | given.get("headers", {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given["body"].encode())

        def log_message(self, format: str, *words: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def normalised(text: str, folder: Path) -> str:
    """Replace what differs from run to run: folders, times and digests."""
    text = text.replace(str(folder), "FOLDER")
    return re.sub(r"\d+\.\d\d s", "0.00 s", re.sub(r"sha256:(?![01]{64})\w{64}", "sha256:…", text))


def test_the_corpus_is_there() -> None:
    assert len(CASES) > 20
