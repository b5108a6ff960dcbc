"""Mail servers for tests: a real one, and one that plays a part line by line."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from servers.front import Certificate
from servers.postgres import free_port


class Received:
    """A message as the server got it."""

    def __init__(self, envelope: Any) -> None:
        self.sender, self.recipients = envelope.mail_from, list(envelope.rcpt_tos)
        self.content: bytes = envelope.content
        self.message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(self.message, EmailMessage)


class Mailbox:
    """What a server has received, and whom it refuses."""

    def __init__(self, refused: dict[str, str] | None = None, final: str = "250 OK") -> None:
        self.received: list[Received] = []
        self.logins: list[bytes] = []
        self.encrypted: list[bool] = []
        self.refused, self.final = refused or {}, final

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        del server, session, options
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        del session
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.received.append(Received(envelope))
        return self.final


@contextmanager
def mail_server(
    mailbox: Mailbox, proof: Certificate | None, password: str, implicit: bool = False, **settings: Any
) -> Iterator[int]:
    """Run a server that wants STARTTLS and a login; without a certificate neither. Yield its port."""

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        mailbox.logins.append(data.login)
        return AuthResult(success=data.password == password.encode(), handled=False)

    if proof is not None:
        settings |= {"authenticator": authenticate, "auth_require_tls": not implicit, "auth_required": not implicit}
        starttls = {"tls_context": server_context(proof), "require_starttls": True}
        settings |= {"ssl_context": server_context(proof)} if implicit else starttls
    controller = Controller(mailbox, "127.0.0.1", free_port(), ready_timeout=20, **settings)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def server_context(proof: Certificate) -> ssl.SSLContext:
    """Return what a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof.certificate, proof.key)
    return context


GREETING = "greeting"
USUAL = {
    GREETING: b"220 fake ESMTP\r\n",
    "EHLO": b"250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
    "STARTTLS": b"220 go\r\n",
    "AUTH": b"235 ok\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go\r\n",
    ".": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
"""What a server says to a command, by its first word; `.` is the end of a message."""
CLOSE, SILENCE = b"close", b"silence"

Answers = Callable[[str], bytes]


class Player:
    """A server that answers from a table, whatever it is asked, and keeps what it was told."""

    def __init__(self, answers: dict[str, bytes], proof: Certificate | None) -> None:
        self.answers, self.told = USUAL | answers, b""
        self.over = threading.Event()
        self._proof = proof
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no longer."""
        self.over.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError):
            stack.callback(client.close)
            self._play(client, stack)

    def _play(self, client: socket.socket, stack: ExitStack) -> None:
        if not self._say(client, GREETING):
            return
        lines = stack.enter_context(client.makefile("rb"))
        while line := lines.readline():
            self.told += line
            word = line.split()[0].decode(errors="replace").upper() if line.strip() else ""
            if not self._say(client, word):
                return
            if word == "STARTTLS" and self.answers[word].startswith(b"220") and self._proof is not None:
                client = stack.enter_context(server_context(self._proof).wrap_socket(client, server_side=True))
                lines = stack.enter_context(client.makefile("rb"))
            if word == "DATA" and self.answers[word].startswith(b"354"):
                while (line := lines.readline()) and line != b".\r\n":
                    self.told += line
                if not line or not self._say(client, "."):
                    return

    def _say(self, client: socket.socket, word: str) -> bool:
        answer = self.answers.get(word, b"500 what\r\n")
        if answer == SILENCE:
            self.over.wait(60)
        if answer in (CLOSE, SILENCE):
            client.shutdown(socket.SHUT_RDWR)
            return False
        client.sendall(answer)
        return True


@contextmanager
def player(answers: dict[str, bytes], proof: Certificate | None = None) -> Iterator[Player]:
    """Play a mail server until the block ends."""
    one = Player(answers, proof)
    try:
        yield one
    finally:
        one.close()
