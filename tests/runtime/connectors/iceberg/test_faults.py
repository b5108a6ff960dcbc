"""An Iceberg catalog that fails, lies, or is not one; and tables whose files are not what they should be."""

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from firn_runtime.connectors.iceberg.avro import Damaged
from firn_runtime.connectors.iceberg.avro import read as avro
from firn_runtime.connectors.iceberg.avro_writing import written
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.iceberg.lake import READ, WRITE, Lake, lake
from runtime.connectors.server import Answer, Asked
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import Workbench

Make = Callable[..., Workbench]


# --- as whom


def test_one_token_of_the_catalog_serves_a_whole_run(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource(credentials=place.oauth()))
    for _ in range(3):
        work.do("read", READ)
    work.make("d", "select 2::bigint as id")
    work.do("write", WRITE)
    assert len(place.asked("POST", "/v1/oauth/tokens")) == len(place.catalog.tokens) == 1


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_shows_its_secret_in_either_way(place: Lake, bench: Make, method: str) -> None:
    place.made({"id": [1]})
    bench(lake=place.resource(credentials=place.oauth(auth_method=method))).do("read", READ)


def test_a_token_server_of_its_own_is_asked_where_it_is_named(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    with lake(place.folder) as other:
        other.catalog.tokens = place.catalog.tokens
        named = place.oauth(token_url=f"{other.catalog.url}/v1/oauth/tokens")
        named["client_secret"] = Secret(other.catalog.secret)
        bench(lake=place.resource(credentials=named)).do("read", READ)
        assert [one.method for one in other.catalog.asked] == ["POST"]
    assert place.asked("POST", "/v1/oauth/tokens") == []


@pytest.mark.parametrize(("renews", "tokens"), [(True, 2), (False, 1)])
def test_a_token_is_renewed_before_it_ends_unless_the_platform_says_no(
    place: Lake, bench: Make, renews: bool, tokens: int
) -> None:
    place.made({"id": [1]})
    place.catalog.life = 0
    options = {"token_refresh_enabled": renews}
    bench(lake=place.resource(credentials=place.oauth(), options=options)).do("read", READ)
    assert len(place.asked("POST", "/v1/oauth/tokens")) == tokens


def test_a_refused_token_is_renewed_once(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource(credentials=place.oauth()))
    work.do("read", READ)
    place.catalog.tokens.clear()
    work.do("read", READ)
    assert len(place.asked("POST", "/v1/oauth/tokens")) == 2
    place.catalog.fault = lambda asked: Answer({}, 401) if asked.method == "GET" else None
    error = place.refused(work)
    assert (error.error_class, error.help) == ("auth", "check the resource's credentials")
    assert len(place.asked("POST", "/v1/oauth/tokens")) == 3


def test_a_wrong_secret_is_a_failed_login(place: Lake, bench: Make) -> None:
    credentials = place.oauth(client_secret=Secret("canary-wrong"))
    error = place.refused(bench(lake=place.resource(credentials=credentials)))
    assert error.message == "POST /v1/oauth/tokens: the token server refused the client with 401, `invalid_client`"


def test_credentials_are_sent_over_tls_or_to_this_machine_alone(place: Lake, bench: Make) -> None:
    with pytest.raises(ConnectorError, match="`token_url` must begin with `https://`"):
        bench(lake=place.resource(uri="http://polaris.example.com/api/catalog", credentials=place.oauth()))


@pytest.mark.parametrize("credentials", [{"mode": "iam_role"}, {"mode": "static"}])
def test_credentials_that_a_catalog_does_not_take_are_refused(place: Lake, bench: Make, credentials: Any) -> None:
    with pytest.raises(ConnectorError) as caught:
        bench(lake=place.resource(credentials=credentials))
    assert caught.value.error_class == "auth"


# --- what answers


@pytest.mark.parametrize(
    ("answer", "error_class", "said"),
    [
        (Answer({}, 403), "auth", "answered 403"),
        (Answer({}, 500), "server_error", "answered 500"),
        (Answer({"error": {"message": "canary-said"}}, 400), "data", "answered 400"),
        (Answer(b"<html>canary-page</html>"), "data", "what answers is no Iceberg catalog"),
        (Answer([]), "data", "what answers is no Iceberg catalog"),
        (Answer({"metadata": "canary"}), "data", "the catalog's metadata of the table have not the right shape"),
        (Answer({}), "data", "the catalog's metadata of the table have not the right shape"),
        (Answer(b" " * ((1 << 26) + 1)), "data", "the answer is larger than"),
        (Answer(b"", 302, {"Location": "http://canary.example.com/"}), "data", "the API leads to another host"),
    ],
)
def test_an_answer_that_is_no_table_is_one_error(
    place: Lake, bench: Make, answer: Answer, error_class: str, said: str
) -> None:
    work = bench(lake=place.resource())
    place.catalog.fault = lambda asked: answer if asked.path.endswith("/tables/orders") else None
    error = place.refused(work)
    assert error.error_class == error_class
    assert said in error.message


def test_a_warehouse_that_the_catalog_does_not_know_is_said(place: Lake, bench: Make) -> None:
    error = place.refused(bench(lake=place.resource(warehouse="lost")))
    assert error.message == "the catalog has no warehouse `lost`"


def test_a_catalog_that_is_down_is_a_failed_connection(place: Lake, bench: Make) -> None:
    error = place.refused(bench(lake=place.resource(uri="http://127.0.0.1:9/catalog")))
    message = "GET /catalog/v1/config: `127.0.0.1`, port 9, refused the connection"
    assert (error.error_class, error.message) == ("connection", message)


def test_a_namespace_that_is_missing_is_said(place: Lake, bench: Make) -> None:
    work = bench(lake=place.resource(namespace="lost"))
    work.make("d", "select 1 as id")
    assert place.refused(work, "write", **WRITE).message == "the catalog has no namespace `lost`"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format-version": 4}, "the table has the format version 4; 1 to 3 are read"),
        ({"format-version": "x"}, "have not the right shape"),
        ({"encryption-keys": [{}]}, "the table is encrypted"),
        ({"current-schema-id": 77}, "have not the right shape"),
        ({"current-snapshot-id": 77}, "have not the right shape"),
        ({"schemas": [{"schema-id": 0, "fields": []}]}, "have not the right shape"),
        ({"default-spec-id": 77}, "have not the right shape"),
        ({"snapshots": [{"snapshot-id": 1}]}, "has no manifest list"),
        ({"properties": 7}, "have not the right shape"),
    ],
)
def test_metadata_that_are_not_read_are_refused(place: Lake, bench: Make, change: Any, said: str) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    place.catalog.spoilt = lambda asked, answer: _changed(answer, change)
    assert said in place.refused(work).message


def _changed(answer: Answer, change: Any) -> Answer:
    if isinstance(answer.body, dict) and "metadata" in answer.body:
        return answer._replace(body={**answer.body, "metadata": {**answer.body["metadata"], **change}})
    return answer


def test_a_type_that_is_not_read_is_named_and_can_be_left_out(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    field = {"id": 2, "name": "v", "required": False, "type": "variant"}

    def spoil(asked: Asked, answer: Answer) -> Answer:
        if isinstance(answer.body, dict) and "metadata" in answer.body:
            answer.body["metadata"]["schemas"][0]["fields"].append(field)
        return answer

    place.catalog.spoilt = spoil
    error = place.refused(work)
    assert error.message == "the column `v` is variant, which this version does not read"
    work.do("read", {**READ, "columns": ["id"]})
    assert work.rows() == [(1,)]


# --- files


def test_files_outside_of_the_place_that_the_platform_names_are_not_touched(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    inner = place.folder / "inner"
    inner.mkdir()
    error = place.refused(bench(lake=place.resource(root=str(inner))))
    assert error.error_class == "auth"
    assert error.message.endswith("lies where this resource touches no files")
    assert error.help == "the platform names them: `bucket` and `prefix`, or `root`, of the catalog"


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file://{root}/../secret.avro",
        "file://{root}/./x/../../secret.avro",
        "file://{root}//etc/passwd",
        "{root}",
        "s3://bucket/list.avro",
        "https://example.com/list.avro",
        "file://host/{root}/list.avro",
        "",
        "file://{root}/\0",
    ],
)
def test_a_list_of_manifests_elsewhere_is_not_touched(place: Lake, bench: Make, location: str) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    (place.folder.parent / "secret.avro").write_bytes(b"canary")
    where = location.format(root=place.folder)

    def spoil(asked: Asked, answer: Answer) -> Answer:
        if isinstance(answer.body, dict) and "metadata" in answer.body:
            for one in answer.body["metadata"]["snapshots"]:
                one["manifest-list"] = where
        return answer

    place.catalog.spoilt = spoil
    assert place.refused(work).error_class in ("auth", "data")


def test_a_link_out_of_the_folder_is_not_followed(place: Lake, bench: Make, tmp_path: Path) -> None:
    place.made({"id": [1]})
    (file,) = place.files()
    outside = tmp_path / "outside.parquet"
    shutil.move(file, outside)
    file.symlink_to(outside)
    assert "leads out of its folder by a symbolic link" in place.refused(bench(lake=place.resource())).message


def _manifests(place: Lake) -> tuple[Path, Path]:
    """Return the files of the list and of the one manifest of a table with one snapshot."""
    (many,) = place.folder.glob("sales/orders/metadata/snap-*.avro")
    (one,) = set(place.folder.glob("sales/orders/metadata/*-m*.avro"))
    return many, one


def _rewritten(file: Path, change: Callable[[Any], None], lists: Path) -> None:
    """Change the records of a manifest, and what the list says of its size."""
    found = avro(file.read_bytes())
    for record in found.records:
        change(record)
    metadata = {name: one for name, one in found.metadata.items() if not name.startswith("avro.")}
    file.write_bytes(written(found.schema, metadata, found.records))
    if lists != file:
        _rewritten(lists, lambda record: record.update({501: file.stat().st_size}), lists)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (100, "file:///etc/passwd", "lies where this resource touches no files"),
        (100, "s3://other-bucket/x.parquet", "lies where this resource touches no files"),
        (100, "file://{root}/sales/../../x", "lies where this resource touches no files"),
        (100, "file://{root}/sales/lost.parquet", "is not there"),
        (101, "ORC", "is no Parquet file, and other files are not read"),
        (101, "PUFFIN", "the table has deletion vectors, which this version does not read"),
        (104, 7, "has not the size that the table says"),
        (131, b"k", "is encrypted, which this version does not read"),
        (134, 9, "is no manifest"),
    ],
)
def test_a_manifest_that_names_what_is_not_read_is_refused(
    place: Lake, bench: Make, field: int, value: Any, said: str
) -> None:
    place.made({"id": [1]})
    lists, manifest = _manifests(place)
    known = value.format(root=place.folder) if isinstance(value, str) else value
    _rewritten(manifest, lambda record: record[2].update({field: known}), lists)
    assert said in place.refused(bench(lake=place.resource())).message


def test_equality_deletes_are_never_left_out_in_silence(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    lists, manifest = _manifests(place)
    _rewritten(manifest, lambda record: record[2].update({134: 2, 135: [1]}), lists)
    error = place.refused(bench(lake=place.resource()))
    assert error.message == "the table has equality deletes, which this version does not read"


def test_a_manifest_is_as_long_as_its_list_says(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    _, manifest = _manifests(place)
    manifest.write_bytes(manifest.read_bytes()[:-20])
    assert place.refused(bench(lake=place.resource())).message.endswith("has not the size that the table says")


def test_a_damaged_list_is_one_error(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    lists, _ = _manifests(place)
    whole = lists.read_bytes()
    work = bench(lake=place.resource())
    for damaged in (b"", b"canary", whole[:-1], whole[:40], whole.replace(b"avro.schema", b"avro.schemb")):
        lists.write_bytes(damaged)
        assert "cannot be read: it is" in place.refused(work).message


def test_a_data_file_that_is_no_parquet_is_one_error(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    (file,) = place.files()
    file.write_bytes(b"x" * file.stat().st_size)
    assert place.refused(bench(lake=place.resource())).error_class == "data"


def _file(block: bytes, count: int, schema: Any, codec: bytes = b"null") -> bytes:
    made = bytearray(written(schema, {}, []))
    sync = bytes(made[-16:])
    head = bytes(made).replace(b"deflate", codec) if codec == b"deflate" else bytes(made)
    return head + _zigzag(count) + _zigzag(len(block)) + block + sync


def _zigzag(value: int) -> bytes:
    left, out = value << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ({"type": "record", "name": "r", "fields": [{"name": "a", "type": "bytes"}]}, b"\0" * (1 << 29)),
        ({"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}, b"\xff" * 100),
        (
            {"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]},
            _zigzag(1 << 40) + b"\0",
        ),
        (
            {"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]},
            _zigzag(2) + b"\0\0\0",
        ),
        ({"type": "record", "name": "r", "fields": [{"name": "a", "type": "string"}]}, _zigzag(1 << 50)),
        ({"type": "record", "name": "r", "fields": []}, b""),
    ],
)
def test_a_hostile_file_takes_neither_memory_nor_time(schema: Any, content: bytes) -> None:
    fold = zlib.compressobj(wbits=-15)
    block = fold.compress(content) + fold.flush()
    with pytest.raises(Damaged):
        avro(_file(block, 1 << 30, schema))


def test_a_schema_without_an_end_is_refused() -> None:
    schema: Any = "long"
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    made = written("long", {"avro.x": b""}, [])
    at = made.index(b'"long"')
    spelled = json.dumps(schema).encode()
    with pytest.raises(Damaged):
        avro(made[: at - 1] + _zigzag(len(spelled)) + spelled + made[at + 6 :])


def test_numbers_of_both_signs_come_back() -> None:
    fields = [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "double"]}]
    schema = {"type": "record", "name": "r", "fields": fields}
    records: list[dict[Any, Any]] = [
        {"a": one, "b": None if one % 2 else float(one)} for one in (0, -1, 1, -(2**63), 2**63 - 1, 64, -65)
    ]
    assert avro(written(schema, {}, records)).records == records


# --- what becomes of a table while it is read


@pytest.mark.parametrize("type", ["read", "write"])
def test_a_snapshot_that_another_writer_removes_while_it_is_read_is_a_conflict(
    place: Lake, bench: Make, type: str
) -> None:
    table = place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")

    def removed(asked: Asked, answer: Answer) -> Answer:
        if asked.path.endswith("/tables/orders"):
            place.catalog.spoilt = lambda asked, answer: answer
            place.catalog.lock.release()
            files = place.files()
            table.overwrite(pa.table({"id": [3]}))
            for file in files:
                file.unlink()
            place.catalog.lock.acquire()
        return answer

    place.catalog.spoilt = removed
    inputs = READ if type == "read" else {**WRITE, "mode": "upsert", "keys": ["id"]}
    error = place.refused(work, type, **inputs)
    assert (error.error_class, error.message) == ("conflict", "another writer has changed the table `sales.orders`")
    work.do(type, inputs)
    assert place.by_pyiceberg() == ([(3,)] if type == "read" else [(2,), (3,)])


def test_a_file_that_is_lost_is_an_error_of_the_table(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    for file in place.files():
        file.unlink()
    error = place.refused(bench(lake=place.resource()))
    assert error.error_class == "data"
    assert error.message.endswith("is not there")


# --- commits


def before_the_commit(place: Lake, act: Callable[[], object]) -> None:
    """Let another writer act right before the next commit."""

    def fault(asked: Asked) -> None:
        if asked.method == "POST" and asked.path.endswith("/tables/orders"):
            place.catalog.fault = lambda _: None
            place.catalog.lock.release()
            act()
            place.catalog.lock.acquire()

    place.catalog.fault = fault


def test_a_table_that_another_writer_has_made_before_it_is_staged_is_a_conflict(place: Lake, bench: Make) -> None:
    """It was not there when the write has asked for it."""
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")

    def fault(asked: Asked) -> None:
        if asked.method == "POST" and asked.path.endswith("/tables"):
            place.catalog.fault = lambda _: None
            place.catalog.lock.release()
            place.made({"id": [1]})
            place.catalog.lock.acquire()

    place.catalog.fault = fault
    error = place.refused(work, "write", **WRITE)
    assert (error.error_class, error.message) == ("conflict", "another writer has changed the table `sales.orders`")
    work.do("write", WRITE)
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]


def test_a_table_that_another_writer_has_changed_is_a_conflict_and_nothing_is_left(place: Lake, bench: Make) -> None:
    table = place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    before = place.files()
    before_the_commit(place, lambda: table.append(pa.table({"id": [3]})))
    error = place.refused(work, "write", **WRITE)
    assert (error.error_class, error.message) == ("conflict", "another writer has changed the table `sales.orders`")
    assert error.help == "`retry: {on: [conflict]}` does it again, upon what is there now"
    assert len(place.files() - before) == 1
    work.do("write", WRITE)
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2, 3]


def test_a_table_that_another_writer_has_made_meanwhile_is_a_conflict(place: Lake, bench: Make) -> None:
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    before_the_commit(place, lambda: place.made({"id": [3]}))
    assert place.refused(work, "write", **WRITE).error_class == "conflict"
    work.do("write", WRITE)
    assert [row[0] for row in place.by_pyiceberg()] == [2, 3]


def test_a_commit_to_another_branch_meanwhile_is_a_conflict_though_the_catalog_finds_its_own_words(
    place: Lake, bench: Make
) -> None:
    """The two commits would have one sequence number, for which the protocol knows no requirement."""
    table = place.made({"id": [1]})
    table.manage_snapshots().create_branch(table.current_snapshot().snapshot_id, "dev").commit()
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    before_the_commit(place, lambda: table.append(pa.table({"id": [3]}), branch="dev"))
    before = place.files()
    assert place.refused(work, "write", **WRITE).error_class == "conflict"
    assert "older than last sequence number" in place.catalog.errors.pop()
    assert len(place.files() - before) == 1
    work.do("write", WRITE)
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]


def test_a_table_that_is_gone_meanwhile_is_a_conflict(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    before_the_commit(place, place.catalog.tables.clear)
    assert place.refused(work, "write", **WRITE).error_class == "conflict"
    work.do("write", WRITE)
    assert place.by_pyiceberg() == [(2,)]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_commit_whose_answer_is_lost_is_found(place: Lake, bench: Make, status: int, mode: str) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    place.catalog.spoilt = lambda asked, answer: Answer({}, status) if asked.method == "POST" else answer
    assert work.do("write", {**WRITE, "mode": mode}).rows == 1
    assert [row[0] for row in place.by_pyiceberg()] == ([1, 2] if mode == "append" else [2])


def test_a_commit_that_a_proxy_sends_twice_is_made_and_its_files_stay(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    place.catalog.spoilt = lambda asked, answer: place.catalog._answer(asked) if asked.method == "POST" else answer
    assert work.do("write", WRITE).rows == 1
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]


@pytest.mark.parametrize("status", [401, 403, 429, 502])
def test_files_stay_where_the_catalog_does_not_say_whether_a_commit_was_made(
    place: Lake, bench: Make, status: int
) -> None:
    """The proxy sends it twice, so the second is refused; and the look whether the first was made fails."""
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    is_made = False

    def twice(asked: Asked, answer: Answer) -> Answer:
        nonlocal is_made
        if asked.method == "POST" and asked.path.endswith("/tables/orders"):
            is_made = True
            return place.catalog._answer(asked)
        return Answer({}, status) if is_made else answer

    place.catalog.spoilt = twice
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "append"}
    with pytest.raises(ConnectorError):
        work.write(PUBLICATION, **inputs)
    place.catalog.spoilt = lambda asked, answer: answer
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]
    work.write(PUBLICATION._replace(attempt=2), **inputs)
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]


def test_a_commit_that_was_not_made_is_made_by_the_next_attempt(place: Lake, bench: Make) -> None:
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    commit = "/tables/orders"
    place.catalog.fault = lambda asked: (
        Answer({}, 502) if asked.method == "POST" and asked.path.endswith(commit) else None
    )
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "append"}
    with pytest.raises(ConnectorError) as caught:
        work.write(PUBLICATION, **inputs)
    assert caught.value.error_class == "server_error"
    assert place.catalog.tables == {}
    place.catalog.fault = lambda asked: None
    work.write(PUBLICATION._replace(attempt=2), **inputs)
    assert place.by_pyiceberg() == [(2,)]


def test_a_commit_that_lands_late_is_not_made_twice(place: Lake, bench: Make) -> None:
    """The first commit arrives after the second attempt has looked: both stand on the same snapshot, one of them."""
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "append"}
    late: list[Asked] = []

    def hold(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        late.append(asked)
        return Answer({}, 504)

    place.catalog.fault = hold
    with pytest.raises(ConnectorError):
        work.write(PUBLICATION, **inputs)

    def land(asked: Asked) -> Answer | None:
        if asked.method == "POST" and late:
            assert place.catalog._answer(late.pop()).status == 200
        return None

    place.catalog.fault = land
    with pytest.raises(ConnectorError, match="another writer has changed"):
        work.write(PUBLICATION._replace(attempt=2), **inputs)
    work.write(PUBLICATION._replace(attempt=3), **inputs)
    assert [row[0] for row in place.by_pyiceberg()] == [1, 2]


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_of_the_format_that_is_not_written_is_said(place: Lake, bench: Make, version: int) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource())
    work.make("d", "select 2::bigint as id")
    place.catalog.spoilt = lambda asked, answer: _changed(answer, {"format-version": version})
    error = place.refused(work, "write", **WRITE)
    assert error.message == f"the table has the format version {version}; 2 is written"


def test_a_full_list_is_not_gone_on_with_where_counts_are_missing(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    lists, _ = _manifests(place)
    found = avro(lists.read_bytes())
    for field in found.schema["fields"]:
        if field["field-id"] in (504, 505, 506):
            field["type"] = ["null", "int"]
    records = [{**one, 504: None} for one in found.records]
    metadata = {name: one for name, one in found.metadata.items() if not name.startswith("avro.")}
    lists.write_bytes(written(found.schema, metadata, records))
    work = bench(lake=place.resource())
    work.do("read", READ)
    assert work.rows() == [(1,)]
    work.make("d", "select 2::bigint as id")
    assert "lacks counts" in place.refused(work, "write", **WRITE).message
