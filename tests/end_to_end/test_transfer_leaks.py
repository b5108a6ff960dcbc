"""Servers of files and mail, and archives, that fail in every way while they know the secret: no byte holds it.

They repeat what they were told wherever a protocol lets them say something.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncssh
import pytest
import pyzipper

from end_to_end.leaking import FLOW, firn, variable
from end_to_end.searching import everything, found_in
from runtime.observe.receivers import Heard
from servers.front import certificate
from servers.mail import player
from servers.rogue_sftp import Doorkeeper, rogue, saying
from servers.samba import share
from servers.sshd import server

KEY = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
CANARIES = {
    "sftp-password": "canary-sftp'p4ss \\word/+=",
    "sftp-key": KEY,
    "smb-password": "canary$mb%22pässword9",
    "post-password": "canary+post=&w0rd-77",
    "zip-password": 'canary-zip "pass" 41',
}


class Parrot(asyncssh.SFTPServer):
    """Refuses everything, with the password in each reason and in each name."""

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        raise asyncssh.SFTPFailure(f"no {CANARIES['sftp-password']}")

    lstat = realpath = listdir = stat  # type: ignore[assignment]  # each of them says it


class Gossip(Doorkeeper):
    """Lets nobody in, and says to everybody what they said."""

    def validate_password(self, username: str, password: str) -> bool:
        raise asyncssh.PermissionDenied(f"not with {password}")


@pytest.fixture
def project(tmp_path: Path, heard: Heard) -> Iterator[Path]:
    with ExitStack() as stack:
        proof = certificate(tmp_path, "localhost")
        secret = CANARIES["post-password"]
        said = f"{secret} {base64.b64encode(f'{chr(0)}u{chr(0)}{secret}'.encode()).decode()}".encode()
        mails = {
            "post-login": {"AUTH": b"535 5.7.8 " + said + b"\r\n"},
            "post-sender": {"MAIL": b"550 " + said + b"\r\n"},
            "post-data": {".": b"554-" + said + b"\r\n554 " + said + b"\r\n"},
            "post-quiet": {"AUTH": b"close"},
        }
        ports = {name: stack.enter_context(player(answers, proof)).port for name, answers in mails.items()}
        sshd, parrot = server(), stack.enter_context(rogue(Parrot))
        gossip = stack.enter_context(rogue(door=Gossip))
        nonsense = stack.enter_context(saying(b"SSH-2.0-" + CANARIES["sftp-password"].encode() + b"\r\n"))
        samba = stack.enter_context(share())
        (tmp_path / "zips").mkdir()
        with pyzipper.AESZipFile(tmp_path / "zips/a.zip", "w", encryption=pyzipper.WZ_AES) as archive:
            archive.setpassword(b"another password")
            archive.writestr("a.csv", "a\n1\n")
        password, key = "password: {secret_ref: sftp-password}", "private_key: {secret_ref: sftp-key}"
        sftp = {
            "sftp-password": (sshd.port, sshd.known_hosts, password),
            "sftp-key": (sshd.port, sshd.known_hosts, key),
            "sftp-stranger": (sshd.port, sshd.known_hosts.replace(str(sshd.port), "1"), f"{password}, {key}"),
            "sftp-parrot": (parrot.port, parrot.known_hosts, password),
            "sftp-gossip": (gossip.port, gossip.known_hosts, password),
            "sftp-nonsense": (nonsense, f"[127.0.0.1]:{nonsense} ssh-ed25519 AAAA", password),
        }
        lines = [
            f"  {name}: {{type: sftp, config: {{host: 127.0.0.1, port: {port}, user: {sshd.user}, "
            f"known_hosts: {json.dumps(hosts)}, {more}}}, options: {{timeout: 5}}}}"
            for name, (port, hosts, more) in sftp.items()
        ]
        lines += [
            f"  {name}: {{type: smtp, config: {{host: localhost, port: {port}, user: u, from_addr: a@example.com, "
            f"ca_file: {proof.authority}, password: {{secret_ref: post-password}}}}, options: {{timeout: 5}}}}"
            for name, port in ports.items()
        ]
        lines += [
            f"  smb-password: {{type: smb, config: {{server: 127.0.0.1, port: {samba.port}, share: data, "
            f"user: {samba.user}, password: {{secret_ref: smb-password}}}}}}",
            "  zip-password: {type: pyzipper, config: {root: zips, password: {secret_ref: zip-password}}}",
        ]
        connectors = "\n".join(lines)
        (tmp_path / "platform.yaml").write_text(
            f"""\
version: "1.0.0"
environment: test
connectors:
{connectors}
observability: {{otlp_endpoint: "{heard.url}", lineage_endpoint: "{heard.url}"}}
state: {{backend: sqlite, path: state/state.db}}
workspace: {{root: work, cleanup: never}}
security: {{mode: internal_fast, secret_mounts: [secrets]}}
"""
        )
        steps = {
            "list": "type: list_files, inputs: {resource: NAME}",
            "fetch": "type: download, inputs: {resource: NAME, files: [a.csv], dest_dir: in-NAME}",
            "drop": "type: delete_files, inputs: {resource: NAME, files: [a.csv]}",
            "read": "type: read, inputs: {resource: NAME, path: a.csv}",
            "mail": "type: send_mail, inputs: {resource: NAME, to: b@example.com, subject: s, text: t}",
            "open": "type: archive_extract, inputs: {resource: NAME, archives: [a.zip], dest_dir: out}",
        }
        does = {"post": ("mail",), "zip": ("open",)}
        names = [*sftp, *ports, "smb-password", "zip-password"]
        jobs = [
            f"  - {{id: {name}-{step}, steps: [{{id: s, {steps[step].replace('NAME', name)}}}]}}"
            for name in names
            for step in does.get(name.partition("-")[0], ("list", "fetch", "drop", "read"))
        ]
        resources = "\n".join(f"  {name}: {{profile: {name}}}" for name in names)
        (tmp_path / "flow.yaml").write_text(FLOW.format(name="transfers", resources=resources, jobs="\n".join(jobs)))
        yield tmp_path


def test_no_byte_that_a_failed_transfer_makes_holds_a_secret(project: Path, heard: Heard) -> None:
    environ = {variable(name): value for name, value in CANARIES.items()}
    compiled = firn(project, environ, "compile", "flow.yaml", "-p", "platform.yaml")
    assert compiled.returncode == 0, compiled.stdout
    said = b""
    for words in (
        ["run", "--run-id", "r1", "--events", "events.jsonl"],
        ["run", "--resume", "r1", "--repeat-unsafe", "--log-format", "json", "--max-parallel", "4"],
        ["runs", "r1", "--json"],
        ["preflight", "--json", "--timeout", "10"],
    ):
        answer = firn(project, environ, *words)
        said += answer.stdout + answer.stderr
    events = [json.loads(line) for line in (project / "events.jsonl").read_text().splitlines()]
    status = {event["job"]: event["status"] for event in events if event["event"] == "job.finished"}
    assert {name for name, word in status.items() if word != "FAILED"} == set()
    assert {event["secret_ref"] for event in events if event["event"] == "secret.resolved"} == set(CANARIES)
    assert found_in(said, CANARIES) == []
    assert found_in(everything(project), CANARIES) == []
    assert found_in(heard.everything, CANARIES) == []
    failed = {name for span in heard.requests for name, one in span.spans.items() if one.status.code == 2}
    assert {f"step {job}.s" for job in status} <= failed
