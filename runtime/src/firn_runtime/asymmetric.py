"""The one door to `cryptography`: signatures by Ed25519 (RFC 8032) and ECDSA (FIPS 186-5, in DER as RFC 3279 has it).

P-256 is used with SHA-256, P-384 with SHA-384. It is imported where a signature is asked for, and by no other run.
"""

from typing import Any, NamedTuple

from firn_runtime.errors import UsageError
from firn_schemas.public_key import TAKEN, BadKey, PublicKey, key_of

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    message, help = "signatures need the extra `signing`", "pip install 'firn-runtime[signing]'"
    raise UsageError("R114", message, help) from None

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ed25519": (),
    "ecdsa-p256": (ec.ECDSA(hashes.SHA256()),),
    "ecdsa-p384": (ec.ECDSA(hashes.SHA384()),),
}
"""By the kind of a key, what `sign` and `verify` are told beside the message."""


def verifies(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the key's owner made this signature over the message; raise BadKey for a point off its curve."""
    try:
        loaded: Any = serialization.load_der_public_key(key.der)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("is damaged: it is no point of its curve") from None
    try:
        loaded.verify(signature, message, *ARGUMENTS[key.kind])
    except InvalidSignature:
        return False
    return True


class Signer(NamedTuple):
    """A private key, which is never shown, and its public half."""

    public: PublicKey
    private: Any

    def __repr__(self) -> str:
        return f"Signer({self.public.keyid})"

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message."""
        made: bytes = self.private.sign(message, *ARGUMENTS[self.public.kind])
        return made


def signer(pem: bytes, passphrase: bytes | None) -> Signer:
    """Return the private key that a PEM text holds; raise BadKey, which shows nothing of text or passphrase."""
    try:
        private: Any = serialization.load_pem_private_key(pem, passphrase)
    except TypeError:
        words = (
            "needs a passphrase: `--passphrase-ref`"
            if passphrase is None
            else "is not encrypted: it needs no passphrase"
        )
        raise BadKey(words) from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "or the passphrase is wrong" if passphrase is not None else "(PKCS#8: `-----BEGIN PRIVATE KEY-----`)"
        raise BadKey(f"is not a private key in PEM {reason}") from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        return Signer(key_of(private.public_key().public_bytes(*form)), private)
    except (AttributeError, ValueError) as error:
        raise (error if isinstance(error, BadKey) else BadKey(f"is a key of another kind; {TAKEN}")) from None
