"""Which host keys are trusted: lines as in OpenSSH's `known_hosts` (sshd(8)), or one fingerprint. Never the first seen.

A host key is public: a message may show its fingerprint.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asyncssh import SSHClient, SSHKey, import_known_hosts
from asyncssh.known_hosts import SSHKnownHosts

from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import SftpConfig

_SSH = 22
_LARGEST = 1 << 24
"""Bytes of a file of host keys that is read."""
_BLOB = "AAAA"
"""How every key of a line begins: the base64 of a length below 2^24."""
_KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""Kinds of signatures that are believed, the preferred first; no SHA-1."""
_CERTIFIED = tuple(
    f"{kind}-cert-v01@openssh.com" for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
)


class Trusted(NamedTuple):
    """What a server may show."""

    keys: Sequence[SSHKey] = ()
    authorities: Sequence[SSHKey] = ()
    revoked: Sequence[SSHKey] = ()
    fingerprint: str = ""
    """`SHA256:` and the base64 of a digest, without its padding; empty: the keys count."""

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of keys to ask for: those that are known first, so that a server shows what can be known."""
        known = {kind.decode() for key in self.keys for kind in key.sig_algorithms}
        return [*(_CERTIFIED if self.authorities else ()), *sorted(_KINDS, key=lambda kind: kind not in known)]


def trusted(config: SftpConfig, base: Path) -> Trusted:
    """Return what `config` trusts for its host; raise ConnectorError where it says that in no way, or in two."""
    if bool(config.known_hosts) == bool(config.host_key_fingerprint):
        message = "exactly one of `known_hosts` and `host_key_fingerprint` says which host key is trusted"
        raise ConnectorError("connection", message, "the other one is left out")
    if config.host_key_fingerprint:
        return Trusted(fingerprint=_fingerprint(config.host_key_fingerprint))
    lines = _lines(config.known_hosts or "", base)
    found = [lines.match(name, "", None) for name in _names(config)]
    keys, authorities = next(((one[0], one[1]) for one in found if one[0] or one[1]), ((), ()))
    return Trusted(keys, authorities, [key for one in found for key in one[2]])


class Shown(SSHClient):
    """Hears which key the server shows, and says whether it is the one of the fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self.fingerprint = ""
        """Of a key that is not trusted; empty: none was shown."""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
        """Say whether a key that no line holds is trusted."""
        del host, addr, port
        shown = key.get_fingerprint("sha256")
        if shown == self._fingerprint:
            return True
        self.fingerprint = f"{shown} ({key.get_algorithm()})"
        return False


def distrusted(config: SftpConfig, known: Trusted, shown: str) -> ConnectorError:
    """Return the error for a key that is not trusted."""
    where = f"`{config.host}`, port {config.port}"
    if not shown:
        return ConnectorError("connection", f"the host key of {where} is revoked or its certificate is not trusted")
    option = "known_hosts" if config.known_hosts else "host_key_fingerprint"
    if known.keys or known.fingerprint:
        help = f"ask its operator; if the key was replaced, put the new one in `{option}`"
        return ConnectorError("connection", f"the host key of {where} is not the one that is trusted: {shown}", help)
    port = "" if config.port == _SSH else f"-p {config.port} "
    message = f"the host key of {where} is unknown: it shows {shown}"
    help = f"compare it with what its operator says, then add the line of `ssh-keyscan {port}{config.host}` to it"
    return ConnectorError("connection", f"{message}, and `known_hosts` has no line for it", help)


def _names(config: SftpConfig) -> list[str]:
    """Return what the host is called in lines: with its port before without it. A key is revoked by either."""
    return [config.host] if config.port == _SSH else [f"[{config.host}]:{config.port}", config.host]


def _fingerprint(text: str) -> str:
    kind, _, digest = text.strip().rstrip("=").partition(":")
    if kind.upper() != "SHA256" or len(digest) != 43:
        help = "it is `SHA256:` and 43 characters, as `ssh-keygen -lf KEY.pub` shows it"
        raise ConnectorError("connection", "`host_key_fingerprint` is not the fingerprint of a key", help)
    return f"SHA256:{digest}"


def _lines(text: str, base: Path) -> SSHKnownHosts:
    """Return the lines that a text holds or, where it holds no key, of the file that it names."""
    if not any(word.startswith(_BLOB) for word in text.split()):
        text = _content(base / text, text)
    try:
        return import_known_hosts(text)
    except ValueError:
        help = "each is a host, a kind and a key, as `ssh-keyscan HOST` prints it"
        raise ConnectorError("connection", "`known_hosts` holds a line that is none of a host key", help) from None


def _content(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode()
    except (OSError, ValueError):
        help = "it is a file of lines as `ssh-keyscan HOST` prints them, or the lines themselves"
        raise ConnectorError("connection", f"`known_hosts` cannot be read: `{name}`", help) from None
