"""An artifact is taken whole or refused: every bit, every end, every edit."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from firn_runtime.artifact_file import Demand, load, read_bytes, verify
from firn_runtime.errors import ArtifactRefused
from firn_schemas.canonical import digest, file_bytes
from runtime.artifacts import job, payload, resource, spelled, step

WHOLE = spelled(payload(job("a", step("s", "sql", sql="select 1 as n -- ¼")), features=["step.sql"]))
HAS = frozenset(["step.sql"])


def refusal(content: bytes, *expected: str) -> str:
    with pytest.raises(ArtifactRefused) as caught:
        load(content, HAS, Demand(digests=expected))
    assert caught.value.exit_code == 3
    return caught.value.code


def test_a_whole_artifact_is_taken() -> None:
    assert load(WHOLE, HAS).payload.flows["flow"].jobs[0].id == "a"


def test_every_flipped_bit_is_refused() -> None:
    for position in range(len(WHOLE)):
        for bit in range(8):
            changed = bytearray(WHOLE)
            changed[position] ^= 1 << bit
            with pytest.raises(ArtifactRefused):
                load(bytes(changed), HAS)


def test_every_truncation_is_refused() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(ArtifactRefused):
            load(WHOLE[:length], HAS)


@pytest.mark.parametrize("more", [b" ", b"\n", b"\0", b"{}", WHOLE])
def test_anything_appended_is_refused(more: bytes) -> None:
    with pytest.raises(ArtifactRefused):
        load(WHOLE + more, HAS)


def edited(**changes: Any) -> bytes:
    return file_bytes(orjson.loads(WHOLE) | changes)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "R102"),
        (b"not json", "R102"),
        (b"[]", "R102"),
        (b"[" * 100_000, "R102"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "R105"),
        (b"{}", "R105"),
        (WHOLE.replace(b'"sql": ', b'"sql": ' + b"[" * 300).replace(b" -- ", b"]" * 300), "R102"),
        (b'{"a":' * 100_000, "R102"),
        (WHOLE[:-20], "R102"),
        (edited(digest="sha256:" + "0" * 64), "R103"),
        (edited(digest=7), "R103"),
        (WHOLE.replace(b"\n", b"\r\n"), "R104"),
        (WHOLE.replace(b'"format"', b'"format": "firn.artifacts/1",\n  "format"'), "R104"),
        (orjson.dumps(dict(reversed(orjson.loads(WHOLE).items()))), "R104"),
        (WHOLE.replace("¼".encode(), b"\\u00bc"), "R104"),
        (edited(format="firn.artifacts/2"), "R105"),
        (edited(format="something/1"), "R105"),
        (edited(format=None), "R105"),
        (edited(more=1), "R108"),
        (edited(payload=[]), "R108"),
    ],
)
def test_what_is_wrong_has_its_code(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_line_ends_that_git_changed_are_said_to_be_that() -> None:
    with pytest.raises(ArtifactRefused) as caught:
        load(WHOLE.replace(b"\n", b"\r\n"), HAS)
    assert (caught.value.code, ".gitattributes" in caught.value.help) == ("R104", True)


def test_another_artifact_than_the_expected_is_refused() -> None:
    ours, other = verify(WHOLE).digest, "sha256:" + "1" * 64
    assert refusal(WHOLE, other) == refusal(WHOLE, ours, other) == refusal(WHOLE, other, ours) == "R107"
    assert load(WHOLE, HAS, Demand(digests=(ours, ours))).digest == ours


def test_a_feature_that_is_lacking_is_named() -> None:
    with pytest.raises(ArtifactRefused) as caught:
        load(spelled(payload(features=["step.teleport"])), HAS)
    assert (caught.value.code, "`step.teleport`" in caught.value.message) == ("R106", True)
    assert caught.value.help == "use a newer firn-runtime"


@pytest.mark.parametrize("feature", ["compute.spark", "step.dbt", "step.python"])
def test_of_what_no_version_runs_nobody_is_sent_to_a_newer_runtime(feature: str) -> None:
    with pytest.raises(ArtifactRefused) as caught:
        load(spelled(payload(features=[feature])), HAS)
    assert "no version runs it yet" in caught.value.help


def test_a_step_type_that_is_lacking_is_named_though_the_features_do_not_say_so() -> None:
    with pytest.raises(ArtifactRefused) as caught:
        load(spelled(payload(job("a", step("s", "teleport")))), HAS)
    assert (caught.value.code, "`step.teleport`" in caught.value.message) == ("R106", True)


@pytest.mark.parametrize(
    "body",
    [
        {},
        payload(flows={"flow": {}}),
        payload(job("a"), job("a")),
        payload(job("a", depends_on=["b"]), job("b")),
        payload(job("../a")),
        payload(job("a", step("s", "sql"), step("s", "sql"))),
        payload(names={"x": "y"}),
        payload(job("a", step("s", "sql", resource="x"))),
        payload(job("a", step("s", "sql", resource={"$ref": "run.id"}))),
        payload(more=1),
        payload(resources={"x": {"kind": "db"}}),
    ],
)
def test_a_payload_of_another_shape_is_refused_though_its_digest_is_right(body: dict[str, Any]) -> None:
    assert refusal(spelled(body)) == "R108"


@pytest.mark.parametrize("number", [1.0, -0.0])
def test_a_number_with_two_spellings_is_refused(number: float) -> None:
    body = payload(resources={"x": resource("db", "duckdb", {"n": number})})
    document: dict[str, Any] = {"digest": digest({}), "format": "firn.artifacts/1", "payload": body}
    assert refusal(file_bytes(document)) == "R104"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused, match="there is no artifact"):
        read_bytes(tmp_path / "missing.json")
    with pytest.raises(ArtifactRefused):
        read_bytes(tmp_path)
