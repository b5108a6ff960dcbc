"""A message as it is sent: headers that hold what they are given and nothing else, parts, files (RFC 5322, 2045)."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import PurePosixPath

from firn_runtime.errors import ConnectorError
from firn_runtime.mail import Mail
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
    message = _headed(mail, sender)
    _fill(message, mail)
    for one in mail.attachments:
        kind, _, subtype = _TYPES.get(PurePosixPath(one.name).suffix.lower(), _OCTETS).partition("/")
        message.add_attachment(one.file.read_bytes(), kind, subtype, filename=one.name)
    made = re.sub(rb"\r\n|\r|\n", b"\r\n", message.as_bytes())
    if len(made) > limit:
        raise _too_large(limit)
    return re.sub(rb"(?m)^\.", b"..", made) + (b"" if made.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _headed(mail: Mail, sender: MailAddress) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit", utf8=is_international(mail, sender)))
    message["From"] = _shown(sender)
    for name, people in (("To", mail.to), ("Cc", mail.cc)):
        if people:
            message[name] = [_shown(one) for one in people]
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = message_id(mail, sender)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of an absent reader is wanted
    return message


def _shown(one: MailAddress) -> Address:
    return Address(one.name, one.local, one.domain)


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
