"""One connection to an SFTP server: whom it is made to, as whom, and with which algorithms.

Nothing of the user's own SSH is read: no configuration, no agent, no keys, no known hosts.
"""

import re
from getpass import getuser
from pathlib import Path
from typing import Any

import asyncssh

from firn_runtime.connectors.sftp.host_keys import Shown, distrusted, trusted
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import SSH_USER, SftpConfig
from firn_schemas.secret import Secret

_HOST = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9_.:%\]-]*")
_KEEP_ALIVE = 15.0
"""Seconds of silence after which the server is asked whether it is still there; after three such, it is not."""
_ALGORITHMS: dict[str, Any] = {
    "kex_algs": (
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group14-sha256",
    ),
    "encryption_algs": (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "aes256-ctr",
        "aes128-ctr",
    ),
    "mac_algs": (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    ),
    "compression_algs": ("none",),
}
"""The preferred first: AES-GCM takes this library a third of the time of the others."""
_NOTHING_OF_THE_USER: dict[str, Any] = {
    "config": None,
    "agent_path": None,
    "gss_host": None,
    "pkcs11_provider": None,
    "proxy_command": None,
    "x509_trusted_certs": None,
    "x509_trusted_cert_paths": [],
    "client_host_keys": None,
    "send_env": None,
}


class Login:
    """How the connection is made."""

    def __init__(self, config: SftpConfig, timeout: float, base: Path) -> None:
        """Raise ConnectorError for settings that cannot be right."""
        _refuse_odd(config)
        self._config, self._timeout = config, timeout
        self._trusted = trusted(config, base)
        self._key = _key(config.private_key) if config.private_key is not None else None

    async def connect(self) -> asyncssh.SSHClientConnection:
        """Return a connection to the host whose key is trusted; raise ConnectorError, or what asyncssh raises."""
        config, known = self._config, self._trusted
        _refuse_nameless()
        shown = Shown(known.fingerprint)
        try:
            return await asyncssh.connect(
                config.host,
                config.port,
                client_factory=lambda: shown,
                connect_timeout=self._timeout,
                login_timeout=self._timeout,
                keepalive_interval=_KEEP_ALIVE,
                known_hosts=(list(known.keys), list(known.authorities), list(known.revoked)),
                server_host_key_algs=known.kinds,
                username=config.user,
                password=config.password.reveal() if config.password is not None else None,
                client_keys=[self._key] if self._key is not None else None,
                preferred_auth=("publickey", "keyboard-interactive", "password"),
                **_NOTHING_OF_THE_USER,
                **_ALGORITHMS,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise distrusted(config, known, shown.fingerprint) from None


def _refuse_nameless() -> None:
    """Raise ConnectorError where this process's user has no name: asyncssh asks for it, whoever logs in."""
    try:
        getuser()
    except (KeyError, OSError):  # the one before Python 3.13, the other from then on
        message = "the user of this process has no name on this machine"
        raise ConnectorError("connection", message, "set `USER` in the run's environment to any name") from None


def _refuse_odd(config: SftpConfig) -> None:
    for key, fits, text in (("host", _HOST.fullmatch, config.host), ("user", SSH_USER.fits, config.user)):
        if not fits(text):
            raise ConnectorError("connection", f"`{key}` is not the name of a {key}", "it begins with no `-`")
    if config.password is None and config.private_key is None:
        help = "name a secret as `password` or as `private_key`"
        raise ConnectorError("auth", f"nothing says how `{config.user}` logs in at `{config.host}`", help)


def _key(secret: Secret) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(secret.reveal())
    except (asyncssh.KeyImportError, ValueError) as error:
        problem, help = "is not a private key in OpenSSH or PEM form", "the secret is the whole file, with its lines"
        if "assphrase" in str(error):
            problem, help = "is protected by a passphrase", "`ssh-keygen -p -N '' -f KEY` makes one without"
    raise ConnectorError("auth", f"`private_key` {problem}", help)
