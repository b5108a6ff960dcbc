"""Signing an artifact: the statement that the compiler wrote beside it, in an envelope beside both."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from firn_runtime.artifact_file import look, read_bytes
from firn_runtime.asymmetric import Signer, signer
from firn_runtime.dsse import MAX_SIGNATURES, Envelope, Malformed, Signature, envelope_bytes, envelope_of
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ArtifactRefused, FirnError, UsageError
from firn_runtime.plain_file import plain_content
from firn_runtime.secret_sources import mounts_of, resolve_secrets
from firn_runtime.signatures import key_content, refuse_other_statement
from firn_schemas.artifact import RequiredSecret
from firn_schemas.attestation import (
    MAX_ENVELOPE,
    MAX_STATEMENT,
    PAYLOAD_TYPE,
    envelope_path,
    signed_bytes,
    statement_path,
    taking_turns,
)
from firn_schemas.public_key import BadKey
from firn_schemas.secret_ref import valid_key, valid_name, variable_name
from firn_schemas.visible import os_reason


class Signed(NamedTuple):
    """What signing came to."""

    envelope: Path
    keyid: str
    signatures: int
    """How many the envelope holds now."""


def key_from_file(name: str) -> bytes:
    """Return the PEM text of a private key; raise UsageError R114."""
    content = key_content(name, "private key")
    if content is None:
        raise UsageError("R114", f"`{name}` is no file of a private key")
    return content


def from_reference(text: str, environ: Mapping[str, str]) -> bytes:
    """Return what `REF` or `REF/KEY` holds, looked up as a run does; raise UsageError R114 and InputsMissing."""
    ref, slash, key = text.partition("/")
    if not valid_name(ref) or (slash and not valid_key(key)):
        raise UsageError("R114", "this is not a reference to a secret", "write `REF` or `REF/KEY`")
    name = (ref, key if slash else None)
    wanted = RequiredSecret(ref=ref, key=name[1], variable=variable_name(*name), used_by=["firn sign"])
    return resolve_secrets([wanted], environ, mounts_of([], environ))[name].secret.reveal().encode()


def private_key(pem: bytes, passphrase: bytes | None) -> Signer:
    """Return a private key; raise UsageError R114, which shows nothing of either."""
    try:
        return signer(pem, passphrase)
    except BadKey as error:
        help = "a new one is made by `openssl genpkey -algorithm ed25519`"
        raise UsageError("R114", f"the private key {error}", help) from None


def sign(artifact: Path, key: Signer) -> Signed:
    """Add a signature to those of an artifact, or begin with it where there is none over the same statement.

    Raises ArtifactRefused where artifact or statement are not what they should be, FirnError R114 where the envelope
    cannot be written.
    """
    place = envelope_path(artifact)
    with taking_turns(artifact):
        content = read_bytes(artifact)
        look(content)
        statement = _statement(statement_path(artifact))
        refuse_other_statement(statement, content)
        before = tuple(one for one in _before(place, statement) if one.keyid != key.public.keyid)
        if len(before) >= MAX_SIGNATURES:
            message = f"`{place}` holds {len(before)} signatures by other keys, and more are not read"
            raise FirnError("R114", message, "remove it, and sign again")
        made = Signature(key.public.keyid, key.sign(signed_bytes(PAYLOAD_TYPE, statement)))
        _replace(place, envelope_bytes(Envelope(statement, PAYLOAD_TYPE, (*before, made))))
    return Signed(place, made.keyid, len(before) + 1)


def _statement(path: Path) -> bytes:
    try:
        content = plain_content(path, MAX_STATEMENT)
    except OSError as error:
        message = f"cannot read the statement `{path}` ({error.strerror})"
        raise ArtifactRefused("R115", message, "`firn compile` writes it beside the artifact") from None
    if content is None or len(content) > MAX_STATEMENT:
        raise ArtifactRefused("R115", f"`{path}` is no file, or larger than {MAX_STATEMENT // 2**20} MiB")
    return content


def _before(place: Path, statement: bytes) -> tuple[Signature, ...]:
    """Return the signatures that an envelope holds over this very statement."""
    try:
        envelope = envelope_of(plain_content(place, MAX_ENVELOPE) or b"")
    except (OSError, Malformed):
        return ()
    same = (envelope.payload, envelope.type) == (statement, PAYLOAD_TYPE)
    return envelope.signatures if same else ()


def _replace(place: Path, content: bytes) -> None:
    """Write a file whole or not at all; raise FirnError R114."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
            make_durable(Path(name))
            os.replace(name, place)
        except BaseException:
            os.unlink(name)
            raise
        make_names_durable(place.parent)
    except OSError as error:
        raise FirnError("R114", f"cannot write `{place}`: {os_reason(error)}") from None
