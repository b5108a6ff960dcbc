"""The artifact on disk: read once into one buffer, checked in an order that never changes, refused as a whole.

Nothing of the payload is used before its spelling, its digest and, where one is asked for, its signature have been
checked; the file is never read again.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from firn_runtime.errors import ArtifactRefused
from firn_schemas.artifact_format import FORMAT, FORMAT_MAJOR, FORMAT_NAME, version_key
from firn_schemas.canonical import LINE_ENDS, NotCanonical, canonical_bytes, file_bytes, line_ends_changed
from firn_schemas.canonical import bytes_digest as sha256
from firn_schemas.visible import listing, os_reason, visible

if TYPE_CHECKING:
    from firn_schemas.artifact import Flow, Job, Payload

MAX_BYTES = 256 * 1024 * 1024
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,99}\Z")
EXPECT_DIGEST = "FIRN_EXPECT_DIGEST"
"""The variable that names the only digest that is accepted."""
REQUIRE_SIGNATURE = "FIRN_REQUIRE_SIGNATURE"
"""The variable that names a file of public keys, one of which must have signed whatever is run."""


class Artifact(NamedTuple):
    """A verified artifact."""

    digest: str
    payload: "Payload"


class Verified(NamedTuple):
    """An envelope whose spelling and digest were checked; its payload is not decoded yet."""

    digest: str
    document: dict[str, Any]
    signers: tuple[str, ...] = ()
    """Ids of the keys that signed it, of those that it must be signed by."""


class Demand(NamedTuple):
    """What is asked of an artifact from outside, beside what it asks itself; where it lies."""

    artifact: Path | None = None
    """Its signatures lie beside it; None: nowhere."""
    key_files: tuple[str, ...] = ()
    """Files of public keys: of each, one must have signed."""
    digests: tuple[str, ...] = ()
    """Each must be the artifact's own."""


UNASKED = Demand()
"""Nothing but what the artifact asks itself."""


def demand(
    artifact: Path | bytes, key_files: Sequence[str], environ: Mapping[str, str], digest: str | None = None
) -> Demand:
    """Return what is asked of an artifact by words and by the environment: neither takes back what the other asks."""
    files = (*key_files, *filter(None, [environ.get(REQUIRE_SIGNATURE)]))
    named = [] if digest is None else [digest]
    digests = (*named, *filter(None, [environ.get(EXPECT_DIGEST)]))
    return Demand(None if isinstance(artifact, bytes) else artifact, files, digests)


def read_bytes(path: Path) -> bytes:
    """Return the file's content; raise ArtifactRefused R101 where it cannot be had."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ArtifactRefused("R101", f"there is no artifact `{path}`", "make it with `firn compile`") from None
    except OSError as error:
        reason = os_reason(error)
        raise ArtifactRefused("R101", f"cannot read the artifact `{path}`: {reason}") from None
    if len(content) > MAX_BYTES:
        raise ArtifactRefused("R101", f"`{path}` is larger than {MAX_BYTES // 2**20} MiB")
    return content


def verify(content: bytes, asked: Demand = UNASKED) -> Verified:
    """Check spelling, digest and signature; raise ArtifactRefused for the first that fails, UsageError R114.

    An artifact that names trusted keys is refused where it lies nowhere: nothing speaks for it.
    """
    verified = look(content)
    for expected in asked.digests:
        if expected != verified.digest:
            help = f"it is {verified.digest}; expected {expected[:80]}"
            raise ArtifactRefused("R107", "this is not the expected artifact", help)
    return verified._replace(signers=_signers(content, verified.document["payload"], asked))


def look(content: bytes) -> Verified:
    """Check format, spelling and digest, and not who signed: for those who only look; raise ArtifactRefused."""
    document = _parse(content)
    _check_format(document.get("format"))
    if set(document) != {"digest", "format", "payload"} or not isinstance(document["payload"], dict):
        raise ArtifactRefused("R108", "the file must hold exactly `digest`, `format` and `payload`", _MAKE_AGAIN)
    _check_spelling(content, document)
    digest = sha256(_canonical(document["payload"]))
    if document["digest"] != digest:
        help = "the file was edited or damaged; " + _MAKE_AGAIN
        raise ArtifactRefused("R103", "the digest in the file is not that of its payload", help)
    return Verified(digest, document)


_MAKE_AGAIN = "make it again with `firn compile`"


def load(content: bytes, features: frozenset[str], asked: Demand = UNASKED) -> Artifact:
    """Return the artifact; raise ArtifactRefused where it may not be run by a runtime that has `features`."""
    artifact = load_any(content, asked)
    refuse_unfit(artifact.payload, features)
    return artifact


def refuse_unfit(payload: "Payload", features: frozenset[str]) -> None:
    """Raise ArtifactRefused R106 or R109 where a runtime that has `features` may not run the artifact."""
    lacking = [feature for feature in needed(payload) if feature not in features]
    if lacking:
        named = listing(visible(feature) for feature in lacking)
        message = f"the artifact needs what this runtime does not have: {named}"
        raise ArtifactRefused("R106", message, lacking_help(lacking))
    refuse_version(payload)


def lacking_help(features: Iterable[str]) -> str:
    """Return what helps where features are lacking: no runtime has yet what this version's own language has besides."""
    from firn_schemas.compute import COMPUTE
    from firn_schemas.steps import STEPS

    known = {f"compute.{type}" for type in COMPUTE} | {f"step.{type}" for type in STEPS}
    if known.isdisjoint(features):
        return "use a newer firn-runtime"
    return "no version runs it yet; `firn help R106` says what runs in its place"


def needed(payload: "Payload") -> list[str]:
    """Return the features that an artifact needs, in order; a file may use more than it says."""
    jobs = [job for flow in payload.flows.values() for job in flow.jobs]
    steps = (inner for job in jobs for step in job.steps for inner in _with_inner(step.type, step.inputs))
    return sorted({*payload.features, *(f"step.{type}" for type, _ in steps)})


def refuse_version(payload: "Payload") -> None:
    """Raise ArtifactRefused R109 where the platform allows only other versions of the runtime."""
    from firn_runtime import __version__

    limits, own = payload.compatibility, version_key(__version__)
    low, high = (limits.min_version, limits.max_version) if limits is not None else (None, None)
    for limit, word, fits in (
        (low, "or newer", low is None or own >= version_key(low)),
        (high, "or older", high is None or own <= version_key(high)),
    ):
        if not fits:
            message = f"the platform allows runtimes of version {limit} {word}; this is {__version__}"
            raise ArtifactRefused("R109", message, f"use firn-runtime {limit}, or change `compatibility`")


def load_any(content: bytes, asked: Demand = UNASKED) -> Artifact:
    """Return the artifact, whatever features it needs; raise ArtifactRefused."""
    return decoded(verify(content, asked))


def decoded(verified: Verified) -> Artifact:
    """Return what a verified envelope holds; raise ArtifactRefused R108 where it has another shape."""
    from firn_schemas.artifact import Envelope
    from firn_schemas.decode import DecodeError, decode

    try:
        envelope = decode(Envelope, verified.document)
    except DecodeError as error:
        raise _misshapen(error.problems) from None
    problems = list(_cross_references(envelope.payload))
    if problems:
        raise _misshapen(problems)
    return Artifact(verified.digest, envelope.payload)


def _signers(content: bytes, payload: dict[str, Any], asked: Demand) -> tuple[str, ...]:
    """Return who signed, of those that must have; nothing is imported, and no file looked for, where nobody must."""
    security = payload.get("security")
    own = security.get("trusted_keys") if isinstance(security, dict) else None
    if own is None and not asked.key_files:
        return ()
    from firn_runtime.signatures import key_file, signers, trusted
    from firn_schemas.attestation import envelope_path

    demanded = [*map(key_file, asked.key_files), *([trusted(own)] if own is not None else [])]
    return signers(content, envelope_path(asked.artifact) if asked.artifact else None, demanded)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        message = "the file is empty" if not content.strip() else f"the file is not JSON ({where})"
        raise ArtifactRefused("R102", message, "it may be truncated; " + _MAKE_AGAIN) from None
    if not isinstance(document, dict):
        raise ArtifactRefused("R102", "the file is not a Firn artifact", _MAKE_AGAIN)
    return document


def _check_format(value: object) -> None:
    name, _, major = str(value).partition("/")
    if value == FORMAT:
        return
    if name != FORMAT_NAME or not major.isdecimal():
        raise ArtifactRefused("R105", "the file is not a Firn artifact: its `format` is unknown", _MAKE_AGAIN)
    newer = int(major[:9]) > FORMAT_MAJOR
    help = "use a newer firn-runtime" if newer else "compile again with this version's compiler"
    shown = f"{FORMAT_NAME}/{int(major[:9])}"
    raise ArtifactRefused("R105", f"the artifact's format is {shown}; this runtime reads {FORMAT}", help)


def _check_spelling(content: bytes, document: dict[str, Any]) -> None:
    try:
        spelled = file_bytes(document)
    except (orjson.JSONEncodeError, RecursionError):
        spelled = b""
    if spelled == content:
        return
    theirs, ours = content.split(b"\n"), spelled.split(b"\n")
    line = next(
        (n for n, pair in enumerate(zip(theirs, ours, strict=False), 1) if pair[0] != pair[1]),
        min(len(theirs), len(ours)),
    )
    message = f"the file is not spelled as the compiler writes it, from line {line} on"
    edited = "it was edited or reformatted; " + _MAKE_AGAIN
    raise ArtifactRefused("R104", message, LINE_ENDS if line_ends_changed(content, spelled) else edited)


def _canonical(payload: Any) -> bytes:
    try:
        return canonical_bytes(payload)
    except NotCanonical as error:
        raise ArtifactRefused("R104", f"the payload has no single spelling: {error}", _MAKE_AGAIN) from None


def _misshapen(problems: Any) -> ArtifactRefused:
    listed = [f"{path}: {sentence}" if path else sentence for path, sentence in problems]
    more = f"; and {len(listed) - 5} more" if len(listed) > 5 else ""
    said = visible("; ".join(listed[:5])) + more
    return ArtifactRefused("R108", f"the artifact has not the right shape: {said}", _MAKE_AGAIN)


def _cross_references(payload: "Payload") -> Any:
    """Yield names in the payload that lead nowhere."""
    for name, flow in payload.flows.items():
        path = f"payload.flows.{name}"
        if not NAME.match(name):
            yield path, "is not a flow's name"
        for resource, key in flow.resources.items():
            if key not in payload.resources:
                yield f"{path}.resources.{resource}", "names no resource"
        seen: set[str] = set()
        for index, job in enumerate(flow.jobs):
            where = f"{path}.jobs[{index}]"
            if not NAME.match(job.id) or job.id in seen:
                yield f"{where}.id", "is not a new name"
            if not seen.issuperset(job.depends_on):
                yield f"{where}.depends_on", "names a job that does not come before"
            seen.add(job.id)
            yield from _unknown_resources(flow, job, where)
            steps = [step.id for step in job.steps]
            if len(set(steps)) != len(steps) or not all(NAME.match(step) for step in steps):
                yield f"{where}.steps", "hold an id that is not a new name"


def _unknown_resources(flow: "Flow", job: "Job", where: str) -> Any:
    for index, step in enumerate(job.steps):
        path = f"{where}.steps[{index}].inputs"
        for type, inputs in _with_inner(step.type, step.inputs):
            resource = inputs.get("resource")
            if resource is not None and not (isinstance(resource, str) and resource in flow.resources):
                yield f"{path}.resource", "names no resource of the flow"
            if not type:
                yield f"{path}.step", "is no step"


def _with_inner(type: str, inputs: Any) -> Any:
    """Yield type and inputs of a step, and of those that it runs under a lock; no type where one of these is none."""
    yield type, inputs
    while type == "with_lock":
        inner = inputs.get("step")
        whole = isinstance(inner, dict) and isinstance(inner.get("type"), str) and isinstance(inner.get("inputs"), dict)
        type, inputs = (inner["type"], inner["inputs"]) if whole else ("", {})
        yield type, inputs
