"""Whether an artifact was signed by whom it must be: an envelope beside it, over a statement about its very bytes.

The order never changes: envelope, signatures, and only then what the signed statement says.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firn_runtime.dsse import Envelope, Malformed, envelope_of, json_object
from firn_runtime.errors import ArtifactRefused, UsageError
from firn_runtime.plain_file import plain_content
from firn_schemas.attestation import MAX_ENVELOPE, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, signed_bytes
from firn_schemas.public_key import MAX_BYTES, BadKey, PublicKey, public_keys

_KEY_FILE = "name a file of public keys in PEM"
_SIGN_AGAIN = "sign the artifact with `firn sign`, and deliver what it writes beside the artifact"


class Keys(NamedTuple):
    """Keys, one of which must have signed; `place` is where they were named."""

    place: str
    keys: tuple[PublicKey, ...]


def key_file(name: str) -> Keys:
    """Return the public keys that a file holds; raise UsageError R114."""
    content = key_content(name, "key file", "name a file of public keys")
    try:
        if content is None:
            raise BadKey("is no file of public keys")
        return Keys(f"`{name}`", public_keys(content.decode("ascii", "replace")))
    except BadKey as error:
        raise UsageError("R114", f"the key file `{name}` {error}", _KEY_FILE) from None


def key_content(name: str, what: str, help: str = "") -> bytes | None:
    """Return what a file of keys holds, None where it is larger than any or none; raise UsageError R114."""
    try:
        content = plain_content(name, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be one"
        raise UsageError("R114", f"cannot read the {what} `{name}` ({reason})", help) from None
    return content if content is not None and len(content) <= MAX_BYTES else None


def trusted(texts: Any) -> Keys:
    """Return the keys that an artifact names itself; raise ArtifactRefused R108 where they are none."""
    try:
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadKey("is no list of texts")
        return Keys("the artifact's own `trusted_keys`", tuple(key for text in texts for key in public_keys(text)))
    except BadKey as error:
        message = f"the artifact has not the right shape: payload.security.trusted_keys: {error}"
        raise ArtifactRefused("R108", message, "make it again with `firn compile`") from None


def signers(content: bytes, envelope: Path | None, demanded: Sequence[Keys]) -> tuple[str, ...]:
    """Return by whom an artifact was signed, of the keys that are demanded, by their ids in order.

    Raises ArtifactRefused R113 where one of the demands is not met, R115 where the statement is about something else,
    and UsageError R114 for a key that is none.
    """
    signed = _envelope(envelope)
    if signed.type != PAYLOAD_TYPE:
        raise ArtifactRefused("R113", f"the signatures of `{envelope}` are not over `{PAYLOAD_TYPE}`", _SIGN_AGAIN)
    found: list[str] = []
    for one in demanded:
        valid = list(_valid(one, signed))
        if not valid:
            ids = ", ".join(key.keyid for key in one.keys)
            help = f"expected a signature by a key of {one.place}: {ids}"
            raise ArtifactRefused("R113", f"no signature in `{envelope}` is a valid one by a key that is trusted", help)
        found += valid
    refuse_other_statement(signed.payload, content)
    return tuple(dict.fromkeys(found))


def refuse_other_statement(statement: bytes, content: bytes) -> None:
    """Raise ArtifactRefused R115 where a statement is not the provenance of these bytes."""
    try:
        body = json_object(statement)
    except Malformed as error:
        raise _other(f"what was signed {error}") from None
    for key, wanted in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if body.get(key) != wanted:
            raise _other(f"what was signed has not `{wanted}` as its `{key}`")
    digest = hashlib.sha256(content).hexdigest()
    if digest not in _subjects(body.get("subject")):
        raise _other("what was signed is about another file than this artifact")


def _other(message: str) -> ArtifactRefused:
    return ArtifactRefused("R115", message, "compile and sign again, and deliver both files together")


def _subjects(rows: Any) -> Iterator[Any]:
    for row in rows if isinstance(rows, list) else ():
        digests = row.get("digest") if isinstance(row, dict) else None
        yield digests.get("sha256") if isinstance(digests, dict) else None


def _envelope(path: Path | None) -> Envelope:
    if path is None:
        help = "give the artifact as a file: its signatures lie beside it"
        raise ArtifactRefused("R113", "the artifact must be signed, and bytes alone have no signature", help)
    try:
        content = plain_content(path, MAX_ENVELOPE)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            message = f"the artifact must be signed, and there is no `{path}`"
        else:
            message = f"cannot read the signatures `{path}` ({error.strerror})"
        raise ArtifactRefused("R113", message, _SIGN_AGAIN) from None
    if content is None or len(content) > MAX_ENVELOPE:
        raise ArtifactRefused("R113", f"`{path}` is no file, or larger than {MAX_ENVELOPE // 2**20} MiB", _SIGN_AGAIN)
    try:
        return envelope_of(content)
    except Malformed as error:
        raise ArtifactRefused("R113", f"`{path}` is no envelope of signatures: it {error}", _SIGN_AGAIN) from None


def _valid(wanted: Keys, signed: Envelope) -> Iterator[str]:
    """Yield the ids of the keys that signed; what a signature claims of its key counts for nothing."""
    from firn_runtime.asymmetric import verifies

    message = signed_bytes(signed.type, signed.payload)
    for key in wanted.keys:
        try:
            if any(verifies(key, one.value, message) for one in signed.signatures):
                yield key.keyid
        except BadKey as error:
            raise UsageError("R114", f"a key of {wanted.place} {error}", "make a new one") from None
