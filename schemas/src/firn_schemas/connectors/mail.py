"""Mail: `mail`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.secret import Secret


@record
class SmtpConfig:
    """A mail server that takes mail for delivery (RFC 6409)."""

    host: str = doc("Host name or address.", endpoint=True)
    port: int = doc("TCP port.", default=587, minimum=1, maximum=65535, endpoint=True)
    user: str | None = doc("As whom to log in.", default=None, aliases=["username"], endpoint=True)
    password: Secret | None = doc("The user's password.", default=None)
    from_addr: str = doc("The sender's address.", examples=["reports@example.com"], endpoint=True)
    tls: Literal["starttls", "tls", "none"] = doc("How the connection is encrypted.", default="starttls", endpoint=True)


@record
class SmtpOptions:
    """How mail is sent."""

    timeout: float = doc("Seconds for one message.", default=60, aliases=["timeout_seconds"], minimum=0)


ROWS = {("mail", "smtp"): Connector(config=SmtpConfig, options=SmtpOptions)}
