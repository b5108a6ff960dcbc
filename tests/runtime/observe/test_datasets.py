"""Names of datasets, as OpenLineage's conventions and other producers spell them."""

import pytest

from firn_runtime.observe.datasets import Dataset, System, dataset


@pytest.mark.parametrize(
    ("kind", "driver", "settings", "place", "namespace", "name"),
    [
        (
            "db",
            "postgres",
            {"host": "db", "port": "5432", "database": "shop"},
            "t",
            "postgres://db:5432",
            "shop.public.t",
        ),
        (
            "db",
            "postgres",
            {"host": "db", "port": "5432", "database": "shop", "schema": "raw"},
            "t",
            "postgres://db:5432",
            "shop.raw.t",
        ),
        ("db", "postgres", {"host": "::1", "port": "1", "database": "d"}, "s.t", "postgres://[::1]:1", "d.s.t"),
        ("db", "mysql", {"host": "db", "port": "3306", "database": "shop"}, "t", "mysql://db:3306", "shop.t"),
        ("db", "mysql", {"host": "db", "port": "3306", "database": "shop"}, "old.t", "mysql://db:3306", "old.t"),
        ("db", "sqlite3", {"path": "/data/crm.sqlite"}, "t", "sqlite:///data/crm.sqlite", "main.t"),
        ("db", "duckdb", {"path": "/w.duckdb"}, "mart.t", "duckdb:///w.duckdb", "mart.t"),
        (
            "catalog",
            "iceberg_rest",
            {"uri": "https://me:pw@h:8181/api?k=s", "warehouse": "w", "namespace": "a.b"},
            "t",
            "iceberg://h:8181/w",
            "a.b.t",
        ),
        ("files", "local", {"root": "/data"}, "in/x.csv", "file", "/data/in/x.csv"),
        ("s3", "s3", {"bucket": "lake", "prefix": "raw"}, "a/*.parquet", "s3://lake", "raw/a/*.parquet"),
        ("s3", "s3", {"bucket": "lake"}, "a.csv", "s3://lake", "a.csv"),
        ("sftp", "asyncssh", {"host": "h", "port": "22", "root": "/in"}, "x.csv", "sftp://h:22", "/in/x.csv"),
        (
            "smb",
            "smbprotocol",
            {"server": "h", "port": "445", "share": "s", "root": "/"},
            "x.csv",
            "smb://h:445/s",
            "x.csv",
        ),
        (
            "rest",
            "httpx",
            {"base_url": "https://me:pw@api.example.com/v1?k=s"},
            "/a?b=c",
            "https://api.example.com",
            "/v1/a",
        ),
        ("rest", "httpx", {"base_url": "http://api:8080"}, "a", "http://api:8080", "/a"),
    ],
)
def test_a_dataset_is_named_by_its_system_and_its_place(
    kind: str, driver: str, settings: dict[str, str], place: str, namespace: str, name: str
) -> None:
    assert dataset(System(kind, driver, settings), place) == Dataset(namespace, name)


@pytest.mark.parametrize(
    ("kind", "driver", "settings"),
    [
        ("db", "duckdb", {"path": ":memory:"}),
        ("db", "postgres", {"port": "5432", "database": "host comes from a secret"}),
        ("rest", "httpx", {"base_url": "http://[broken"}),
        ("compute", "duckdb", {}),
        ("process", "local", {}),
    ],
)
def test_what_has_no_name_is_no_dataset(kind: str, driver: str, settings: dict[str, str]) -> None:
    assert dataset(System(kind, driver, settings), "t") is None
