"""Files of a bucket, on services that speak S3: what is found, moved and published, and what is refused."""

import gzip
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from firn_runtime.connector import Written
from firn_runtime.connectors.s3.bucket import place
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Use
from firn_runtime.publication import Publication
from firn_schemas.connectors.files import S3Config
from firn_schemas.secret import Secret
from runtime.connectors.sinks import PUBLICATION
from runtime.refusals import refused as refused_without_a_secret
from runtime.workbench import Workbench, connector
from servers import s3
from servers.front import front

SALES = "select range as id, 2024 + range % 2 as year, 'x' as name from range(10)"
PARTITIONED: dict[str, Any] = {
    "path": "sales",
    "mode": "insert_overwrite",
    "partition_by": ["year"],
    "format": "parquet",
}
SERVERS = {"moto": s3.moto, "rclone": s3.rclone}


class Lake(NamedTuple):
    """A bucket, as another program sees it."""

    server: s3.Server
    bucket: str

    def put(self, key: str, body: bytes = b"", **more: Any) -> None:
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key: str) -> bytes:
        body: bytes = self.server.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def names(self) -> list[str]:
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", ()))

    def uploads(self) -> list[Any]:
        found: list[Any] = self.server.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return found

    def config(self, **more: Any) -> dict[str, Any]:
        server = self.server
        keys = {"access_key_id": Secret(server.access_key_id), "secret_access_key": Secret(server.secret_access_key)}
        given = {"endpoint": server.endpoint, "path_style_access": True, "region": "us-east-1"}
        return {"bucket": self.bucket, **given, "credentials": {"mode": "static", **keys}} | more

    def resource(self, **more: Any) -> Any:
        return connector("s3", "s3", written=True, **self.config(**more))


@pytest.fixture
def lake() -> Lake:
    return Lake(s3.moto(), s3.moto().bucket())


@pytest.fixture(params=SERVERS)
def any_lake(request: pytest.FixtureRequest) -> Lake:
    server = SERVERS[request.param]()
    return Lake(server, server.bucket())


Open = Callable[..., Workbench]


@pytest.fixture
def open_lake(bench: Open) -> Open:
    return lambda lake, **more: bench(lake=lake.resource(**more))


@pytest.fixture
def work(bench: Open, lake: Lake) -> Workbench:
    return bench(lake=lake.resource(prefix="raw", options={"part_size": 5 << 20}))


def read(work: Workbench, path: str, **more: Any) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "lake", "path": path, **more})
    return work.rows()


def refused(work: Workbench, path: str, **more: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        read(work, path, **more)
    return caught.value


def write(work: Workbench, sql: str, publication: Publication = PUBLICATION, **more: Any) -> Written:
    work.make("d", sql)
    return work.write(publication, resource="lake", **more)


def other(run: str) -> Publication:
    return PUBLICATION._replace(run=run)


@pytest.mark.parametrize("path", ["x.csv", "deep/er/x.csv.gz", "x.parquet", "x.ndjson.zst", "x y+%#ü&='.json"])
def test_what_is_written_is_read_back(any_lake: Lake, open_lake: Open, path: str) -> None:
    work = open_lake(any_lake, prefix="a/raw zone")
    written = write(work, "select range as id, 'ä' as t from range(3)", path=path, mode="replace")
    assert any_lake.names() == [f"a/raw zone/{path}"]
    assert written[:2] == (3, len(any_lake.get(f"a/raw zone/{path}")))
    result = work.do("read", {"resource": "lake", "path": path})
    assert result.bytes == written[1]
    assert work.rows() == [(0, "ä"), (1, "ä"), (2, "ä")]


def test_large_objects_are_moved_in_parts(any_lake: Lake, open_lake: Open) -> None:
    work = open_lake(any_lake, options={"part_size": 5 << 20, "max_concurrency": 3})
    sql = "select range as id, md5(range::varchar) as t from range(600000)"
    written = write(work, sql, path="big.csv", mode="replace")
    assert written.bytes is not None
    assert written.bytes > 20 << 20
    work.do("read", {"resource": "lake", "path": "big.csv"})
    sums = "select count(*), sum(id), bit_xor(hash(t)) from"
    assert work.session.execute(f"{sums} data") == work.session.execute(f"{sums} d")
    assert list((work.folder / "work").rglob("*.upload")) == []


def test_a_glob_is_one_dataset_in_the_order_of_names(lake: Lake, work: Workbench) -> None:
    for name in ("day-b.csv", "day-a.csv", "sub/day-c.csv.bak", ".day-h.csv", "z.txt", "sub/", "day-z.csv/"):
        lake.put(f"raw/{name}", b"name\n" + name[4:5].encode() + b"\n")
    lake.put("raw/")
    lake.put("raw", b"the prefix itself")
    lake.put("rawer/day-x.csv", b"name\nx\n")
    assert read(work, "*.csv") == [("a",), ("b",)]
    lake.put("raw/sub/x/day-d.csv", b"name\nd\n")
    assert read(work, "**/day-*.csv") == [("a",), ("b",), ("d",)]


def test_folders_that_name_columns_give_them(lake: Lake, work: Workbench) -> None:
    for month in ("01", "02"):
        lake.put(f"raw/sales/year=2024/month={month}/a.csv.gz", gzip.compress(b"id\n1\n"))
    assert read(work, "sales/**/*.csv.gz") == [(1, 2024, "01"), (1, 2024, "02")]
    assert read(work, "sales/year=2024/month=02/a.csv.gz") == [(1, 2024, "02")]


NAMES = [
    "a b",
    "a+b",
    "a%20b",
    "a?b",
    "a#b",
    "ä€",
    "a&b=c",
    "a'b",
    "a\\b",
    "~t",
    "a:b",
    'a"b',
    "*s",
    "a;b",
    "%2F",
    "<>",
]


def test_keys_may_hold_any_character(lake: Lake, work: Workbench) -> None:
    for name in NAMES:
        lake.put(f"raw/{name}.csv", b"name\n" + name.replace('"', '""').join('""').encode() + b"\n")
    assert sorted(read(work, "*.csv")) == sorted((name,) for name in NAMES)
    for name in NAMES:
        assert (name,) in read(work, f"{name}.csv")


@pytest.mark.parametrize("key", ["raw/a//b.csv", "raw/./b.csv", "raw/a/../b.csv", "raw/../x/b.csv", "raw//etc/b.csv"])
def test_a_key_that_is_no_path_is_refused_where_it_could_be_meant(
    lake: Lake, work: Workbench, tmp_path: Path, key: str
) -> None:
    lake.put("raw/good/b.csv", b"id\n1\n")
    lake.server.client().put_object(Bucket=lake.bucket, Key=key, Body=b"id\n666\n")
    if key not in lake.names():
        pytest.skip("the service does not take such a key")
    error = refused(work, "**/b.csv")
    assert error.message == "an object's key is no path of a file"
    assert read(work, "good/*.csv") == [(1,)]
    assert b"666" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*.csv"))


def test_an_object_that_is_also_a_folder_is_refused(lake: Lake, work: Workbench) -> None:
    lake.put("raw/a.csv", b"id\n1\n")
    lake.put("raw/a.csv/b.csv", b"id\n1\n")
    assert refused(work, "**/*.csv").message == "`a.csv` is an object and a folder"


def test_a_long_listing_is_read_to_its_end(open_lake: Open) -> None:
    lake = Lake(s3.rclone(), s3.rclone().bucket())
    folder = lake.server.folder / lake.bucket / "n"
    folder.mkdir()
    for number in range(5000):
        (folder / f"{number:05}.csv").write_text(f"n\n{number}\n")
    work = open_lake(lake)
    assert len(work.resources["lake"]._matches("**/*.csv")) == 5000
    assert read(work, "n/0229*.csv") == [(number,) for number in range(2290, 2300)]


def test_a_listing_of_several_pages(lake: Lake, work: Workbench) -> None:
    for number in range(1001):
        lake.put(f"raw/{number}")
    assert len(work.resources["lake"]._matches("*")) == 1001


def test_empty_objects_hold_no_rows(lake: Lake, work: Workbench) -> None:
    lake.put("raw/a.csv")
    lake.put("raw/b.csv", b"id\n1\n")
    assert read(work, "*.csv") == [(1,)]


@pytest.mark.parametrize("path", ["none.csv", "none-*.csv"])
def test_no_match_says_what_was_looked_for(work: Workbench, path: str) -> None:
    error = refused(work, path)
    assert (error.error_class, error.message) == ("data", f"no file matches `{path}`")


def test_broken_content_is_named_by_its_key(lake: Lake, work: Workbench) -> None:
    lake.put("raw/a/x.csv.gz", gzip.compress(b"id\n" + b"1\n" * 1000)[:-9])
    assert refused(work, "a/*").message == "`a/x.csv.gz` is broken: it was cut off"
    lake.put("raw/b/x.parquet", b"PAR1")
    message = refused(work, "b/*").message
    assert "x.parquet" in message
    assert str(work.folder) not in message


def test_the_same_publication_again_gives_what_it_gave(lake: Lake, work: Workbench) -> None:
    first = write(work, "select 1 as n", path="x.csv", mode="replace")
    again = write(work, "select range as n from range(2)", path="x.csv", mode="replace")
    assert again == first
    assert first[:2] == (1, 4)
    assert lake.get("raw/x.csv") == b"n\n1\n"
    assert write(work, "select range as n from range(2)", other("r2"), path="x.csv", mode="replace").rows == 2


def test_append_adds_one_object_for_each_run(lake: Lake, work: Workbench) -> None:
    for run in ("r1", "r2", "r1"):
        assert write(work, "select 1 as n", other(run), path="log", mode="append", format="csv").rows == 1
    assert lake.names() == sorted(f"raw/log/part-{other(run).mark}.csv" for run in ("r1", "r2"))


def test_insert_overwrite_replaces_the_partitions_of_the_dataset_and_no_others(lake: Lake, work: Workbench) -> None:
    assert write(work, SALES, **PARTITIONED).rows == 10
    for key in ("year=2024/older.parquet", "year=2024/deeper/x.parquet", "year=2025/other.parquet", "year=2024/.h"):
        lake.put(f"raw/sales/{key}", b"x")
    write(work, "select 99 as id, 2024 as year, 'y' as name", other("r2"), **PARTITIONED)
    assert lake.names() == [
        "raw/sales/year=2024/.h",
        "raw/sales/year=2024/data-0.parquet",
        "raw/sales/year=2024/deeper/x.parquet",
        "raw/sales/year=2025/data-0.parquet",
        "raw/sales/year=2025/other.parquet",
    ]
    assert read(work, "sales/year=2024/*.parquet") == [(99, "y", 2024)]


def test_insert_overwrite_is_done_once(lake: Lake, work: Workbench) -> None:
    first = write(work, SALES, **PARTITIONED)
    assert write(work, "select 1 as id, 2024 as year, 'again' as name", **PARTITIONED) == first
    assert write(work, f"{SALES} where false", other("r2"), **PARTITIONED)[:2] == (0, 0)
    assert sorted(read(work, "sales/**/*.parquet"))[0] == (0, "x", 2024)


def test_partitions_beyond_the_size_of_a_part_and_below_it(lake: Lake, work: Workbench) -> None:
    text = "md5(range::varchar) || md5((-range)::varchar) as t"
    sql = f"select range as id, {text}, range < 300000 as big from range(300010)"
    write(work, sql, path="p", mode="insert_overwrite", partition_by=["big"], format="csv")
    read(work, "p/*/*.csv")
    assert work.session.execute("select count(*), sum(id) from data") == [(300010, sum(range(300010)))]


def test_a_large_partition_whose_last_answer_was_lost_is_recognised(any_lake: Lake, bench: Open) -> None:
    """Not every service completes an upload again that it has completed."""
    where = urlsplit(any_lake.server.endpoint)
    with front(str(where.hostname), int(where.port or 0)) as one:
        work = bench(lake=any_lake.resource(endpoint=f"http://127.0.0.1:{one.port}", options={"part_size": 5 << 20}))
        one.cut = [b"<CompleteMultipartUpload"]
        assert (
            write(work, f"select *, 1 as part from ({BIG})", **PARTITIONED | {"partition_by": ["part"]}).rows == 200000
        )
        assert one.cut == []
        read(work, "sales/*/*.parquet")
        assert work.session.execute("select count(*) from data") == [(200000,)]


class Killed(BaseException):
    pass


def killed() -> None:
    raise Killed


BIG = "select range as id, md5(range::varchar) || md5((-range)::varchar) as t from range(200000)"


@pytest.mark.parametrize("sql", ["select 1 as n", BIG])
def test_nothing_is_seen_of_a_write_that_was_killed_before_it_was_complete(
    lake: Lake, work: Workbench, sql: str
) -> None:
    lake.put("raw/x.csv", b"old")
    work.make("d", sql)
    with pytest.raises(Killed):
        work.write(PUBLICATION, killed, resource="lake", path="x.csv", mode="replace")
    assert lake.get("raw/x.csv") == b"old"
    assert lake.uploads() == []
    assert work.write(PUBLICATION, resource="lake", path="x.csv", mode="replace").rows > 0
    assert lake.get("raw/x.csv") != b"old"


def test_an_upload_that_a_killed_attempt_has_noted_is_given_up(lake: Lake, work: Workbench) -> None:
    upload = lake.server.client().create_multipart_upload(Bucket=lake.bucket, Key="raw/x.csv")["UploadId"]
    scratch = work.scratch(*PUBLICATION.key[1:])
    (scratch / "object.upload").write_text(json.dumps({"key": "raw/x.csv", "upload": upload}))
    (scratch / "other.upload").write_text('{"key": "cut o')
    write(work, "select 1 as n", path="x.csv", mode="replace")
    assert lake.uploads() == []
    assert list(scratch.rglob("*.upload")) == []


@pytest.mark.parametrize(("sql", "there"), [("select 1 as n", True), ("select 1 as n", False), (BIG, False)])
def test_what_another_has_written_meanwhile_is_not_written_over(
    lake: Lake, work: Workbench, sql: str, there: bool
) -> None:
    if there:
        lake.put("raw/x.csv", b"old")
    work.make("d", sql)
    with pytest.raises(ConnectorError, match="has changed meanwhile") as caught:
        work.write(
            PUBLICATION, lambda: lake.put("raw/x.csv", b"younger"), resource="lake", path="x.csv", mode="replace"
        )
    assert (caught.value.error_class, caught.value.help) == ("conflict", "`retry` with `on: [conflict]` tries again")
    assert lake.get("raw/x.csv") == b"younger"
    assert lake.uploads() == []


def test_conditions_are_left_out_where_the_platform_says_so(lake: Lake, open_lake: Open) -> None:
    work = open_lake(lake, options={"conditional_writes": False})
    work.make("d", "select 1 as n")
    work.write(PUBLICATION, lambda: lake.put("x.csv", b"younger"), resource="lake", path="x.csv", mode="replace")
    assert lake.get("x.csv") == b"n\n1\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mode": "upsert", "keys": ["id"], "path": "x.csv"}, "cannot be written with `mode: upsert`"),
        ({"mode": "replace", "path": "../x.csv"}, "must stay below"),
        ({"mode": "replace", "path": "x-*.csv"}, "is a pattern"),
    ],
)
def test_what_objects_cannot_do_is_refused(lake: Lake, work: Workbench, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        write(work, SALES, **more)
    assert lake.names() == []


def test_a_wrong_key_is_an_error_of_authentication_and_is_not_shown(bench: Open) -> None:
    server = s3.rclone()
    canary = f"canary-{secrets.token_hex(12)}"
    lake = Lake(server._replace(secret_access_key=canary), server.bucket())
    error = refused(bench(lake=lake.resource()), "*.csv")
    assert error.error_class == "auth"
    assert canary not in f"{error.message}{error.help}{error!r}{error.__cause__!r}{error.__context__!r}"


@pytest.mark.parametrize("canary", ["canary-k1\r\ncanary-k2", "canary-k\u0435y-3"], ids=["two lines", "beyond ASCII"])
@pytest.mark.parametrize(
    ("part", "header"), [("access_key_id", "authorization"), ("session_token", "x-amz-security-token")]
)
def test_a_key_that_no_header_can_hold_is_said_to_be_one(
    lake: Lake, bench: Open, part: str, header: str, canary: str
) -> None:
    credentials = lake.config()["credentials"] | {part: Secret(canary)}
    error = refused_without_a_secret(read, bench(lake=lake.resource(credentials=credentials)), "*.csv")
    assert (error.error_class, error.message) == ("auth", f"the header `{header}` cannot be sent")
    assert "line break" in error.help


@pytest.mark.parametrize(("path", "doing"), [("*.csv", "listing the bucket"), ("a.csv", "reading `a.csv`")])
def test_a_bucket_that_is_not_there_is_named_as_such(lake: Lake, open_lake: Open, path: str, doing: str) -> None:
    error = refused(open_lake(lake._replace(bucket="no-such-bucket-here")), path)
    assert (error.error_class, error.message) == ("connection", f"{doing}: there is no such bucket (NoSuchBucket)")


def test_nothing_that_answers(lake: Lake, open_lake: Open) -> None:
    error = refused(open_lake(lake, endpoint="http://127.0.0.1:9"), "*.csv")
    assert (error.error_class, error.message) == ("connection", "nothing answers at `127.0.0.1`, port 9")


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:9000", "ftp://x", "https://user:canary-1@x", "https://x?canary-1", "x://["]
)
def test_an_endpoint_is_a_plain_url(lake: Lake, endpoint: str) -> None:
    with pytest.raises(ConnectorError, match="the endpoint is not a URL") as caught:
        lake.resource(endpoint=endpoint).connect()
    assert "canary" not in caught.value.message + caught.value.help


@pytest.mark.parametrize(
    ("more", "host", "path"),
    [
        ({}, "b.s3.us-east-1.amazonaws.com", ""),
        ({"region": "cn-north-1"}, "b.s3.cn-north-1.amazonaws.com.cn", ""),
        ({"path_style_access": True, "region": "eu-central-1"}, "s3.eu-central-1.amazonaws.com", "/b"),
        ({"endpoint": "https://s3.example.com"}, "b.s3.example.com", ""),
        ({"endpoint": "http://s3.example.com:9000/x/", "path_style_access": True}, "s3.example.com:9000", "/x/b"),
    ],
)
def test_the_bucket_is_named_in_the_host_or_in_the_path(more: dict[str, Any], host: str, path: str) -> None:
    where = place(S3Config(bucket="b", **more))
    assert (where.authority, where.path) == (host, path)


def test_no_variable_of_the_environment_says_where_or_as_whom(
    lake: Lake, work: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary")
    write(work, "select 1 as n", path="x.csv", mode="replace")
    monkeypatch.undo()
    assert lake.names() == ["raw/x.csv"]


def test_a_preflight_says_what_it_sees(lake: Lake) -> None:
    lake.put("a.csv", b"id\n1\n")
    uses = [Use("read", "*.csv"), Use("read", "none.csv"), Use("write", "out.csv"), Use("read", "out.csv"), Use("read")]
    seen = list(lake.resource().probe(uses))
    assert [(one.check, one.status) for one in seen] == [
        ("connection", "ok"),
        ("login", "ok"),
        ("read", "ok"),
        ("read", "failed"),
        ("write", "skipped"),
        ("read", "skipped"),
        ("read", "skipped"),
    ]
    assert seen[2].message == "`*.csv` is there (1 file)"
    assert lake.names() == ["a.csv"]


def test_a_preflight_hears_that_the_bucket_is_not_there(lake: Lake) -> None:
    with pytest.raises(ConnectorError, match="no such bucket"):
        list(lake._replace(bucket="no-such-bucket-here").resource().probe([]))
