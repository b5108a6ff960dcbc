"""How PostgreSQL is trusted: TLS with the server's name checked, unless the server is this machine."""

import ipaddress
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities that they trust. The driver's own TLS library looks elsewhere."""


def tls(host: str, sslmode: str | None, sslrootcert: str | None) -> dict[str, str]:
    """Return libpq's `sslmode` and `sslrootcert`; what is not said is `verify-full`, and `disable` on this machine."""
    mode = sslmode or ("disable" if _is_here(host) else "verify-full")
    if not mode.startswith("verify"):
        return {"sslmode": mode, "sslrootcert": sslrootcert or ""}
    system = next((path for path in _BUNDLES if Path(path).is_file()), "system")
    return {"sslmode": mode, "sslrootcert": sslrootcert or system}


def _is_here(host: str) -> bool:
    """Return whether it is this machine: a socket's folder, `localhost`, or an address of the loopback."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
