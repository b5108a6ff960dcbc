"""A mail server that cannot be trusted, goes away or says no: nothing leaves unencrypted, and what is said is true."""

import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, Options, run_artifact
from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.errors import ConnectorError, UsageError
from firn_runtime.events import Event, Failure
from firn_runtime.mail import Mail
from firn_schemas.mail_address import parsed
from firn_schemas.secret import Secret
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.refusals import refused
from runtime.workbench import connector
from servers.front import Certificate, certificate
from servers.mail import CLOSE, SILENCE, Mailbox, mail_server, player
from servers.postgres import free_port

CANARY = "canary-7d793037"
STOPPED = Failure("R309", "process", "the run was stopped")


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("smtp"))


def smtp(port: int, proof: Certificate | None = None, **more: Any) -> Any:
    """Make a connector that logs in over TLS where there is a certificate, and else is nobody to a local server."""
    settings: dict[str, Any] = {"host": "localhost", "port": port, "from_addr": "r@example.com"}
    settings |= {"ca_file": str(proof.authority), "user": "r", "password": Secret(CANARY)} if proof else {"tls": "none"}
    made = connector("mail", "smtp", **(settings | more))
    made.connect()
    return made


def letter(**parts: Any) -> Mail:
    ann = parsed("ann@example.com")
    assert ann is not None
    mail = Mail([ann], [], [], "Done", f"{CANARY} text", None, [], "0" * 32, datetime.now(UTC))
    return mail._replace(**parts)


def sending(made: Any, mail: Mail | None = None) -> ConnectorError:
    return refused(lambda: made.send(mail or letter(), lambda: None))


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"EHLO": b"250-fake\r\n250 AUTH PLAIN\r\n"}, "does not offer STARTTLS"),
        ({"EHLO": b"250 fake\r\n"}, "does not offer STARTTLS"),
        ({"STARTTLS": b"454 not now\r\n"}, "refuses STARTTLS (454 not now)"),
        ({"STARTTLS": b"502 what?\r\n"}, "refuses STARTTLS (502 what?)"),
        ({"STARTTLS": b"250 fine\r\n"}, "refuses STARTTLS (250 fine)"),
        ({"STARTTLS": b"\x16\x03\x01 garbage\r\n"}, "is no SMTP"),
        ({"STARTTLS": b"220 go\r\n250-fake\r\n250 AUTH PLAIN\r\n"}, "said more before TLS than it was asked"),
        ({"STARTTLS": b"220 go\r\n"}, "comes about"),
        ({"STARTTLS": CLOSE}, "broke when it was asked for TLS"),
    ],
)
def test_without_tls_neither_login_nor_mail_leaves(proof: Certificate, answers: dict[str, bytes], message: str) -> None:
    with player(answers) as server:
        error = sending(smtp(server.port, proof, options={"timeout": 5}))
        assert message in error.message
        assert error.error_class in ("connection", "server_error")
        assert b"AUTH" not in server.told
        assert b"MAIL" not in server.told
        assert CANARY.encode() not in server.told
        assert b64encode(f"\0r\0{CANARY}".encode()) not in server.told


@pytest.mark.parametrize("implicit", [False, True])
def test_the_certificate_must_be_trusted_and_for_this_host(proof: Certificate, implicit: bool, tmp_path: Path) -> None:
    box, tls = Mailbox(), "tls" if implicit else "starttls"
    with mail_server(box, proof, CANARY, implicit=implicit) as port:
        smtp(port, proof, tls=tls).send(letter(), lambda: None)
        strangers = certificate(tmp_path)
        for made, said in (
            (smtp(port, strangers, tls=tls), "is from no authority that is trusted"),
            (smtp(port, proof, tls=tls, ca_file=None), "is from no authority that is trusted"),
            (smtp(port, proof, tls=tls, host="127.0.0.1"), "is for another name"),
        ):
            assert sending(made).message.endswith(said)
        assert (len(box.received), box.encrypted) == (1, [True])


def test_implicit_tls_and_starttls_are_not_mixed_up(proof: Certificate) -> None:
    with mail_server(Mailbox(), proof, CANARY) as port:
        error = sending(smtp(port, proof, tls="tls"))
        assert error.message.startswith("no TLS connection")
        assert "port 465" in error.help
    with mail_server(Mailbox(), proof, CANARY, implicit=True) as port:
        assert sending(smtp(port, proof, options={"timeout": 1})).error_class in (
            "timeout",
            "connection",
            "server_error",
        )


def test_mail_without_encryption_stays_on_this_machine_unless_the_platform_says_so() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        smtp(25, host=host)
    error = refused(lambda: smtp(25, host="mail.example.com"))
    assert (error.error_class, error.message) == ("connection", "with `tls: none` mail does not leave this machine")
    smtp(25, host="mail.example.com", allow_plaintext=True)


@pytest.mark.parametrize("more", [{}, {"allow_plaintext": True}, {"host": "mail.example.com", "allow_plaintext": True}])
def test_nobody_logs_in_over_a_clear_connection(more: dict[str, Any]) -> None:
    error = refused(lambda: smtp(25, user="r", password=Secret(CANARY), **more))
    assert (error.error_class, error.message) == ("auth", "with `tls: none` nobody logs in")


@pytest.mark.parametrize(
    ("settings", "error_class"),
    [
        ({"from_addr": "r@example.com\r\nBcc: x@y.z"}, "data"),
        ({"from_addr": "nobody"}, "data"),
        ({"tls": "starttls", "user": "r"}, "auth"),
        ({"tls": "starttls", "password": Secret(CANARY)}, "auth"),
        ({"tls": "starttls", "ca_file": "/nowhere"}, "connection"),
    ],
)
def test_settings_that_cannot_be_right_are_refused_before_anyone_is_called(
    settings: dict[str, Any], error_class: str
) -> None:
    assert refused(lambda: smtp(25, **settings)).error_class == error_class


def test_a_local_server_takes_mail_from_nobody() -> None:
    box = Mailbox()
    with mail_server(box, None, CANARY) as port:
        smtp(port).send(letter(), lambda: None)
    assert (len(box.received), box.encrypted) == (1, [False])


@pytest.mark.parametrize("ways", ["PLAIN LOGIN", "LOGIN", "login XOAUTH2"])
def test_a_login_is_plain_or_login(proof: Certificate, ways: str) -> None:
    offered = f"250-fake\r\n250-STARTTLS\r\n250 AUTH {ways}\r\n".encode()
    answers = {"EHLO": offered} | ({} if "PLAIN" in ways else {"AUTH": b"334 user\r\n"})
    secret = b64encode(CANARY.encode()).decode().upper()
    answers |= {b64encode(b"r").decode().upper(): b"334 password\r\n", secret: b"235 ok\r\n"}
    with player(answers, proof) as server:
        smtp(server.port, proof).send(letter(), lambda: None)
        assert server.told.count(b"EHLO") == 2


@pytest.mark.parametrize(
    ("answers", "error_class", "message"),
    [
        ({"AUTH": b"535 bad AUTH " + b64encode(f"\0r\0{CANARY}".encode()) + b"\r\n"}, "auth", "is refused (535)"),
        ({"AUTH": b"334 more\r\n"}, "server_error", "said no at the login (334)"),
        ({"AUTH": b"454 " + CANARY.encode() + b"\r\n"}, "server_error", "said no at the login (454)"),
        ({"AUTH": b"504 no\r\n"}, "auth", "is refused (504)"),
        ({"EHLO": b"250-fake\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5\r\n"}, "auth", "offers no login"),
    ],
)
def test_a_login_that_is_refused_says_no_word_of_the_server(
    proof: Certificate, answers: dict[str, bytes], error_class: str, message: str
) -> None:
    with player(answers, proof) as server:
        error = sending(smtp(server.port, proof))
        assert (error.error_class, message in error.message) == (error_class, True)
        assert b"MAIL" not in server.told


def test_a_wrong_password_is_refused_by_a_real_server(proof: Certificate) -> None:
    box = Mailbox()
    with mail_server(box, proof, "another") as port:
        assert sending(smtp(port, proof)).error_class == "auth"
    assert box.received == []


STAGES = {
    "greeting": "before its greeting",
    "EHLO": "when it was greeted",
    "AUTH": "at the login",
    "MAIL": "when it was told the sender",
    "RCPT": "when it was told a recipient",
    "DATA": "before the message",
    ".": "after the message",
}


@pytest.mark.parametrize("word", [word for word in STAGES if word != "AUTH"])
@pytest.mark.parametrize("how", [CLOSE, b"25", b"250-half\r\n", SILENCE])
def test_a_server_that_goes_away_is_named_with_the_step(word: str, how: bytes) -> None:
    with player({word: how}) as server:
        error = sending(smtp(server.port, options={"timeout": 1}))
        if word == ".":
            assert error.error_class == "process"
            assert error.message.endswith(
                "has not said whether it takes the message: it may have been delivered, or not"
            )
            assert f"<{'0' * 32}@example.com>" in error.help
        else:
            assert error.error_class in ("connection", "timeout")
            assert b"." not in server.told.split(b"\r\n")


@pytest.mark.parametrize("word", ["EHLO", "AUTH"])
def test_a_server_that_closes_within_tls_is_named_with_the_step(proof: Certificate, word: str) -> None:
    with player({word: CLOSE}, proof) as server:
        error = sending(smtp(server.port, proof))
        assert (error.error_class, error.message.endswith(f"broke {STAGES[word]}")) == ("connection", True)


@pytest.mark.parametrize(
    ("word", "answer", "error_class"),
    [
        ("greeting", b"421 busy\r\n", "rate_limited"),
        ("greeting", b"554 go away\r\n", "server_error"),
        ("EHLO", b"502 what\r\n", "server_error"),
        ("MAIL", b"530 log in first\r\n", "auth"),
        ("MAIL", b"451 later\r\n", "rate_limited"),
        ("MAIL", b"550 not you\r\n", "data"),
        ("MAIL", b"432 strange\r\n", "server_error"),
        ("RCPT", b"450 grey\r\n", "rate_limited"),
        ("RCPT", b"552 full\r\n", "data"),
        ("DATA", b"554 no\r\n", "data"),
        ("DATA", b"250 what\r\n", "server_error"),
        (".", b"452 full\r\n", "rate_limited"),
        (".", b"550-spam\r\n550 really\r\n", "data"),
    ],
)
def test_every_refusal_has_its_class(word: str, answer: bytes, error_class: str) -> None:
    with player({word: answer}) as server:
        error = sending(smtp(server.port))
        assert (error.error_class, answer[:3].decode() in error.message) == (error_class, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"no smtp\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"2500 x\r\n",
        b"\xff\xfe\xfd\r\n",
        b"x" * 100_000,
        b"250-more\r\n" * 10_000 + b"250 end\r\n",
        "٢٥٠ ok\r\n".encode(),
        b"550-no\r\n250 yes\r\n",
        b"250-yes\r\n550 no\r\n",
    ],
)
def test_what_is_no_smtp_is_said_and_ends_soon(answer: bytes) -> None:
    with player({"EHLO": answer}) as server:
        error = sending(smtp(server.port))
        assert (error.error_class, error.message.endswith("said when it was greeted is no SMTP")) == (
            "server_error",
            True,
        )


@pytest.mark.parametrize("answer", [b"550-no\r\n250 yes\r\n", b"354 what\r\n", b"251 somewhere\r\n"])
def test_a_message_that_is_neither_taken_nor_refused_may_have_arrived(answer: bytes) -> None:
    with player({".": answer}) as server:
        error = sending(smtp(server.port))
        assert (error.error_class, error.message.endswith("it may have been delivered, or not")) == ("process", True)


def test_words_of_the_server_are_cut_and_cleaned() -> None:
    with player({"MAIL": b"550-\x1b[31mred\x07\r\n550 \xe2\x80\xae" + b"x" * 1900 + b"\r\n"}) as server:
        error = sending(smtp(server.port))
        assert error.message.endswith(f"said no when it was told the sender (550 [31mred {'x' * 192}…)")


def test_nothing_answers() -> None:
    assert sending(smtp(free_port())).message.startswith("nothing answers at `localhost:")
    for host in ("mail.invalid", "a..b", "x" * 300):
        assert "cannot be resolved" in sending(smtp(25, host=host, allow_plaintext=True)).message


def test_a_lost_lease_keeps_the_message_back() -> None:
    def lost() -> None:
        raise ConnectorError("conflict", "lost")

    with player({}) as server:
        made = smtp(server.port)
        assert refused(lambda: made.send(letter(), lost)).error_class == "conflict"
        assert b"DATA" not in server.told


@pytest.fixture
def token() -> Iterator[Token]:
    made = Token()
    with working_for(made):
        yield made


@pytest.mark.parametrize("word", ["greeting", "EHLO", "MAIL", "DATA"])
def test_a_server_that_never_answers_is_left_when_the_run_stops(token: Token, word: str) -> None:
    with player({word: SILENCE}) as server:
        made = smtp(server.port, options={"timeout": 600})
        threading.Timer(0.2, token.cancel, [STOPPED]).start()
        with pytest.raises(Ended):
            made.send(letter(), lambda: None)


def test_a_handshake_that_never_ends_is_left_when_the_run_stops(proof: Certificate, token: Token) -> None:
    with player({"greeting": SILENCE}) as server:
        made = smtp(server.port, proof, tls="tls", options={"timeout": 600})
        threading.Timer(0.2, token.cancel, [STOPPED]).start()
        with pytest.raises(Ended):
            made.send(letter(), lambda: None)


def test_a_server_that_answers_a_letter_at_a_time_does_not_outlast_the_timeout() -> None:
    with player({"EHLO": SILENCE, "greeting": b"220-x\r\n"}) as server:
        with pytest.raises((Ended, ConnectorError)) as caught:
            smtp(server.port, options={"timeout": 1}).send(letter(), lambda: None)
        assert "within" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "answer"), [("greeting", CLOSE), ("STARTTLS", b"502 no\r\n"), ("AUTH", b"535 no\r\n")]
)
def test_a_preflight_says_what_a_run_would_meet(proof: Certificate, word: str, answer: bytes) -> None:
    with player({word: answer}, proof) as server:
        made = smtp(server.port, proof)
        error = refused(lambda: list(made.probe([])))
        assert error.error_class == ("auth" if word == "AUTH" else "connection")


def test_a_preflight_logs_in_and_sends_nothing(proof: Certificate) -> None:
    with player({}, proof) as server:
        seen = list(smtp(server.port, proof).probe([]))
        assert [(one.check, one.status) for one in seen] == [("connection", "ok"), ("login", "ok")]
        until(lambda: b"QUIT" in server.told)
        assert b"AUTH" in server.told
        assert b"MAIL" not in server.told


def until(holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


def flow(port: int, **parts: Any) -> dict[str, Any]:
    """Return a flow that sends one mail."""
    tell = step("tell", "send_mail", resource="mail", to="ann@example.com", subject="Done")
    config = {"host": "localhost", "port": port, "from_addr": "r@example.com", "tls": "none"}
    one = job("main", tell | {"repeatable": False} | parts)
    return payload(one, names={"mail": "mail"}, resources={"mail": resource("mail", "smtp", config)})


def test_a_mail_that_may_have_been_sent_is_not_sent_again_unasked(tmp_path: Path) -> None:
    events: list[Event] = []
    retry = {"max_attempts": 3, "backoff": 0, "max_backoff": 0, "on": ["connection", "timeout", "server_error"]}
    with player({".": CLOSE}) as server:
        artifact = spelled(flow(server.port, retry=retry))
        result = run_artifact(artifact, Edge({}, tmp_path, [events.append], run_id="r1"), Options())
        assert result.status == "FAILED"
        assert [one.name for one in events if one.name == "step.retried"] == []
        with pytest.raises(UsageError) as caught:
            run_artifact(artifact, Edge({}, tmp_path), Options(resume="r1"))
        assert caught.value.code == "R407"
        server.answers["."] = b"250 ok\r\n"
        assert run_artifact(artifact, Edge({}, tmp_path), Options(resume="r1", repeat_unsafe=True)).status == "SUCCESS"
        ids = [line for line in server.told.split(b"\r\n") if line.startswith(b"Message-ID")]
        assert (len(ids), len(set(ids))) == (2, 1)


def test_a_busy_server_is_asked_again_by_a_retry(tmp_path: Path) -> None:
    retry = {"max_attempts": 3, "backoff": 0, "max_backoff": 0, "on": ["rate_limited"]}
    with player({"RCPT": b"450 grey\r\n"}) as server:
        assert run_artifact(spelled(flow(server.port, retry=retry)), Edge({}, tmp_path), Options()).status == "FAILED"
        assert server.told.count(b"RCPT") == 3


def test_a_run_that_is_told_to_end_does_not_wait_for_a_mute_server(tmp_path: Path) -> None:
    with player({"DATA": SILENCE}) as server:
        (tmp_path / "c.json").write_bytes(spelled(flow(server.port)))
        words = [str(Path(sys.executable).with_name("firn")), "run", "c.json", "--grace", "0"]
        run = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(lambda: b"DATA" in server.told)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=30)
        assert run.returncode == 143
        words = [words[0], "run", "c.json", "--resume", "last"]
        again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (again.returncode, "R407" in again.stderr + again.stdout) == (2, True)
