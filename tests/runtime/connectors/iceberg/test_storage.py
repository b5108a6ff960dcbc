"""Whose keys reach a table's files, and where they are sent: buckets of services that check, or name, what comes."""

import json
import time
import traceback
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from firn_runtime.connector import RunFacts
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.iceberg.lake import READ, WRITE, Lake
from runtime.workbench import Workbench
from servers import s3

Make = Callable[..., Workbench]
VENDED = {"access_delegation": "vended-credentials"}


def keys(server: s3.Server) -> dict[str, str]:
    return {"s3.access-key-id": server.access_key_id, "s3.secret-access-key": server.secret_access_key}


def where(server: s3.Server) -> dict[str, str]:
    return {"s3.endpoint": server.endpoint, "s3.path-style-access": "true", "s3.region": "us-east-1"}


def own(server: s3.Server) -> dict[str, Any]:
    """Return the platform's word for a service: where it answers, and its keys."""
    named = {"access_key_id": Secret(server.access_key_id), "secret_access_key": Secret(server.secret_access_key)}
    return {
        "endpoint": server.endpoint,
        "path_style_access": True,
        "storage_credentials": {"mode": "static", **named},
        "root": None,
    }


def refused(work: Workbench, type: str = "read", **inputs: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        work.do(type, inputs or READ)
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert s3.rclone().secret_access_key not in f"{caught.value.message}{caught.value.help}{shown}"
    return caught.value


def in_bucket(place: Lake, server: s3.Server) -> str:
    """Let new tables lie in a bucket of one's own, and the catalog give the keys of it; return its name."""
    bucket = server.bucket()
    place.catalog.warehouse = f"s3://{bucket}/lake"
    place.catalog.gives = {"config": {**where(server), **keys(server)}}
    return bucket


def filled(place: Lake, bench: Make) -> Workbench:
    """Write a table with the keys that the catalog gives; return the workbench."""
    work = bench(lake=place.resource(root=None, options=VENDED))
    work.make("d", "select 1::bigint as id")
    work.do("write", WRITE)
    return work


def using(work: Workbench, resource: Any) -> Workbench:
    """Let the steps to come use another resource."""
    work.resources["lake"].close()
    work.resources = {"lake": resource}
    resource.connect()
    return work


@pytest.mark.parametrize("serve", [s3.rclone, s3.moto])
def test_the_platforms_own_keys_reach_the_platforms_bucket(
    place: Lake, bench: Make, serve: Callable[[], s3.Server]
) -> None:
    server = serve()
    bucket = in_bucket(place, server)
    given, place.catalog.gives = place.catalog.gives, {}
    work = bench(lake=place.resource(bucket=bucket, prefix="lake", **own(server)))
    work.make("d", "select 2::bigint as id")
    for mode in ("append", "replace", "append"):
        work.do("write", {**WRITE, "mode": mode})
    work.do("read", READ)
    assert work.rows() == [(2,), (2,)]
    assert not any("x-iceberg-access-delegation" in one.headers for one in place.catalog.asked)
    place.catalog.gives = given
    assert place.by_pyiceberg() == [(2,), (2,)]


def test_what_another_program_has_written_to_a_bucket_is_read(place: Lake, bench: Make) -> None:
    server = s3.moto()
    bucket = in_bucket(place, server)
    place.made({"id": [1, 2]})
    work = bench(lake=place.resource(bucket=bucket, **own(server)))
    work.do("read", READ)
    assert sorted(work.rows()) == [(1,), (2,)]


@pytest.mark.parametrize("settings", [{"bucket": "other"}, {"prefix": "lak"}, {"prefix": "lake/x"}])
def test_a_table_outside_of_the_platforms_bucket_or_prefix_is_not_touched(
    place: Lake, bench: Make, settings: dict[str, str]
) -> None:
    server = s3.rclone()
    bucket = in_bucket(place, server)
    work = using(filled(place, bench), place.resource(**{"bucket": bucket, **own(server), **settings}))
    assert refused(work).message.endswith("lies where this resource touches no files")
    vended = {"bucket": bucket, "root": None, "options": VENDED, **settings}
    said = refused(using(work, place.resource(**vended))).message
    assert said.endswith(("lies where this resource touches no files", "in another bucket than the platform names"))


def test_the_keys_that_the_catalog_gives_reach_the_table(place: Lake, bench: Make) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    learned: list[Secret] = []
    resource = place.resource(root=None, options=VENDED)
    resource.facts = RunFacts(learn=learned.append)
    work = bench(lake=resource)
    work.make("d", "select 1 as id")
    work.do("write", WRITE)
    work.do("read", READ)
    asked = [one for one in place.catalog.asked if one.path.endswith("/orders") and one.method == "GET"]
    assert {one.headers.get("x-iceberg-access-delegation") for one in asked} == {"vended-credentials"}
    assert work.rows() == [(1,)] == place.by_pyiceberg()
    assert {one.reveal() for one in learned} == {server.secret_access_key}


def test_of_several_keys_those_of_the_nearest_prefix_are_used(place: Lake, bench: Make) -> None:
    server = s3.rclone()
    bucket = in_bucket(place, server)
    work = filled(place, bench)
    wrong = {"s3.access-key-id": "nobody", "s3.secret-access-key": "canary-wrong"}
    several = [
        {"prefix": f"s3://{bucket}/", "config": wrong},
        {"prefix": f"s3://{bucket}/lake/sales/orders", "config": keys(server)},
        {"prefix": f"s3://{bucket}/lake/sales/orders/else", "config": wrong},
    ]
    place.catalog.gives = {"config": {**where(server), **wrong}, "storage-credentials": several}
    work.do("read", READ)
    place.catalog.gives = {"config": {**where(server), **wrong}}
    assert refused(work).error_class == "auth"


def test_keys_that_end_are_asked_for_again(place: Lake, bench: Make) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    work = filled(place, bench)
    ended = {"s3.session-token-expires-at-ms": str(int(time.time() * 1000) - 1)}
    place.catalog.gives = {"config": {**where(server), **keys(server), **ended}}
    before = len(place.asked("GET", "/orders"))
    work.do("read", READ)
    assert len(place.asked("GET", "/orders")) - before > 1


def test_an_end_that_is_no_moment_is_none(place: Lake, bench: Make) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    work = filled(place, bench)
    place.catalog.gives = {"config": {**where(server), **keys(server), "s3.session-token-expires-at-ms": "9" * 5000}}
    work.do("read", READ)


@pytest.mark.parametrize("name", ["s3.access-key-id", "s3.secret-access-key", "s3.session-token"])
def test_keys_that_no_header_can_hold_are_none(place: Lake, bench: Make, name: str) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    work = filled(place, bench)
    place.catalog.gives = {"config": {**where(server), **keys(server), name: "canary\nx: y"}}
    assert "gives no keys" in refused(work).message


def test_a_catalog_that_gives_no_keys_is_said(place: Lake, bench: Make) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    work = filled(place, bench)
    place.catalog.gives = {"config": where(server)}
    error = refused(work)
    assert (error.error_class, error.message) == ("auth", "the catalog gives no keys for the table's files")


def test_a_file_beside_the_table_is_not_touched_with_the_keys_of_the_table(place: Lake, bench: Make) -> None:
    bucket = in_bucket(place, s3.rclone())
    place.table(pa.schema([("id", pa.int64())]), properties={"write.data.path": f"s3://{bucket}/elsewhere"})
    work = bench(lake=place.resource(root=None, options=VENDED))
    work.make("d", "select 1::bigint as id")
    assert refused(work, "write", **WRITE).message.endswith("lies where this resource touches no files")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://storage.example.com", "over TLS alone"),
        ("https://user:canary@storage.example.com", "over TLS alone"),
        ("ftp://storage.example.com", "over TLS alone"),
        ("https://10.1.2.3", "where it is public alone"),
        ("https://169.254.169.254", "where it is public alone"),
        ("https://[::1]:9", None),
        ("https://[fd00::1]", "where it is public alone"),
        ("https://nowhere.invalid", "where it is public alone"),
    ],
)
def test_an_endpoint_that_the_catalog_names_is_public_and_over_tls(
    place: Lake, bench: Make, endpoint: str, said: str | None
) -> None:
    server = s3.rclone()
    in_bucket(place, server)
    work = filled(place, bench)
    place.catalog.gives = {"config": {**where(server), **keys(server), "s3.endpoint": endpoint}}
    error = refused(work)
    if said is None:
        assert error.error_class == "connection"
        return
    assert error.message == f"the catalog names an endpoint for the table's files; it is used {said}"
    assert error.help == "if that endpoint is meant, name it as the catalog's `endpoint` in the platform"


@pytest.mark.parametrize("region", ["x.example.com/", "a@b", "eu-central-1#", "x:1", "..", "A"])
def test_a_region_that_the_catalog_names_leads_to_no_other_host(place: Lake, bench: Make, region: str) -> None:
    place.catalog.warehouse = "s3://bucket/lake"
    place.catalog.gives = {"config": {"s3.region": region, **keys(s3.rclone())}}
    work = bench(lake=place.resource(root=None, options=VENDED))
    work.make("d", "select 1 as id")
    assert refused(work, "write", **WRITE).message == "the catalog names a bucket or region that is none"


def test_the_platforms_keys_never_go_to_an_endpoint_that_the_catalog_names(place: Lake, bench: Make) -> None:
    """What the catalog says of endpoints counts only with `vended-credentials`."""
    server, trap = s3.rclone(), s3.moto()
    bucket = in_bucket(place, server)
    work = filled(place, bench)
    place.catalog.gives = {"config": {**where(trap), **keys(trap)}}
    using(work, place.resource(bucket=bucket, **own(server))).do("read", READ)
    assert work.rows() == [(1,)]


def test_nothing_of_the_machine_decides_where_files_are(
    place: Lake, bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "HTTP_PROXY",
        "http_proxy",
        "PYICEBERG_CATALOG__DEFAULT__URI",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    server = s3.rclone()
    bucket = server.bucket()
    place.catalog.warehouse = f"s3://{bucket}/lake"
    work = bench(lake=place.resource(bucket=bucket, **own(server)))
    work.make("d", "select 1 as id")
    work.do("write", WRITE)
    work.do("read", READ)
    assert work.rows() == [(1,)]
    assert json.loads(place.asked("POST", "/orders")[0].body)["requirements"] == [{"type": "assert-create"}]
