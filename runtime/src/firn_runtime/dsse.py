"""Envelopes of the Dead Simple Signing Envelope, 1.0.2: what is signed, of what type, and by whom.

Fields that the specification does not know are ignored, as it asks; a key that stands twice is refused.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple

from firn_schemas.base import JsonObject
from firn_schemas.canonical import file_bytes
from firn_schemas.visible import is_unicode

MAX_SIGNATURES = 64


class Malformed(ValueError):
    """A text that is not what it should be; the predicate says why."""


class Signature(NamedTuple):
    """A signature, and by which key it claims to be: a hint that nothing vouches for."""

    keyid: str
    value: bytes


class Envelope(NamedTuple):
    """What was signed, and the signatures; none of them is checked yet."""

    payload: bytes
    type: str
    signatures: tuple[Signature, ...]


def envelope_of(content: bytes) -> Envelope:
    """Return the envelope that a file holds; raise Malformed."""
    body = json_object(content)
    rows = body.get("signatures")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed("has no list of `signatures`")
    if not 1 <= len(rows) <= MAX_SIGNATURES:
        raise Malformed("has no signature" if not rows else f"has more than {MAX_SIGNATURES} signatures")
    found = tuple(Signature(_text(row.get("keyid", ""), "keyid"), _bytes(row.get("sig"), "sig")) for row in rows)
    return Envelope(_bytes(body.get("payload"), "payload"), _text(body.get("payloadType"), "payloadType"), found)


def envelope_bytes(envelope: Envelope) -> bytes:
    """Return an envelope as a file."""
    rows: Any = [{"keyid": one.keyid, "sig": base64.b64encode(one.value).decode()} for one in envelope.signatures]
    payload = base64.b64encode(envelope.payload).decode()
    body: JsonObject = {"payload": payload, "payloadType": envelope.type, "signatures": rows}
    return file_bytes(body)


def json_object(content: bytes) -> dict[str, Any]:
    """Return the object that a JSON text holds, in which no key stands twice; raise Malformed."""
    try:
        found = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Malformed) else Malformed("is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("has a key twice")
    return found


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not is_unicode(value):
        raise Malformed(f"has no text as `{name}`")
    return value


def _bytes(value: Any, name: str) -> bytes:
    """Return what Base64 of either alphabet spells; only the one spelling that the bytes have in it is taken."""
    text = _text(value, name)
    for letters in (b"+/", b"-_"):
        try:
            found = base64.b64decode(text, letters, validate=True)
        except (binascii.Error, ValueError):
            continue
        if base64.b64encode(found, letters).decode() == text:
            return found
    raise Malformed(f"has a `{name}` that is not Base64")
