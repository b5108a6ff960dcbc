"""Mail as a user meets it: compiled, run and looked at before; a dataset goes into it in one pass; no secret leaks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.front import certificate
from servers.mail import Mailbox, mail_server

FIRN = Path(sys.executable).with_name("firn")
CANARY = "canary-e4da3b7f-P4ss"

PLATFORM = """\
version: "1.0.0"
storage:
  default: {{type: local, root: out}}
connectors:
  files: {{type: local, config: {{root: data}}}}
  mail:
    type: smtp
    config:
      host: localhost
      port: {port}
      user: reports
      password: {{secret_ref: mail, key: password}}
      from_addr: reports@example.com
      ca_file: {authority}
"""
HEAD = """\
name: report
version: "1.0.0"
resources:
  shop: {profile: files}
  mail: {profile: mail}
steps:
  - {id: orders, type: read, inputs: {resource: shop, path: orders.csv}}
"""
TELL = """\
  - id: tell
    type: send_mail
    inputs:
      resource: mail
      to: ann@example.com
      subject: "{{ flow.name }}"
      text: "Run {{ run.id }}"
      attachments: [FILES]
"""
ONE = "{from: orders, name: orders.csv}"


class Project:
    """A folder with a flow and a platform, whose server is running."""

    def __init__(self, folder: Path, box: Mailbox) -> None:
        self.folder, self.box = folder, box

    def firn(self, *words: str, password: str = CANARY) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"MAIL_PASSWORD": password}
        answer = subprocess.run([str(FIRN), *words], cwd=self.folder, capture_output=True, text=True, env=env)
        assert CANARY not in answer.stdout + answer.stderr
        return answer

    def compiled(self, *files: str) -> dict[str, str | None]:
        """Compile a flow that mails these; return into which step each one is streamed."""
        (self.folder / "flow.yaml").write_text(HEAD + TELL.replace("FILES", ", ".join(files)))
        answer = self.firn("compile", "flow.yaml", "-p", "platform.yaml", "-o", "c.json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        (job,) = json.loads((self.folder / "c.json").read_text())["payload"]["flows"]["report"]["jobs"]
        return {step["id"]: step.get("streamed_into") for step in job["steps"]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/orders.csv").write_text("id,name\n1,=x\n2,y\n")
    proof, box = certificate(tmp_path), Mailbox()
    with mail_server(box, proof, CANARY) as port:
        (tmp_path / "platform.yaml").write_text(PLATFORM.format(port=port, authority=proof.authority))
        yield Project(tmp_path, box)


def attached(project: Project) -> dict[str | None, Any]:
    (mail,) = project.box.received
    return {one.get_filename(): one.get_payload(decode=True) for one in mail.message.iter_attachments()}


def test_a_dataset_that_only_the_mail_reads_is_streamed_into_it(project: Project) -> None:
    assert project.compiled(ONE) == {"orders": "tell", "tell": None}
    answer = project.firn("run", "c.json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert attached(project) == {"orders.csv": b"id,name\n1,'=x\n2,y\n"}
    assert project.box.received[0].message["Subject"] == "report"
    everything = [path for path in project.folder.rglob("*") if path.is_file()]
    assert [path.name for path in everything if CANARY.encode() in path.read_bytes()] == []


def test_a_dataset_that_is_attached_twice_is_kept(project: Project) -> None:
    assert project.compiled(ONE, "{from: orders, name: orders.json}")["orders"] is None
    assert project.firn("run", "c.json").returncode == 0
    assert sorted(map(str, attached(project))) == ["orders.csv", "orders.json"]


def test_a_stream_that_fails_is_named_and_no_mail_is_sent(project: Project) -> None:
    project.compiled(ONE)
    (project.folder / "data/orders.csv").unlink()
    answer = project.firn("run", "c.json")
    assert (answer.returncode, project.box.received) == (1, [])
    assert "orders.csv" in answer.stdout + answer.stderr


def test_a_password_that_is_refused_is_not_shown(project: Project) -> None:
    project.compiled(ONE)
    answer = project.firn("run", "c.json", password=f"not-{CANARY}")
    assert (answer.returncode, project.box.received) == (1, [])
    assert "R303" in answer.stdout + answer.stderr


def test_a_preflight_logs_in_and_sends_nothing(project: Project) -> None:
    project.compiled(ONE)
    answer = project.firn("preflight", "c.json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "the connection is encrypted" in answer.stdout
    assert (project.box.received, project.box.logins) == ([], [b"reports"])
    assert project.firn("preflight", "c.json", password=f"not-{CANARY}").returncode == 6
