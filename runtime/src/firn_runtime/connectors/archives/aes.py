"""The door to pyzipper: members encrypted with WinZip's AES, made and opened.

Specification: WinZip, "AES Encryption Information", version 1.04. The old cipher of ZIP is not used: it is broken.
"""

import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from pyzipper import WZ_AES, AESZipFile
from pyzipper.zipfile import BadZipFile
from pyzipper.zipfile_aes import WZ_KEY_LENGTHS, WZ_SALT_LENGTHS, AESZipDecrypter

from firn_runtime.connectors.archives.bad import BadArchive, PasswordNeeded, member
from firn_runtime.connectors.archives.zip_data import Hidden
from firn_runtime.connectors.archives.zip_directory import AES, Entry, extras
from firn_schemas.secret import Secret

_FIELD, _CODE = 0x9901, 10
"""Number of the extra field, and bytes of the code that authenticates the data behind it."""
_CHECK = 2
"""Bytes by which a password is recognised."""


class _Strength(NamedTuple):
    """What pyzipper asks of an entry."""

    filename: str
    wz_aes_strength: int


def opened(entry: Entry, data: Iterator[bytes], password: Secret | None) -> Hidden:
    """Return a member's data, its method and its checksum, which is below 0 where there is none."""
    version, vendor, strength, method = _field(entry)
    if vendor != b"AE" or version not in (1, 2) or strength not in WZ_KEY_LENGTHS:
        raise BadArchive(f"{member(entry.name)} is encrypted in a way that is not supported")
    if password is None:
        raise PasswordNeeded(f"{member(entry.name)} is encrypted", "set the connector's `password`")
    head = WZ_SALT_LENGTHS[strength] + _CHECK
    if entry.packed < head + _CODE:
        raise BadArchive(f"{member(entry.name)} is too short to be encrypted")
    plain = _decrypted(entry, data, strength, head, password)
    return plain, method, entry.crc if version == 1 else -1


def _field(entry: Entry) -> tuple[int, bytes, int, int]:
    field = extras(entry.extra).get(_FIELD, b"")
    if entry.method != AES or len(field) != 7:
        help = "only AES is supported: ask for an archive that is encrypted with AES-256"
        raise BadArchive(f"{member(entry.name)} is encrypted with the old cipher of ZIP, which is broken", help)
    version, vendor, strength, method = struct.unpack("<H2sBH", field)
    return version, vendor, strength, method


def _decrypted(entry: Entry, data: Iterator[bytes], strength: int, head: int, password: Secret) -> Iterator[bytes]:
    held = b""
    while len(held) < head:
        held += next(data)
    cipher = _cipher(entry, strength, held[:head], password)
    held = held[head:]
    for block in data:
        held += block
        ready = max(0, len(held) - _CODE)
        yield cipher.decrypt(held[:ready])
        held = held[ready:]
    if len(held) > _CODE:
        yield cipher.decrypt(held[:-_CODE])
    try:
        cipher.check_hmac(held[-_CODE:])
    except BadZipFile:
        raise BadArchive(f"{member(entry.name)} was altered, or has another password") from None


def _cipher(entry: Entry, strength: int, head: bytes, password: Secret) -> Any:
    try:
        return AESZipDecrypter(_Strength(entry.name, strength), password.reveal().encode(), head)
    except RuntimeError:
        help = "check the connector's `password`"
        raise PasswordNeeded(f"{member(entry.name)} is encrypted with another password", help) from None


def new_archive(file: IO[bytes], method: int, password: Secret) -> Any:
    """Return an empty archive whose members will be encrypted with AES-256, in the form AE-2."""
    made = AESZipFile(
        file,
        "w",
        method,
        encryption=WZ_AES,
        encryption_kwargs={"nbits": 256, "force_wz_aes_version": 2},
    )
    made.setpassword(password.reveal().encode())
    return made
