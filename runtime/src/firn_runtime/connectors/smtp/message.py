"""A message as it is sent: headers that hold what they are given and nothing else, parts, files (RFC 5322, 2045).

The standard library reads again what it is given for a header, and decodes `=?utf-8?q?=0D=0A?=` to the end of a line:
no text of a flow is given to it for one.
"""

import re
from collections.abc import Sequence
from email.encoders import encode_base64
from email.header import Header
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import PurePosixPath

from firn_runtime.errors import ConnectorError
from firn_runtime.mail import Attachment, Mail
from firn_schemas.mail_address import MailAddress

_OCTETS = "application/octet-stream"
_TYPES = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}
_AS_GIVEN = SMTP.clone(cte_type="7bit", refold_source="none")
_PLAIN_LINE = re.compile(r"(?:[!-~](?:[ -~]{0,198}[!-~])?)?")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-](?:[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]{0,198}[A-Za-z0-9])?")
"""Texts that are short, in ASCII, and mean nothing else in a header; of a name, atoms (RFC 5322, section 3.2.3)."""
_WIDTH = 76
"""Characters of a line of encoded words (RFC 2047, section 2)."""


def message_id(mail: Mail, sender: MailAddress) -> str:
    """Return the message's identity."""
    return f"<{mail.mark}@{sender.domain}>"


def is_international(mail: Mail, sender: MailAddress) -> bool:
    """Whether the message needs a server that speaks SMTPUTF8 (RFC 6531)."""
    return not all(one.spelled.isascii() for one in [sender, *mail.recipients])


def content(mail: Mail, sender: MailAddress, limit: int) -> bytes:
    """Return the message as SMTP takes it after DATA, its dots doubled, ended by a dot; raise ConnectorError.

    Those of `bcc` are not in it.
    """
    if sum(one.file.stat().st_size for one in mail.attachments) > limit:
        raise _too_large(limit)
    message = EmailMessage(policy=_AS_GIVEN)
    _fill(message, mail)
    if mail.attachments:
        message.make_mixed()
    for one in mail.attachments:
        message.attach(_attached(one))  # type: ignore[arg-type]  # it takes what is written as a part
    made = re.sub(rb"\r\n|\r|\n", b"\r\n", _head(mail, sender).encode() + message.as_bytes())
    if len(made) > limit:
        raise _too_large(limit)
    return re.sub(rb"(?m)^\.", b"..", made) + (b"" if made.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _head(mail: Mail, sender: MailAddress) -> str:
    """Return the headers that come before those of the content."""
    headers = {
        "From": _people([sender]),
        "To": _people(mail.to),
        "Cc": _people(mail.cc),
        "Subject": _words(mail.subject, _PLAIN_LINE),
        "Date": format_datetime(mail.date),
        "Message-ID": message_id(mail, sender),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no answer of an absent reader is wanted
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value or name == "Subject")


def _people(people: Sequence[MailAddress]) -> str:
    """Return addresses, one on each line."""
    return ",\r\n ".join(
        f"{_words(one.name, _PLAIN_NAME)} <{one.spelled}>" if one.name else one.spelled for one in people
    )


def _words(text: str, plain: re.Pattern[str]) -> str:
    """Return a text as it is, or in encoded words (RFC 2047) where a reader could see something else in it."""
    if plain.fullmatch(text) and "=?" not in text:
        return text
    return Header(text, "utf-8", _WIDTH, "Auto-Submitted").encode(linesep="\r\n")


def _attached(one: Attachment) -> MIMEBase:
    """Return a file as a part; its name is in percent signs (RFC 2231) where it is more than ASCII."""
    main, sub = _TYPES.get(PurePosixPath(one.name).suffix.lower(), _OCTETS).split("/")
    # a text that does not say how it is encoded is US-ASCII to readers (RFC 2045, section 5.2)
    part = MIMEBase(main, sub, charset=one.charset) if main == "text" and one.charset else MIMEBase(main, sub)
    part.set_payload(one.file.read_bytes())
    encode_base64(part)
    plain = one.name.isascii() and "=?" not in one.name
    part.add_header("Content-Disposition", "attachment", filename=one.name if plain else ("utf-8", "", one.name))
    return part


def _fill(message: EmailMessage, mail: Mail) -> None:
    if mail.html is None:
        message.set_content(mail.text or "")
    elif mail.text is None:
        message.set_content(mail.html, subtype="html")
    else:
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")


def _too_large(limit: int) -> ConnectorError:
    help = "it is the option `max_message_bytes`; send a link instead, or fewer rows"
    return ConnectorError("data", f"the message has more than {limit} bytes", help)
