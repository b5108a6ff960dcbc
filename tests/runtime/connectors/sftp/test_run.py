"""A whole run with an SFTP server: what it reads and writes, how it is ended, and that it tells nobody its key."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from firn_runtime import Edge, Options, run_artifact
from firn_runtime.events import Event
from runtime.artifacts import job, payload, resource, spelled, step
from servers.rogue_sftp import Line
from servers.sshd import Server, server

FIRN = str(Path(sys.executable).parent / "firn")
SECRETS: list[dict[str, Any]] = [
    {"ref": "partner-key", "key": None, "variable": "PARTNER_KEY", "used_by": []},
    {"ref": "partner-password", "key": None, "variable": "PARTNER_PASSWORD", "used_by": []},
]


def artifact(sshd: Server, folder: Path, *steps: dict[str, Any], **config: Any) -> list[str]:
    """Write the artifact of a flow of one job; return the command that runs it."""
    settings = {
        "host": sshd.host,
        "port": sshd.port,
        "user": sshd.user,
        "private_key": {"$secret": {"ref": "partner-key"}},
        "password": {"$secret": {"ref": "partner-password"}},
        "known_hosts": "known_hosts",
    }
    partner = resource("sftp", "asyncssh", settings | config)
    requires = {"connectors": [], "environment": [], "secrets": SECRETS}
    body = payload(job("a", *steps), names={"partner": "partner"}, resources={"partner": partner}, requires=requires)
    (folder / "a.json").write_bytes(spelled(body))
    (folder / "known_hosts").write_text(f"{sshd.known_hosts}\n[127.0.0.1]:* {sshd.host_key}\n")
    return [FIRN, "run", "a.json", "--log-format", "json"]


def environment(sshd: Server) -> dict[str, str]:
    return {**os.environ, "PARTNER_KEY": sshd.private_key, "PARTNER_PASSWORD": sshd.password}


def silent(sshd: Server, *outputs: str) -> None:
    for text in outputs:
        assert sshd.password not in text
        assert sshd.private_key.splitlines()[2] not in text


def test_a_run_reads_and_writes(tmp_path: Path) -> None:
    sshd = server()
    root = sshd.root()
    (root / "in.csv").write_text("n\n1\n2\n")
    read = step("d", "read", resource="partner", path="*.csv")
    write = step("w", "write", resource="partner", path="out/x.parquet", mode="replace", **{"from": "d"})
    command = artifact(sshd, tmp_path, read, write, root=str(root))
    done = subprocess.run(command, cwd=tmp_path, env=environment(sshd), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one.name for one in (root / "out").iterdir()] == ["x.parquet"]
    silent(sshd, done.stdout)


def test_a_run_that_meets_another_host_key_fails_and_says_which(tmp_path: Path) -> None:
    sshd = server()
    command = artifact(sshd, tmp_path, step("d", "read", resource="partner", path="*.csv"), known_hosts="known_hosts")
    (tmp_path / "known_hosts").write_text(f"example.com {sshd.host_key}\n")
    done = subprocess.run(command, cwd=tmp_path, env=environment(sshd), capture_output=True, text=True)
    assert done.returncode == 1
    assert sshd.fingerprint in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    silent(sshd, done.stdout, done.stderr)


def test_a_server_that_was_down_at_first_is_called_again_by_a_retry(tmp_path: Path) -> None:
    sshd, line = server(), Line(server().port)
    line.left = 0
    retry = {"max_attempts": 3, "backoff": 0.01, "max_backoff": 1, "on": ["connection"]}
    listed = step("l", "list_files", resource="partner") | {"retry": retry}
    artifact(sshd, tmp_path, listed, root=str(sshd.root()), port=line.port)

    def mend(event: Event) -> None:
        if event.name == "step.retried":
            line.left = None

    try:
        result = run_artifact(tmp_path / "a.json", Edge(environment(sshd), tmp_path, [mend]))
    finally:
        line.close()
    (one,) = result.jobs[0].steps
    assert (one.status, one.attempts, line.calls) == ("SUCCESS", 2, 2)


def test_that_one_step_ran_out_of_time_to_connect_is_no_reason_for_another(tmp_path: Path) -> None:
    sshd = server()
    with socket.create_server(("127.0.0.1", 0)) as silent_one:
        line = Line(silent_one.getsockname()[1])
        listed = step("l", "list_files", resource="partner")
        artifact(sshd, tmp_path, root=str(sshd.root()), port=line.port)
        body = json.loads((tmp_path / "a.json").read_bytes())["payload"]
        body["flows"]["flow"]["jobs"] = [job("a", listed | {"timeout": 0.5}), job("b", listed)]
        (tmp_path / "a.json").write_bytes(spelled(body))

        def mend(event: Event) -> None:
            if event.name == "job.finished":
                line._to = sshd.port

        try:
            edge = Edge(environment(sshd), tmp_path, [mend])
            result = run_artifact(tmp_path / "a.json", edge, Options(max_parallel=1))
        finally:
            line.close()
    assert [one.status for one in result.jobs] == ["FAILED", "SUCCESS"]


def test_sigterm_ends_a_transfer(tmp_path: Path) -> None:
    sshd = server()
    root, line = sshd.root(), Line(sshd.port)
    with (root / "large.csv").open("wb") as file:
        file.truncate(1_000_000_000)
    line.pause = 0.01
    read = step("d", "read", resource="partner", path="large.csv")
    command = artifact(sshd, tmp_path, read, root=str(root), port=line.port)
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(sshd), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "step.started":
            pass
        while line.passed < 1_000_000:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        line.close()
        (root / "large.csv").unlink()
    assert process.returncode == 143
    assert "the run was stopped by SIGTERM" in rest
    silent(sshd, rest, errors)
