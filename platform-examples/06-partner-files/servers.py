"""The partner's SFTP server and a mail server on loopback, until standard input ends.

Ports and passwords are taken from the environment; keys and certificates are made for this run.
"""

import asyncio
import ipaddress
import logging
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OUT = Path("out")
HOST = "127.0.0.1"


def certificate() -> ssl.SSLContext:
    """Make a certificate for loopback that is its own authority, leave it in `ca.pem`, and return how to serve it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)  # signs handshakes and keys
    builder = builder.add_extension(usage, critical=True)
    (OUT / "ca.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (OUT / "key.pem").write_bytes(key.private_bytes(*form))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(OUT / "ca.pem", OUT / "key.pem")
    (OUT / "key.pem").unlink()
    return context


class Letterbox:
    """Leaves each message in a file of its own."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        number = len(list((OUT / "post").iterdir())) + 1
        (OUT / "post" / f"{number}.eml").write_bytes(envelope.content)
        return "250 taken"


@contextmanager
def post(port: int, password: str) -> Iterator[None]:
    """Take mail, over TLS alone and from one user alone, until the block ends."""
    (OUT / "post").mkdir()

    def known(*told: Any) -> AuthResult:
        return AuthResult(success=told[-1] == LoginPassword(b"firn", password.encode()))

    rules: dict[str, Any] = {"require_starttls": True, "auth_required": True, "authenticator": known}
    controller = Controller(Letterbox(), HOST, port, tls_context=certificate(), **rules)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


async def partner(port: int, private_key: str) -> None:
    """Serve the folder `partner` over SFTP to one key alone, and say when both servers answer, until input ends."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    public = host_key.export_public_key().decode().strip()
    (OUT / "known_hosts").write_text(f"[{HOST}]:{port} {public}\n")
    allowed = asyncssh.import_private_key(private_key).export_public_key().decode()
    served = await asyncssh.listen(
        HOST,
        port,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(allowed),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(OUT / "partner")),
    )
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    served.close()


if __name__ == "__main__":
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    with post(int(os.environ["POST_PORT"]), os.environ["POST_PASSWORD"]):
        asyncio.run(partner(int(os.environ["PARTNER_PORT"]), os.environ["PARTNER_SFTP"]))
