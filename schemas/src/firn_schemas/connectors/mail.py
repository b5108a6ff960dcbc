"""Mail: `mail`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.form import HOST
from firn_schemas.secret import Secret


@record
class SmtpConfig:
    """A mail server that takes mail for delivery (RFC 6409)."""

    host: str = doc("Host name or address.", endpoint=True, form=HOST)
    port: int = doc("TCP port; usually 465 where `tls` is `tls`.", default=587, minimum=1, maximum=65535, endpoint=True)
    user: str | None = doc("As whom to log in; absent: as nobody.", default=None, aliases=["username"], endpoint=True)
    password: Secret | None = doc("The user's password.", default=None)
    from_addr: str = doc("The sender, also as `Name <address>`.", examples=["reports@example.com"], endpoint=True)
    tls: Literal["starttls", "tls", "none"] = doc(
        "How the connection is encrypted; `none` is for servers of this machine, and for nobody who logs in.",
        default="starttls",
        endpoint=True,
    )
    allow_plaintext: bool = doc("Let `tls: none` leave this machine.", default=False, endpoint=True)
    ca_file: str | None = doc(
        "File of the authorities to trust; absent: the system's.", default=None, local_path=True, endpoint=True
    )


@record
class SmtpOptions:
    """How mail is sent."""

    timeout: float = doc(
        "Seconds for one message, from the first word to the last.",
        default=60,
        aliases=["timeout_seconds"],
        minimum=1,
    )
    max_message_bytes: int = doc(
        "Larger messages are refused, counted as they are sent: files grow by a third.",
        default=25 * 1024 * 1024,
        minimum=1024,
    )


ROWS = {("mail", "smtp"): Connector(config=SmtpConfig, options=SmtpOptions)}
