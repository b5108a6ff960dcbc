"""The `send_mail` step: one message, checked whole before a server hears of it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, cast

from firn_runtime.confined_paths import present
from firn_runtime.errors import ConnectorError
from firn_runtime.mail import Attachment, Mail
from firn_runtime.publication import Publication
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import lent
from firn_schemas.mail_address import MailAddress, parsed, unspeakable
from firn_schemas.steps.data import ENDINGS, WriteInputs
from firn_schemas.steps.messages import (
    LONGEST_NAME,
    LONGEST_SUBJECT,
    MOST_ATTACHMENTS,
    MOST_RECIPIENTS,
    DatasetFile,
    SendMailInputs,
)

if TYPE_CHECKING:
    from firn_runtime.engine import Session


class SendsMail(Protocol):
    """A connector that `send_mail` steps use."""

    def lay_out(self, inputs: WriteInputs, session: "Session", file: Path) -> None:
        """Write a dataset to a local file, as one of the name `inputs.path`."""
        ...

    def send(self, mail: Mail, still_ours: Callable[[], None]) -> str:
        """Send a message to everybody it is for, or to nobody; return its Message-ID."""
        ...


def send_mail(inputs: SendMailInputs, context: StepContext) -> StepResult:
    """Send the message; the same step of the same run gives it the same Message-ID."""
    server = cast(SendsMail, context.resource(inputs.resource))
    to, cc, bcc = (_people(name, getattr(inputs, name)) for name in ("to", "cc", "bcc"))
    if not to:
        raise ConnectorError("data", "`to` names nobody", "name one address")
    if len(to) + len(cc) + len(bcc) > MOST_RECIPIENTS:
        raise ConnectorError("data", f"a message has at most {MOST_RECIPIENTS} recipients", "give them a mailing list")
    subject = _line("subject", inputs.subject, LONGEST_SUBJECT)
    text, html = _body("text", inputs.text), _body("html", inputs.html)
    attachments = _attachments(inputs.attachments or [], server, context)
    mark = _mark(context.publication)
    mail = Mail(to, cc, bcc, subject, text, html, attachments, mark, datetime.now(UTC))
    return StepResult(results={"message_id": server.send(mail, lent(context).still_ours)})


def _mark(publication: Publication) -> str:
    return sha256("\0".join((publication.artifact, *publication.key)).encode()).hexdigest()[:32]


def _people(name: str, given: str | Sequence[str] | None) -> list[MailAddress]:
    """Return the addresses of an input; raise ConnectorError for anything that is not exactly one address."""
    found: list[MailAddress] = []
    for at, text in enumerate([given] if isinstance(given, str) else given or ()):
        one = parsed(text)
        if one is None:
            help = "write `a@b.example` or `Name <a@b.example>`, one in each item"
            raise ConnectorError("data", f"`{name}[{at}]` is not one address", help)
        found.append(one)
    return found


def _line(name: str, text: str, longest: int) -> str:
    """Return what stands in a header; raise ConnectorError for what could end it."""
    if unspeakable(text):
        raise ConnectorError("data", f"`{name}` holds a line break or another control character", "remove it")
    if len(text) > longest:
        raise ConnectorError("data", f"`{name}` is longer than {longest} characters")
    return text


def _body(name: str, text: str | None) -> str | None:
    if text is not None and "\0" in text:
        raise ConnectorError("data", f"`{name}` holds a NUL character", "remove it")
    return text


def _attachments(items: Sequence[str | DatasetFile], server: SendsMail, context: StepContext) -> list[Attachment]:
    """Return the files of the message; datasets are written to files first."""
    if len(items) > MOST_ATTACHMENTS:
        raise ConnectorError("data", f"a message has at most {MOST_ATTACHMENTS} attachments", "send an archive")
    return [
        _dataset(at, item, server, context) if isinstance(item, DatasetFile) else _file(at, item, context)
        for at, item in enumerate(items)
    ]


def _file(at: int, name: str, context: StepContext) -> Attachment:
    return Attachment(PurePosixPath(_file_name(at, name)).name, present(context.files, name))


def _dataset(at: int, item: DatasetFile, server: SendsMail, context: StepContext) -> Attachment:
    """Write the dataset to a file of the step's own; it is scanned once."""
    from firn_runtime.steps.formula_guard import guarded_cells, viewed
    from firn_runtime.steps.results import naming_stream

    name, session, file = _file_name(at, item.name), context.session, context.scratch / f"attachment-{at}"
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ConnectorError(
            "data", f"the name in `attachments[{at}]` is not that of a file", "name it without folders"
        )
    with naming_stream(session, item.from_), ExitStack() as stack:
        source = item.from_
        if item.formula_guard and _is_csv(item):
            columns = session.columns(source)
            source = stack.enter_context(viewed(session, source, guarded_cells(session, columns, list(columns))))
        options: dict[str, Any] = {"format": item.format, "format_options": item.format_options}
        server.lay_out(WriteInputs(from_=source, resource="", path=name, mode="replace", **options), session, file)
    return Attachment(name, file, charset="utf-8")


def _is_csv(item: DatasetFile) -> bool:
    endings = [ending.lower() for ending in PurePosixPath(item.name).suffixes]
    known = [ENDINGS[ending] for ending in endings if ending in ENDINGS]
    return (item.format or (known[-1] if known else "")) == "csv"


def _file_name(at: int, name: str) -> str:
    if len(PurePosixPath(_line(f"attachments[{at}]", name, 4096)).name.encode()) > LONGEST_NAME:
        raise ConnectorError("data", f"the name in `attachments[{at}]` is longer than {LONGEST_NAME} bytes")
    return name
