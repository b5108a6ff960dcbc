"""Whom an artifact must be signed by, and everything that passes for a signature and is none."""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from firn_runtime import Edge, Options, load_artifact, run_artifact, verify_artifact
from firn_runtime.artifact_file import Demand, decoded, demand, load_any, look, verify
from firn_runtime.asymmetric import Signer, signer
from firn_runtime.dsse import MAX_SIGNATURES, Envelope, Malformed, Signature, envelope_bytes, envelope_of
from firn_runtime.errors import ArtifactRefused, FirnError, UsageError
from firn_runtime.signing import sign
from firn_schemas.attestation import (
    MAX_ENVELOPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    envelope_path,
    signed_bytes,
    statement_path,
)
from runtime.artifacts import job, payload, spelled

TYPES = ("ed25519", "ecdsa-p256", "ecdsa-p384")


def made(kind: str = "ed25519") -> Signer:
    """Return a new key of a kind."""
    curves = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1()}
    key: Any = ec.generate_private_key(curves[kind]) if kind in curves else ed25519.Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signer(key.private_bytes(*form), None)


OURS, THEIRS = made(), made()


def statement(content: bytes, **changes: Any) -> bytes:
    """Return what the compiler says of an artifact, as far as it matters here."""
    subject = [{"name": "x.json", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}]
    body = {"_type": STATEMENT_TYPE, "subject": subject, "predicateType": PREDICATE_TYPE, "predicate": {}}
    return json.dumps(body | changes).encode()


class Place(NamedTuple):
    """An artifact with its statement, in a folder."""

    artifact: Path

    @property
    def content(self) -> bytes:
        return self.artifact.read_bytes()

    def trusting(self, *keys: Signer) -> Demand:
        """Return a demand for a signature by each of these keys."""
        files = []
        for number, key in enumerate(keys):
            file = self.artifact.with_name(f"{number}.pub")
            file.write_text(key.public.pem)
            files.append(str(file))
        return Demand(self.artifact, tuple(files))

    def put(self, *signatures: bytes, body: bytes | None = None, type: str = PAYLOAD_TYPE, keyid: str = "") -> None:
        """Write an envelope with these signatures."""
        body = statement(self.content) if body is None else body
        envelope = Envelope(body, type, tuple(Signature(keyid, one) for one in signatures))
        envelope_path(self.artifact).write_bytes(envelope_bytes(envelope))

    def code(self, *keys: Signer) -> str:
        """Return the code with which the artifact is refused; empty where it is not."""
        try:
            verify(self.content, self.trusting(*keys))
        except FirnError as error:
            return error.code
        return ""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    artifact = tmp_path / "compiled_artifacts.json"
    artifact.write_bytes(spelled(payload(job("a"))))
    statement_path(artifact).write_bytes(statement(artifact.read_bytes()))
    return Place(artifact)


def over(body: bytes, type: str = PAYLOAD_TYPE, key: Signer = OURS) -> bytes:
    return key.sign(signed_bytes(type, body))


def test_the_encoding_before_signing_is_that_of_the_specification() -> None:
    encoded = signed_bytes("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("kind", TYPES)
def test_a_signature_of_each_kind_is_accepted_and_its_signer_named(place: Place, kind: str) -> None:
    key = made(kind)
    sign(place.artifact, key)
    assert verify(place.content, place.trusting(key)).signers == (key.public.keyid,)


def test_where_nobody_asks_nothing_is_read(place: Place) -> None:
    envelope_path(place.artifact).write_bytes(b"no envelope")
    assert verify(place.content, Demand(place.artifact)).signers == ()


def test_a_missing_signature_is_refused(place: Place) -> None:
    assert place.code(OURS) == "R113"


def test_an_artifact_that_was_signed_again_with_another_key_is_refused(place: Place) -> None:
    sign(place.artifact, THEIRS)
    assert place.code(OURS) == "R113"


def test_an_artifact_that_was_compiled_again_needs_another_signature(place: Place) -> None:
    sign(place.artifact, OURS)
    place.artifact.write_bytes(spelled(payload(job("b"))))
    assert place.code(OURS) == "R115"


def test_of_several_keys_that_are_asked_for_each_must_have_signed(place: Place) -> None:
    sign(place.artifact, OURS)
    assert place.code(OURS, THEIRS) == "R113"
    sign(place.artifact, THEIRS)
    assert verify(place.content, place.trusting(OURS, THEIRS)).signers == (
        OURS.public.keyid,
        THEIRS.public.keyid,
    )


def test_of_the_keys_in_one_file_one_is_enough(place: Place, tmp_path: Path) -> None:
    sign(place.artifact, OURS)
    (tmp_path / "both.pub").write_text(THEIRS.public.pem + OURS.public.pem)
    found = verify(place.content, Demand(place.artifact, (str(tmp_path / "both.pub"),)))
    assert found.signers == (OURS.public.keyid,)


def test_what_is_not_valid_does_not_spoil_what_is(place: Place) -> None:
    """DSSE 1.0.2, protocol: several signatures are as good as several envelopes, of which others may be anything."""
    good = over(statement(place.content))
    place.put(b"junk", over(b"other"), good, b"", keyid=OURS.public.keyid)
    assert place.code(OURS) == ""
    place.put(b"junk", over(b"other"), b"")
    assert place.code(OURS) == "R113"


def test_what_a_signature_says_of_its_key_counts_for_nothing(place: Place) -> None:
    body = statement(place.content)
    place.put(over(body), keyid=THEIRS.public.keyid)
    assert (place.code(OURS), place.code(THEIRS)) == ("", "R113")


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": []},
        {"subject": None},
        {"subject": [7, {"digest": 7}, {}]},
        {"subject": [{"digest": {"sha512": "0" * 128}}]},
        {"subject": [{"digest": {"sha256": "0" * 64}}]},
        {"subject": [{"name": "x", "digest": {"sha256": hashlib.sha256(b"other").hexdigest()}}]},
        {"predicateType": "https://slsa.dev/provenance/v0.2"},
        {"predicateType": None},
        {"_type": "https://in-toto.io/Statement/v0.1"},
    ],
)
def test_a_statement_about_something_else_is_refused_though_its_signature_is_right(place: Place, changes: Any) -> None:
    body = statement(place.content, **changes)
    place.put(over(body), body=body)
    assert place.code(OURS) == "R115"


@pytest.mark.parametrize("body", [b"", b"7", b"[" * 100_000, b"\xff\xfe", b'{"a": 1, "a": 1}', b'{"a": ' + b"9" * 9999])
def test_something_signed_that_is_no_statement_is_refused(place: Place, body: bytes) -> None:
    place.put(over(body), body=body)
    assert place.code(OURS) == "R115"


def test_of_two_keys_of_a_statement_no_one_decides(place: Place) -> None:
    body = statement(b"other")
    body = body[:-1] + b', "subject": ' + json.dumps(json.loads(statement(place.content))["subject"]).encode() + b"}"
    place.put(over(body), body=body)
    assert place.code(OURS) == "R115"


@pytest.mark.parametrize("type", ["", "text/plain", "application/vnd.in-toto", "application/vnd.in-toto+json "])
def test_a_payload_of_another_type_is_refused_though_its_signature_is_right(place: Place, type: str) -> None:
    body = statement(place.content)
    place.put(over(body, type), body=body, type=type)
    assert place.code(OURS) == "R113"


def test_a_signature_over_the_bare_payload_is_none(place: Place) -> None:
    place.put(OURS.sign(statement(place.content)))
    assert place.code(OURS) == "R113"


def test_a_type_that_was_exchanged_after_signing_is_found(place: Place) -> None:
    body = statement(place.content)
    place.put(over(body, "text/plain"), body=body)
    assert place.code(OURS) == "R113"


@pytest.mark.parametrize(("kind", "size"), [("ecdsa-p256", 32), ("ecdsa-p384", 48)])
def test_an_ecdsa_signature_that_is_not_in_der_is_refused(place: Place, kind: str, size: int) -> None:
    key = made(kind)
    r, s = decode_dss_signature(over(statement(place.content), key=key))
    place.put(r.to_bytes(size) + s.to_bytes(size))
    assert place.code(key) == "R113"


def test_a_signature_with_another_hash_is_refused(place: Place) -> None:
    key = made("ecdsa-p384")
    place.put(key.private.sign(signed_bytes(PAYLOAD_TYPE, statement(place.content)), ec.ECDSA(hashes.SHA256())))
    assert place.code(key) == "R113"


@pytest.mark.parametrize("signed", TYPES)
@pytest.mark.parametrize("trusted", TYPES)
def test_a_signature_by_a_key_of_another_kind_is_refused(place: Place, signed: str, trusted: str) -> None:
    place.put(over(statement(place.content), key=made(signed)))
    assert place.code(made(trusted)) == "R113"


def test_a_key_off_its_curve_is_refused(place: Place, tmp_path: Path) -> None:
    key = made("ecdsa-p256").public
    off = key._replace(der=key.der[:-1] + bytes([key.der[-1] ^ 1]))
    place.put(b"x")
    (tmp_path / "off.pub").write_text(off.pem)
    with pytest.raises(UsageError, match="no point of its curve"):
        verify(place.content, Demand(place.artifact, (str(tmp_path / "off.pub"),)))


BODY = {"payload": "e30=", "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": "AAAA"}]}
CHANGES: list[dict[str, Any]] = [
    {"signatures": []},
    {"signatures": {}},
    {"signatures": ["AAAA"]},
    {"signatures": None},
    {"signatures": [{"keyid": "x"}]},
    {"signatures": [{"sig": "AAAA", "keyid": 7}]},
    {"signatures": [{"sig": 7}]},
    {"signatures": [{"sig": "AAA"}]},
    {"signatures": [{"sig": "AAB="}]},
    {"signatures": [{"sig": "AAAA\n"}]},
    {"signatures": [{"sig": " AAAA"}]},
    {"signatures": [{"sig": "+_++"}]},
    {"signatures": [{"sig": "ÄÄÄÄ"}]},
    {"signatures": [{"sig": "AAAA"}] * (MAX_SIGNATURES + 1)},
    {"payload": None},
    {"payload": "e30"},
    {"payloadType": 7},
]
PAYLOAD = base64.b64encode(b"\xfb\xff\xfe{}").decode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'"text"',
        b"[" * 100_000,
        b"\x80",
        json.dumps(BODY).encode()[:-1],
        json.dumps(BODY).encode()[:-1] + b', "payload": "e30="}',
        json.dumps(BODY).replace('"sig"', '"sig": "BBBB", "sig"').encode(),
        *(json.dumps(BODY | changes).encode() for changes in CHANGES),
    ],
)
def test_what_is_no_envelope_is_refused(place: Place, content: bytes) -> None:
    envelope_path(place.artifact).write_bytes(content)
    assert place.code(OURS) == "R113"


def test_fields_that_the_specification_does_not_know_are_ignored() -> None:
    body = BODY | {"more": 1, "signatures": [{"sig": "AAAA", "cert": "x"}]}
    assert envelope_of(json.dumps(body).encode()) == Envelope(b"{}", PAYLOAD_TYPE, (Signature("", b"\0\0\0"),))


def test_either_alphabet_of_base64_is_read_and_never_both_in_one_text() -> None:
    other = PAYLOAD.replace("+", "-").replace("/", "_")
    assert other != PAYLOAD
    for text in (PAYLOAD, other):
        assert envelope_of(json.dumps(BODY | {"payload": text}).encode()).payload == b"\xfb\xff\xfe{}"
    with pytest.raises(Malformed):
        envelope_of(json.dumps(BODY | {"payload": PAYLOAD.replace("+", "-", 1)}).encode())


def test_an_envelope_beyond_its_limit_is_refused_whatever_it_holds(place: Place) -> None:
    sign(place.artifact, OURS)
    whole = envelope_path(place.artifact).read_bytes()
    for size, code in ((MAX_ENVELOPE, ""), (MAX_ENVELOPE + 1, "R113")):
        envelope_path(place.artifact).write_bytes(whole.ljust(size))
        assert place.code(OURS) == code


def test_more_signatures_than_anyone_makes_are_refused_though_all_are_right(place: Place) -> None:
    good = over(statement(place.content))
    for count, code in ((MAX_SIGNATURES, ""), (MAX_SIGNATURES + 1, "R113")):
        place.put(*[good] * count)
        assert place.code(OURS) == code


@pytest.mark.parametrize("other", [os.mkdir, os.mkfifo])
def test_an_envelope_that_is_no_file_is_refused_at_once(place: Place, other: Callable[[Path], None]) -> None:
    other(envelope_path(place.artifact))
    assert place.code(OURS) == "R113"


def test_every_bit_of_payload_type_and_signature_counts(place: Place) -> None:
    """What is outside of them is spelling, or a hint: it can be damaged, and it decides nothing."""
    sign(place.artifact, OURS)
    whole, wanted = envelope_path(place.artifact).read_bytes(), place.trusting(OURS)
    values = json.loads(whole)
    signed = [values["payload"], values["payloadType"], values["signatures"][0]["sig"]]
    ranges = [range(start, start + len(text)) for text in signed for start in [whole.index(text.encode())]]
    accepted = 0
    for position in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[position] ^= 1 << bit
            envelope_path(place.artifact).write_bytes(changed)
            try:
                assert verify(place.content, wanted).signers == (OURS.public.keyid,)
            except ArtifactRefused:
                continue
            accepted += 1
            assert not any(position in one for one in ranges)
    assert 0 < accepted < 64 * 8 + 200


def own(*keys: Any) -> bytes:
    return spelled(payload(job("a"), security={"secret_mounts": [], "trusted_keys": list(keys)}))


def test_an_artifact_that_names_trusted_keys_is_refused_without_a_signature_by_one(place: Place) -> None:
    place.artifact.write_bytes(own(OURS.public.pem, made().public.pem))
    statement_path(place.artifact).write_bytes(statement(place.content))
    everywhere = (
        lambda: verify(place.content, Demand(place.artifact)),
        lambda: verify_artifact(place.content),
        lambda: load_artifact(place.content, frozenset()),
        lambda: load_any(place.content),
        lambda: run_artifact(place.content, Edge({}, place.artifact.parent)),
        lambda: run_artifact(place.artifact, Edge({}, place.artifact.parent)),
    )
    sign(place.artifact, THEIRS)
    for one in everywhere:
        with pytest.raises(ArtifactRefused) as caught:
            one()
        assert caught.value.code == "R113"
    sign(place.artifact, OURS)
    assert run_artifact(place.artifact, Edge({}, place.artifact.parent)).status == "SUCCESS"
    assert verify(place.content, Demand(place.artifact)).signers == (OURS.public.keyid,)


def test_the_artifacts_own_keys_and_those_from_outside_are_both_asked_for(place: Place) -> None:
    place.artifact.write_bytes(own(OURS.public.pem))
    statement_path(place.artifact).write_bytes(statement(place.content))
    sign(place.artifact, THEIRS)
    assert (place.code(OURS), place.code(THEIRS)) == ("R113", "R113")
    sign(place.artifact, OURS)
    assert (place.code(OURS), place.code(THEIRS), place.code(made())) == ("", "", "R113")


@pytest.mark.parametrize("keys", [[7], ["no key"], [[]], [""]])
def test_trusted_keys_that_are_none_are_refused(keys: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused) as caught:
        verify(own(*keys))
    assert caught.value.code == "R108"


def test_an_empty_list_of_trusted_keys_trusts_nobody(place: Place) -> None:
    place.artifact.write_bytes(own())
    place.put(over(statement(place.content)))
    with pytest.raises(ArtifactRefused) as caught:
        verify(place.content, Demand(place.artifact))
    assert caught.value.code == "R113"


def test_who_only_looks_needs_no_signature() -> None:
    assert decoded(look(own(OURS.public.pem))).payload.security.trusted_keys == [OURS.public.pem]


def test_damage_is_told_before_a_missing_signature() -> None:
    with pytest.raises(ArtifactRefused) as caught:
        verify(own(OURS.public.pem).replace(b"test", b"prod"))
    assert caught.value.code == "R103"
    with pytest.raises(ArtifactRefused) as caught:
        verify(own(OURS.public.pem), Demand(digests=("sha256:0",)))
    assert caught.value.code == "R107"


@pytest.mark.parametrize(
    ("files", "environ", "asked"),
    [
        ((), {}, ()),
        ((), {"FIRN_REQUIRE_SIGNATURE": ""}, ()),
        ((), {"FIRN_REQUIRE_SIGNATURE": "e.pub"}, ("e.pub",)),
        (("a.pub",), {"FIRN_REQUIRE_SIGNATURE": "e.pub"}, ("a.pub", "e.pub")),
        (("a.pub", "b.pub"), {"FIRN_REQUIRE_SIGNATURE": ""}, ("a.pub", "b.pub")),
    ],
)
def test_option_and_variable_add_up(files: tuple[str, ...], environ: dict[str, str], asked: tuple[str, ...]) -> None:
    assert demand(Path("x.json"), files, environ) == Demand(Path("x.json"), asked)


def test_from_python_a_run_asks_for_signatures_too(place: Place) -> None:
    (file,) = place.trusting(OURS).key_files
    for options, environ in ((Options(signed_by=(file,)), {}), (Options(), {"FIRN_REQUIRE_SIGNATURE": file})):
        with pytest.raises(ArtifactRefused) as caught:
            run_artifact(place.artifact, Edge(environ, place.artifact.parent), options)
        assert caught.value.code == "R113"
    sign(place.artifact, OURS)
    edge = Edge({"FIRN_REQUIRE_SIGNATURE": file}, place.artifact.parent)
    assert run_artifact(place.artifact, edge).status == "SUCCESS"


@pytest.mark.parametrize("name", ["missing.pub", ".", "a\0b"])
def test_a_file_of_keys_that_cannot_be_read_ends_the_command(place: Place, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        verify(place.content, Demand(place.artifact, (name,)))
    assert (caught.value.code, caught.value.exit_code) == ("R114", 2)
