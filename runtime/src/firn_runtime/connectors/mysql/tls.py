"""How a MySQL server is trusted: TLS with the server's name checked, unless the server is this machine."""

import ssl

from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.databases import MySqlOptions
from firn_schemas.loopback import is_loopback


def context(host: str, options: MySqlOptions) -> ssl.SSLContext | None:
    """Return what TLS asks of the server; None where the connection has none."""
    mode = options.ssl_mode or ("disabled" if is_loopback(host) else "verify_identity")
    if mode == "disabled":
        return None
    made = _trusting(options.ssl_ca)
    made.check_hostname = mode == "verify_identity"
    if mode == "required":
        made.verify_mode = ssl.CERT_NONE
    return made


def _trusting(authorities: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ValueError):
        help = "it is a file of certificates in PEM form"
        raise ConnectorError("connection", "the authorities' file of `ssl_ca` cannot be read", help) from None
