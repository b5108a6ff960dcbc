"""Whose certificates are trusted, and why a server's was refused: for its name, its time, its form, or its signer."""

import ssl

from firn_runtime.errors import ConnectorError

_REASONS = (
    ((62, 64), "is for another name", "name the server as its certificate does"),
    ((9, 10), "is not valid now", "the server needs a new one, unless the clock of this machine is wrong"),
    (
        range(79, 95),
        "is not as RFC 5280 wants it: {reason}",
        "the server needs one, from its authority too, with these extensions: Python asks for them from 3.13 on",
    ),
)
"""By OpenSSL's numbers (x509_vfy.h): another host name or address; not valid yet, or no more; wrong extensions."""


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Return what TLS asks of a server: a name, and an authority of the file or of the system; raise ConnectorError."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise ConnectorError("connection", f"`ca_file` is not a file of certificates: `{ca_file}`") from None


def untrusted(error: ssl.SSLCertVerificationError, server: str, option: str) -> ConnectorError:
    """Return the error that stands for it; `option` is what names the authorities to trust."""
    for numbers, said, help in _REASONS:
        if error.verify_code in numbers:
            said = said.format(reason=error.verify_message.lower())
            return ConnectorError("connection", f"the certificate of {server} {said}", help)
    said = f"the certificate of {server} is from no authority that is trusted"
    return ConnectorError("connection", said, f"name the authorities' file in `{option}`")
