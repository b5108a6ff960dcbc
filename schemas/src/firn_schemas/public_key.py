"""Public keys as people hand them around: SubjectPublicKeyInfo (RFC 5280, section 4.1) in PEM (RFC 7468).

Three kinds are taken, each in its one DER form, so that a key has one name. That the point of an ECDSA key lies on its
curve is left to who verifies with it.
"""

import base64
import binascii
import hashlib
import re
from typing import Literal, NamedTuple

Kind = Literal["ed25519", "ecdsa-p256", "ecdsa-p384"]
FORMS: dict[bytes, tuple[Kind, int]] = {
    bytes.fromhex("302a300506032b6570032100"): ("ed25519", 32),
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"): ("ecdsa-p256", 64),
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"): ("ecdsa-p384", 96),
}
"""How the DER of each kind begins, and how many bytes follow; ECDSA's points are not compressed."""

TAKEN = "Ed25519, ECDSA P-256 and ECDSA P-384 are taken"
MAX_BYTES = 64 * 1024
MAX_KEYS = 16
_RSA = bytes.fromhex("06092a864886f70d0101")
_BLOCK = re.compile(r"\s*-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----(?P<body>[^-]*)-----END (?P=label)-----\s*")


class BadKey(ValueError):
    """A text that holds no usable public key; the predicate says why, and shows nothing of it."""


class PublicKey(NamedTuple):
    """A public key."""

    kind: Kind
    der: bytes

    @property
    def keyid(self) -> str:
        """SHA-256 of its DER, in hexadecimal: its name in envelopes and messages."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """Its one spelling in PEM."""
        body = base64.b64encode(self.der).decode()
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def public_keys(text: str) -> tuple[PublicKey, ...]:
    """Return the keys that a text holds, one PEM block after the other and nothing beside them; raise BadKey."""
    if "PRIVATE KEY-----" in text:
        raise BadKey("holds a private key; give its public half: `openssl pkey -in KEY -pubout`")
    keys: list[PublicKey] = []
    end = 0
    while end < len(text) or not keys:
        block = _BLOCK.match(text, end)
        if block is None:
            raise BadKey("is not a public key in PEM (`-----BEGIN PUBLIC KEY-----`)")
        keys.append(_key(block["label"], block["body"]))
        end = block.end()
        if len(keys) > MAX_KEYS:
            raise BadKey(f"holds more than {MAX_KEYS} keys")
    return tuple(keys)


def key_of(der: bytes) -> PublicKey:
    """Return the key of a DER form; raise BadKey."""
    for beginning, (kind, more) in FORMS.items():
        if der.startswith(beginning) and len(der) == len(beginning) + more:
            return PublicKey(kind, der)
    raise BadKey(f"is an RSA key; {TAKEN}" if _RSA in der[:40] else f"is a key of another kind; {TAKEN}")


def _key(label: str, body: str) -> PublicKey:
    if label == "RSA PUBLIC KEY":
        raise BadKey(f"is an RSA key; {TAKEN}")
    if label != "PUBLIC KEY":
        raise BadKey(f"is a {label.lower()}, not a public key")
    try:
        return key_of(base64.b64decode("".join(body.split()), validate=True))
    except binascii.Error:
        raise BadKey("is damaged: it is not Base64") from None
