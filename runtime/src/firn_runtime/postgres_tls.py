"""How PostgreSQL is trusted: TLS with the server's name checked, unless the server is this machine."""

from pathlib import Path

from firn_schemas.loopback import is_loopback

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities that they trust. The driver's own TLS library looks elsewhere."""


def tls(host: str, sslmode: str | None, sslrootcert: str | None) -> dict[str, str]:
    """Return libpq's `sslmode` and `sslrootcert`; what is not said is `verify-full`, and `disable` on this machine."""
    here = host.startswith("/") or is_loopback(host)  # a folder of sockets is here too
    mode = sslmode or ("disable" if here else "verify-full")
    if not mode.startswith("verify"):
        return {"sslmode": mode, "sslrootcert": sslrootcert or ""}
    system = next((path for path in _BUNDLES if Path(path).is_file()), "system")
    return {"sslmode": mode, "sslrootcert": sslrootcert or system}
