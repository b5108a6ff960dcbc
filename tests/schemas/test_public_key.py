"""Public keys as people hand them around, and everything that is none."""

import base64
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519

from firn_schemas.public_key import FORMS, MAX_KEYS, BadKey, public_keys

SPKI = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(private: Any) -> str:
    text: str = private.public_key().public_bytes(*SPKI).decode()
    return text


ED = pem(ed25519.Ed25519PrivateKey.generate())
P256 = pem(ec.generate_private_key(ec.SECP256R1()))
P384 = pem(ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.parametrize(("text", "kind"), [(ED, "ed25519"), (P256, "ecdsa-p256"), (P384, "ecdsa-p384")])
def test_a_key_of_each_kind_is_read_and_has_one_spelling(text: str, kind: str) -> None:
    (key,) = public_keys(text)
    assert (key.kind, key.pem) == (kind, text)
    loose = text.replace("\n", "\r\n\n", 1).replace("=", "=\n")
    assert public_keys(f"\n {loose} \n") == (key,)


def test_the_id_of_a_key_is_what_openssl_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(P256)
    words = "openssl pkey -pubin -in key.pub -outform DER | openssl dgst -sha256 -r"
    told = subprocess.run(words, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert public_keys(P256)[0].keyid == told.split()[0]


def test_a_file_may_hold_several_keys() -> None:
    assert [key.kind for key in public_keys(ED + P256 + "\n\n" + P384)] == [kind for kind, _ in FORMS.values()]


PRIVATE = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    .decode()
)
COMPRESSED = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a public key in PEM"),
        ("no key", "is not a public key in PEM"),
        (ED + "and more", "is not a public key in PEM"),
        ("more and" + ED, "is not a public key in PEM"),
        (ED.replace("END PUBLIC", "END PUBLISH"), "is not a public key in PEM"),
        (ED[:-30], "is not a public key in PEM"),
        (ED.replace("MCow", "MCo!"), "is damaged"),
        (ED.replace("MCow", "MCo"), "is damaged"),
        (ED.replace("MCow", "MCox"), "is a key of another kind"),
        (f"-----BEGIN PUBLIC KEY-----\n{COMPRESSED}\n-----END PUBLIC KEY-----\n", "is a key of another kind"),
        (pem(rsa.generate_private_key(65537, 2048)), "is an RSA key"),
        ("-----BEGIN RSA PUBLIC KEY-----\nMAo=\n-----END RSA PUBLIC KEY-----", "is an RSA key"),
        (pem(dsa.generate_private_key(2048)), "is a key of another kind"),
        (pem(x25519.X25519PrivateKey.generate()), "is a key of another kind"),
        (pem(ec.generate_private_key(ec.SECP521R1())), "is a key of another kind"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "is a key of another kind"),
        ("-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----", "is a certificate, not a public key"),
        (PRIVATE, "holds a private key"),
        (ED + PRIVATE, "holds a private key"),
        (ED * (MAX_KEYS + 1), "holds more than"),
        ("-----BEGIN " * 30_000, "is not a public key in PEM"),
    ],
    ids=count(),
)
def test_what_is_no_key_is_refused_with_its_reason_and_never_shown(text: str, words: str) -> None:
    with pytest.raises(BadKey) as caught:
        public_keys(text)
    assert words in str(caught.value)
    assert not any(line in str(caught.value) for line in text.splitlines() if len(line) > 40)


@pytest.mark.parametrize("text", [ED, P256, P384])
def test_a_key_is_as_long_as_its_kind_has_it(text: str) -> None:
    der = base64.b64decode("".join(text.splitlines()[1:-1]))
    for changed in (der[:-1], der + b"\0"):
        body = base64.b64encode(changed).decode()
        with pytest.raises(BadKey, match="is a key of another kind"):
            public_keys(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")


def test_every_bit_of_the_form_counts() -> None:
    der = base64.b64decode("".join(P256.splitlines()[1:-1]))
    for bit in range(27 * 8):  # what follows is the point itself
        changed = bytearray(der)
        changed[bit // 8] ^= 1 << bit % 8
        body = base64.b64encode(changed).decode()
        with pytest.raises(BadKey):
            public_keys(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
