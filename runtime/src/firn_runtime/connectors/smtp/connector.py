"""Mail by SMTP: encrypted unless the server is this machine, to all of the recipients or to none of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firn_runtime.cancel import current
from firn_runtime.connector import ConnectorBase
from firn_runtime.connectors.http.certificates import trusting
from firn_runtime.connectors.smtp.message import content, is_international, message_id
from firn_runtime.connectors.smtp.replies import Reply, class_of
from firn_runtime.connectors.smtp.talk import Server, Talk
from firn_runtime.errors import ConnectorError
from firn_runtime.mail import Mail
from firn_schemas.connectors.mail import SmtpConfig, SmtpOptions
from firn_schemas.loopback import is_loopback
from firn_schemas.mail_address import MailAddress, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from firn_runtime.engine import Session
    from firn_runtime.probing import Seen, Use
    from firn_schemas.steps.data import WriteInputs


class Uncertain(ConnectorError):
    """The message may have been sent. Not of a class that is repeated by itself: who repeats it may send it twice."""

    def __init__(self, server: Server, message_id: str) -> None:
        message = f"{server} has not said whether it takes the message: it may have been delivered, or not"
        super().__init__("process", message, f"ask whether {message_id} has arrived")


class Smtp(ConnectorBase[SmtpConfig, SmtpOptions]):
    """A mail server; every message has a connection of its own."""

    def connect(self) -> None:
        """Ask nothing yet; raise ConnectorError for settings that cannot be right."""
        self.server = Server(self.config.host, self.config.port)
        self.sender = self._sender()
        self._refuse_clear()
        if (self.config.user is None) != (self.config.password is None):
            raise ConnectorError("auth", "`user` and `password` go together", "name both, or neither")
        self._context = trusting(self.config.ca_file) if self.config.tls != "none" else None

    def close(self) -> None:
        """Nothing is held: a connection ends with its message."""

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in and say goodbye. No mail is sent."""
        from firn_runtime.probing import Seen

        del uses
        self.connect()
        with self._talking():
            how = "not encrypted" if self._context is None else "encrypted"
        yield Seen("connection", "ok", f"{self.server} answers; the connection is {how}")
        if self.config.user is not None:
            yield Seen("login", "ok", "the login is taken")

    def lay_out(self, inputs: "WriteInputs", session: "Session", file: "Path") -> None:
        """Write a dataset to a local file, as one of the name `inputs.path`."""
        from firn_runtime.connectors.files.formats import format_of
        from firn_runtime.connectors.files.writing import write_file

        name = inputs.path or ""
        write_file(session, inputs, format_of(name, inputs), name, file)

    def send(self, mail: Mail, still_ours: Callable[[], None]) -> str:
        """Send a message to everybody it is for, or to nobody; return its Message-ID.

        `still_ours` is asked last before the message is handed over.
        """
        made = content(mail, self.sender, self.options.max_message_bytes)
        with self._talking() as talk:
            try:
                talk.demand(self._begin(talk, mail, len(made)), "when it was told the sender", 250)
                _name(talk, mail)
                still_ours()
                talk.demand("DATA", "before the message", 354)
                talk.hand_over(made)
            except ConnectorError:
                if talk.handed_over:
                    raise Uncertain(self.server, message_id(mail, self.sender)) from None
                raise
        return message_id(mail, self.sender)

    def _sender(self) -> MailAddress:
        sender = parsed(self.config.from_addr)
        if sender is None:
            raise ConnectorError(
                "data", "`from_addr` is not one address", "write `a@b.example` or `Name <a@b.example>`"
            )
        return sender

    def _refuse_clear(self) -> None:
        if self.config.tls != "none":
            return
        if self.config.user is not None:
            raise ConnectorError("auth", "with `tls: none` nobody logs in", "write `tls: starttls`, or remove `user`")
        if not is_loopback(self.config.host) and not self.config.allow_plaintext:
            help = "write `tls: starttls`; or `allow_plaintext: true`, if everybody on the way may read the mail"
            raise ConnectorError("connection", "with `tls: none` mail does not leave this machine", help)

    @contextmanager
    def _talking(self) -> Iterator[Talk]:
        """Lend a conversation that is encrypted and logged in."""
        token = current()
        token.check()
        talk = Talk(self.server, self.options.timeout)
        try:
            with token.interrupting(talk.stop):
                self._arrive(talk)
                yield talk
        except Uncertain:
            raise
        except ConnectorError:
            token.check()
            raise
        finally:
            talk.close()

    def _arrive(self, talk: Talk) -> None:
        if self.config.tls == "tls" and self._context is not None:
            talk.encrypt(self._context)
        talk.greet()
        if self.config.tls == "starttls" and self._context is not None:
            talk.begin_tls(self._context)
        if self.config.user is not None and self.config.password is not None:
            talk.log_in(self.config.user, self.config.password.reveal())

    def _begin(self, talk: Talk, mail: Mail, size: int) -> str:
        """Return the line that begins a message; raise ConnectorError for one that the server cannot take."""
        line = f"MAIL FROM:<{self.sender.spelled}>"
        if "SIZE" in talk.abilities:  # RFC 1870
            most = talk.abilities["SIZE"]
            if most.isascii() and most.isdigit() and 0 < int(most[:18]) < size:
                raise ConnectorError("data", f"{self.server} takes at most {int(most[:18])} bytes; these are {size}")
            line += f" SIZE={size}"
        if is_international(mail, self.sender):
            if "SMTPUTF8" not in talk.abilities:
                message = f"{self.server} takes only addresses in ASCII"
                raise ConnectorError("data", message, "it has no SMTPUTF8 (RFC 6531)")
            line += " BODY=8BITMIME SMTPUTF8"
        return line


def _name(talk: Talk, mail: Mail) -> None:
    """Name everybody who gets the message; raise ConnectorError where one of them is refused: nobody gets it then."""
    places = [f"{name}[{at}]" for name in ("to", "cc", "bcc") for at in range(len(getattr(mail, name)))]
    refusals: list[tuple[str, Reply]] = []
    for place, one in zip(places, mail.recipients, strict=True):
        reply = talk.ask(f"RCPT TO:<{one.spelled}>", "when it was told a recipient")
        if reply.code not in (250, 251):
            refusals.append((place, reply))
    if refusals:
        classes = {class_of(reply, "when it was told a recipient") for _, reply in refusals}
        said = ", ".join(f"`{place}`{reply.said}" for place, reply in refusals[:3])
        more = f" and {len(refusals) - 3} more" if len(refusals) > 3 else ""
        final = next((one for one in ("data", "auth", "server_error") if one in classes), "rate_limited")
        help = "the message was sent to nobody"
        raise ConnectorError(final, f"{talk.server} refuses {said}{more}", help)  # type: ignore[arg-type]  # of the set
