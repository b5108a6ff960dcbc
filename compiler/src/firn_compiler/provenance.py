"""The statement about an artifact: from which exact bytes, by what, and when it was compiled.

It holds no value of a variable and no absolute path. In-toto Statement v1 with a predicate of SLSA provenance v1; what
each field holds is in docs/artifact.md.
"""

from typing import NamedTuple

from firn_schemas.artifact_format import FORMAT
from firn_schemas.attestation import PREDICATE_TYPE, STATEMENT_TYPE
from firn_schemas.base import Json, JsonObject
from firn_schemas.canonical import bytes_digest, file_bytes

BUILD_TYPE = "urn:firn:compile:1"
BUILDER = "urn:firn:compiler"


class Material(NamedTuple):
    """Something that was read: a file, a package (by its URL of the package-url specification) or a commit."""

    kind: str
    name: str
    algorithm: str
    digest: str
    """In hexadecimal."""


class Build(NamedTuple):
    """One compilation, seen from outside."""

    flows: tuple[str, ...]
    platform: str
    environment: str
    variables: tuple[str, ...]
    """Names alone: a value may be a secret."""
    materials: tuple[Material, ...]
    versions: dict[str, str]
    """Of the compiler's packages."""
    started: str
    finished: str
    """Times of RFC 3339, in UTC."""


def statement_bytes(name: str, artifact: bytes, digest: str, build: Build) -> bytes:
    """Return the statement as a file. `name` and `artifact` are the file's, `digest` is that of its payload."""
    subject: Json = {"name": name, "digest": {"sha256": _hex(bytes_digest(artifact))}}
    payload: Json = {"name": "payload", "digest": {"sha256": _hex(digest)}}
    predicate: JsonObject = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "flows": [*build.flows],
                "platform": build.platform,
                "environment": build.environment,
                "variables": [*build.variables],
            },
            "internalParameters": {"format": FORMAT},
            "resolvedDependencies": [_descriptor(one) for one in sorted(set(build.materials))],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {**build.versions}},
            "metadata": {"startedOn": build.started, "finishedOn": build.finished},
            "byproducts": [payload],
        },
    }
    return file_bytes(
        {"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": PREDICATE_TYPE, "predicate": predicate}
    )


def _descriptor(one: Material) -> Json:
    named = "uri" if one.name.startswith("pkg:") else "name"
    return {named: one.name, "digest": {one.algorithm: one.digest}, "annotations": {"kind": one.kind}}


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
