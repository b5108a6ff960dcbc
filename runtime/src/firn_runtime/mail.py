"""A mail as a step hands it to a connector: checked, and without anything that could end a header."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from firn_schemas.mail_address import MailAddress


class Attachment(NamedTuple):
    """A local file, and what it is called in the message."""

    name: str
    file: Path
    charset: str | None = None
    """How its text is encoded, where that is known."""


class Mail(NamedTuple):
    """What a step sends; nothing in it can end a header."""

    to: Sequence[MailAddress]
    cc: Sequence[MailAddress]
    bcc: Sequence[MailAddress]
    subject: str
    text: str | None
    html: str | None
    attachments: Sequence[Attachment]
    mark: str
    """Names the message: the same one has the same."""
    date: datetime

    @property
    def recipients(self) -> list[MailAddress]:
        """Return everybody who gets it."""
        return [*self.to, *self.cc, *self.bcc]
