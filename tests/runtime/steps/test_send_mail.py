"""Mail: what a message holds, who gets it, and what keeps it from being sent. The server is a real one."""

import csv
import io
import json
from collections.abc import Callable
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.workbench import Workbench, connector
from servers.front import Certificate, certificate
from servers.mail import Mailbox, Received, mail_server

Make = Callable[..., Workbench]
CANARY = "canary-5d41402a"
MESSAGE = {"resource": "mail", "to": "ann@example.com", "subject": "Done", "text": "It is done."}


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("mail"))


class Post:
    """A server, and a workbench that may log in."""

    def __init__(self, work: Workbench, mailbox: Mailbox) -> None:
        self.work, self.mailbox = work, mailbox

    def send(self, id: str = "tell", **inputs: Any) -> Received:
        self.result = self.work.do("send_mail", MESSAGE | inputs, id)
        return self.mailbox.received[-1]

    def refused(self, **inputs: Any) -> ConnectorError:
        before = len(self.mailbox.received)
        with pytest.raises(ConnectorError) as caught:
            self.work.do("send_mail", MESSAGE | inputs, "tell")
        assert CANARY not in caught.value.message + caught.value.help
        assert len(self.mailbox.received) == before
        return caught.value


@pytest.fixture
def post(bench: Make, proof: Certificate) -> Any:
    box = Mailbox({"gone@example.com": "550 no such user", "full@example.com": "452 try later"})
    with mail_server(box, proof, CANARY, enable_SMTPUTF8=True) as port:
        yield Post(bench(mail=mail(port, proof)), box)


def mail(port: int, proof: Certificate, **more: Any) -> Any:
    settings: dict[str, Any] = {"host": "localhost", "port": port, "user": "reports", "password": Secret(CANARY)}
    settings |= {"from_addr": "Reports <reports@example.com>", "ca_file": str(proof.authority)}
    return connector("mail", "smtp", **(settings | more))


def part(message: EmailMessage, name: str) -> Any:
    """Return the content of an attachment."""
    return next(one.get_payload(decode=True) for one in message.iter_attachments() if one.get_filename() == name)


def test_a_message_arrives_encrypted_and_after_a_login(post: Post) -> None:
    got = post.send()
    assert (got.sender, got.recipients) == ("reports@example.com", ["ann@example.com"])
    assert (got.message["From"], got.message["To"]) == ("Reports <reports@example.com>", "ann@example.com")
    assert (got.message["Subject"], got.message.get_content().strip()) == ("Done", "It is done.")
    assert (got.message["Auto-Submitted"], got.message["MIME-Version"]) == ("auto-generated", "1.0")
    assert got.message["Date"].datetime is not None
    assert (post.mailbox.encrypted, post.mailbox.logins) == ([True], [b"reports"])


def test_blind_copies_are_in_the_envelope_alone(post: Post) -> None:
    got = post.send(to=["ann@example.com", "Bob <bob@example.com>"], cc="cy@example.com", bcc=["Dan <dan@example.com>"])
    assert got.recipients == [f"{name}@example.com" for name in ("ann", "bob", "cy", "dan")]
    assert (got.message["To"], got.message["Cc"]) == ("ann@example.com, Bob <bob@example.com>", "cy@example.com")
    assert got.message["Bcc"] is None
    assert b"dan@" not in got.content


def test_text_and_html_are_alternatives(post: Post) -> None:
    message = post.send(text="Grüße", html="<b>Grüße</b>").message
    assert message.get_content_type() == "multipart/alternative"
    bodies = {one.get_content_type(): one.get_content().strip() for one in message.iter_parts()}
    assert bodies == {"text/plain": "Grüße", "text/html": "<b>Grüße</b>"}
    assert post.send(text=None, html="<i>x</i>").message.get_content_type() == "text/html"
    assert post.send(text=None).message.get_content().strip() == ""


@pytest.mark.parametrize(
    "text", ["", ".", "..\n.\n.x", "a\rb\r\nc\nd", "x" * 5000, "Grüße 💚\n" * 50, "From me\n\n.\n", "\x1b[31mred"]
)
def test_texts_arrive_as_they_are(post: Post, text: str) -> None:
    got = post.send(text=text)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    assert got.message.get_content().replace("\r\n", "\n").rstrip("\n") == wanted.rstrip("\n")
    assert set(b"\r\n").isdisjoint(got.content.replace(b"\r\n", b""))
    assert max(map(len, got.content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "subject", ["Grüße", "a" * 900, "ü" * 300, "=?utf-8?q?Bcc=3A?= x", "a, b <c@d>; e", "💚" * 100, "Bcc: x@y.z", " "]
)
def test_subjects_arrive_as_they_are(post: Post, subject: str) -> None:
    got = post.send(subject=subject)
    assert decoded(got.content, b"Subject").strip() == subject.strip()
    assert got.recipients == ["ann@example.com"]
    assert got.message["Bcc"] is None
    assert max(map(len, got.content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "name", ['"Doe, Ann"', "Änn, Doe".replace(",", ""), '"Ünn, <x> Doe"'.replace("<x> ", ""), "A" * 190]
)
def test_names_of_recipients_arrive_as_they_are(post: Post, name: str) -> None:
    got = post.send(to=f"{name} <ann@example.com>")
    assert got.message["To"].addresses[0].display_name == name.strip('"')
    assert [address for _, address in getaddresses([str(got.message["To"])])] == ["ann@example.com"]


CODED = [
    "=?utf-8?q?x=0D=0ABcc=3A_eve@example.com?=",
    "=?utf-8?q?x=0D=0A=0D=0Aanother_text?= ü",
    "=?utf-8?b?eA0KQmNjOiBldmVAZXhhbXBsZS5jb20=?=",
    "=?utf-8?q?eve=40example=2Ecom=2C?=",
]
"""Encoded words (RFC 2047) that stand for ends of lines, and for one address more."""


@pytest.mark.parametrize("text", CODED)
def test_what_looks_like_an_encoded_word_is_a_text_like_others(post: Post, text: str) -> None:
    (post.work.files / text).write_text("of Ann")
    got = post.send(subject=text, to=[f'"{text}" <ann@example.com>', "bob@example.com"], attachments=[text])
    head = got.content.partition(b"\r\n\r\n")[0]
    named = {line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")}
    assert named == {
        b"From",
        b"To",
        b"Subject",
        b"Date",
        b"Message-ID",
        b"Auto-Submitted",
        b"MIME-Version",
        b"Content-Type",
    }
    assert decoded(got.content, b"Subject") == text
    people = BytesHeaderParser().parsebytes(got.content)["To"]
    assert [one for _, one in getaddresses([people])] == ["ann@example.com", "bob@example.com"]
    (file,) = got.message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == (text, b"of Ann")
    body = got.message.get_body()
    assert body is not None
    assert body.get_content().strip() == "It is done."


def test_a_long_name_with_a_comma_is_one_name(post: Post) -> None:
    got = post.send(to=[f'"eve@example.com, {"Ann " * 40}" <ann@example.com>', "Bob <bob@example.com>"])
    assert [one.addr_spec for one in got.message["To"].addresses] == ["ann@example.com", "bob@example.com"]


def decoded(content: bytes, name: bytes) -> str:
    """Return what a reader sees of a header, encoded words decoded once (RFC 2047)."""
    found = BytesHeaderParser().parsebytes(content)[name.decode()]
    return str(make_header(decode_header(found)))


def test_attachments_are_files_of_the_run(post: Post) -> None:
    (post.work.files / "in").mkdir()
    (post.work.files / "in" / "Prüfung 1.pdf").write_bytes(b"%PDF\0\r\n.\r\n\xff")
    (post.work.files / "noend").write_bytes(b"")
    message = post.send(attachments=["in/Prüfung 1.pdf", "noend"], html="<p>").message
    assert message.get_content_type() == "multipart/mixed"
    assert [one.get_content_type() for one in message.iter_attachments()] == [
        "application/pdf",
        "application/octet-stream",
    ]
    assert part(message, "Prüfung 1.pdf") == b"%PDF\0\r\n.\r\n\xff"
    assert part(message, "noend") == b""


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "gone.txt", "link"])
def test_attachments_come_from_nowhere_else(post: Post, name: str) -> None:
    (post.work.files / "link").symlink_to("/etc/passwd")
    assert post.refused(attachments=[name]).error_class == "data"


def test_datasets_are_attached_in_their_formats(post: Post, tmp_path: Path) -> None:
    post.work.make("revenue", "select * from (values (1, 'a'), (2, '=1+1'), (3, null)) t(n, \"=cmd\")")
    names = ["r.csv", "r.json", "r.parquet"]
    message = post.send(attachments=[{"from": "revenue", "name": name} for name in names]).message
    rows = list(csv.reader(io.StringIO(part(message, "r.csv").decode())))
    assert rows == [["n", "'=cmd"], ["1", "a"], ["2", "'=1+1"], ["3", ""]]
    assert json.loads(part(message, "r.json"))[1] == {"n": 2, "=cmd": "=1+1"}
    (tmp_path / "r.parquet").write_bytes(part(message, "r.parquet"))
    assert duckdb.sql(f"select count(*), sum(n) from '{tmp_path}/r.parquet'").fetchall() == [(3, 6)]


def test_the_text_of_a_dataset_is_read_as_it_was_written(post: Post) -> None:
    post.work.make("d", "select 'Größe' as a")
    (file,) = post.send(attachments=[{"from": "d", "name": "d.csv"}]).message.iter_attachments()
    assert file.get_content() == "a\nGröße\n"


def test_formulas_are_left_alone_where_the_step_says_so(post: Post) -> None:
    post.work.make("d", "select '=1+1' as a")
    item = {"from": "d", "name": "d.txt", "format": "csv", "formula_guard": False}
    item |= {"format_options": {"delimiter": ";", "header": False}}
    assert part(post.send(attachments=[item]).message, "d.txt") == b"=1+1\n"


@pytest.mark.parametrize("name", ["a/b.csv", "a\\b.csv", "..", "x" * 252 + ".csv", "a\r\nBcc: x.csv", "d.xyz"])
def test_a_dataset_is_attached_by_the_name_of_a_file(post: Post, name: str) -> None:
    post.work.make("d", "select 1 as a")
    error = post.refused(attachments=[{"from": "d", "name": name}])
    assert (error.error_class, "\n" in error.message) == ("data", False)


CONTROLS = [
    "\r\nBcc: eve@example.com",
    "\n",
    "\r",
    "\0",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x7f",
    "\t",
]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("key", ["to", "cc", "bcc", "subject", "attachments"])
def test_no_input_ends_a_header(post: Post, key: str, control: str) -> None:
    texts = {"subject": f"a{control}{CANARY}", "attachments": [f"a{control}{CANARY}"]}
    given = texts.get(key, [f"ann@example.com{control}{CANARY}"])
    error = post.refused(**{key: given})
    assert error.error_class == "data"
    assert error.message.startswith(f"`{key}")
    assert error.message.isprintable()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com, bob@example.com",
        "ann@example.com bob@example.com",
        "ann@example.com> SIZE=1 <x",
        "a.@example.com",
        ".a@example.com",
        "a b@example.com",
        '"a b"@example.com',
        "ann@[127.0.0.1]",
        "x@y.z, Bob <bob@example.com>",
        "Bob <bob@example.com> x",
        "Bob <bob@example.com",
        '"Bob" "x" <bob@example.com>',
        "Team: ann@example.com;",
        "ann@example.com (Ann)",
        f"{'a' * 65}@example.com",
        f"ann@{'a' * 64}.com",
        f"ann@{'a.' * 130}com",
        "N" * 201 + " <ann@example.com>",
        "ann\r\n@example.com",
    ],
)
def test_every_item_is_exactly_one_address(post: Post, address: str) -> None:
    error = post.refused(cc=["ok@example.com", address])
    assert (error.error_class, error.message) == ("data", "`cc[1]` is not one address")


@pytest.mark.parametrize(
    "address", ["a+b/c=d!#@example.com", "x@localhost", "o'neill@EXAMPLE.com", "ännchen@exämple.com"]
)
def test_addresses_of_people_are_taken(post: Post, address: str) -> None:
    assert post.send(to=address).recipients == [address]


def test_nobody_gets_it_where_one_recipient_is_refused(post: Post) -> None:
    error = post.refused(to=["ann@example.com", "gone@example.com"], bcc="full@example.com")
    assert error.error_class == "data"
    assert error.message.endswith("refuses `to[1]` (550 no such user), `bcc[0]` (452 try later)")
    assert error.help == "the message was sent to nobody"
    assert post.refused(to="full@example.com").error_class == "rate_limited"


def test_a_message_has_limits(post: Post, bench: Make, proof: Certificate) -> None:
    many = [f"a{n}@example.com" for n in range(60)]
    assert "at most 100 recipients" in post.refused(to=many, bcc=many).message
    assert "names nobody" in post.refused(to=[]).message
    assert "at most 100 attachments" in post.refused(attachments=["x"] * 101).message
    assert "longer than 998" in post.refused(subject="x" * 999).message
    assert "NUL" in post.refused(text="a\0b").message
    (post.work.files / "big").write_bytes(b"x" * 3000)
    post.work.resources["mail"].options = cast(
        Any, connector("mail", "smtp", host="x", from_addr="a@b", options={"max_message_bytes": 4000})
    ).options
    assert post.refused(attachments=["big"]).message == "the message has more than 4000 bytes"
    (post.work.files / "big").write_bytes(b"x" * 5000)
    assert post.refused(attachments=["big"]).message == "the message has more than 4000 bytes"


def test_the_server_may_say_how_much_it_takes(bench: Make, proof: Certificate) -> None:
    box = Mailbox()
    with mail_server(box, proof, CANARY, data_size_limit=2000, enable_SMTPUTF8=False) as port:
        post = Post(bench(mail=mail(port, proof)), box)
        error = post.refused(text="x\n" * 2000)
        assert (error.error_class, "takes at most 2000 bytes" in error.message) == ("data", True)
        assert post.refused(to="ännchen@example.com").message.endswith("takes only addresses in ASCII")


def test_a_message_has_the_same_id_for_the_same_step_of_a_run(post: Post) -> None:
    first = post.send()
    assert first.message["Message-ID"] == post.result.results["message_id"]
    post.work.runs -= 1
    assert post.send().message["Message-ID"] == first.message["Message-ID"]
    assert post.send().message["Message-ID"] != first.message["Message-ID"]
    post.work.runs -= 1
    assert post.send("other").message["Message-ID"] != first.message["Message-ID"]


def test_a_long_domain_of_the_sender_leaves_the_id_whole(bench: Make, proof: Certificate) -> None:
    box, domain = Mailbox(), f"{'a' * 60}.{'b' * 60}.{'c' * 60}.example"
    with mail_server(box, proof, CANARY) as port:
        post = Post(bench(mail=mail(port, proof, from_addr=f"r@{domain}")), box)
        assert post.send().message["Message-ID"] == post.result.results["message_id"]
