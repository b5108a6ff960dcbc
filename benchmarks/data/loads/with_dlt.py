"""Moves rows with dlt, in its own environment: `with_dlt.py VARIANT SOURCE TARGET`, both places as JSON."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dlt

BATCH = 50_000


def from_database(variant: str, source: dict[str, str]) -> Any:
    from dlt.sources.sql_database import sql_table

    schema, table = source["table"].split(".")
    backend = {"default": "sqlalchemy"}.get(variant, variant)
    options = {"backend_kwargs": {"return_type": "arrow_stream"}} if backend == "connectorx" else {}
    precise = {"reflection_level": "full_with_precision"} if backend != "sqlalchemy" else {}
    where = {} if schema == "main" else {"schema": schema}
    return sql_table(source["url"], table, backend=backend, chunk_size=BATCH, **where, **options, **precise)


def from_csv(variant: str, source: dict[str, str]) -> Any:
    from dlt.sources.filesystem import filesystem, read_csv_duckdb

    files = filesystem(os.path.dirname(source["at"]), file_glob=os.path.basename(source["at"]))
    return files | read_csv_duckdb(chunk_size=BATCH, use_pyarrow=variant != "default")


def from_parquet(variant: str, source: dict[str, str]) -> Any:
    if variant == "default":
        from dlt.sources.filesystem import filesystem, read_parquet

        files = filesystem(os.path.dirname(source["at"]), file_glob=os.path.basename(source["at"]))
        return files | read_parquet(chunksize=BATCH)

    @dlt.resource
    def batches() -> Iterator[Any]:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(source["at"]) as file:
            yield from file.iter_batches(BATCH)

    return batches


def from_duckdb(variant: str, source: dict[str, str]) -> Any:
    @dlt.resource
    def batches() -> Iterator[Any]:
        import duckdb

        with duckdb.connect(source["at"], read_only=True) as connection:
            for batch in connection.execute(f"from {source['table']}").to_arrow_reader(BATCH):
                yield batch.to_pylist() if variant == "default" else batch

    return batches


def from_api(variant: str, source: dict[str, str]) -> Any:
    from dlt.sources.rest_api import rest_api_resources

    del variant
    paginator = {"type": "page_number", "base_page": 1, "total_path": "pages"}
    endpoint = {"path": "orders", "params": {"per_page": 1000}, "data_selector": "data", "paginator": paginator}
    config = {"client": {"base_url": source["at"]}, "resources": [{"name": "copied", "endpoint": endpoint}]}
    (resource,) = rest_api_resources(config)
    return resource


SOURCES: dict[str, Callable[[str, dict[str, str]], Any]] = {
    "csv": from_csv,
    "parquet": from_parquet,
    "duckdb": from_duckdb,
    "sqlite": from_database,
    "postgres": from_database,
    "rest": from_api,
}
DESTINATIONS: dict[str, Callable[[dict[str, str]], Any]] = {
    "parquet": lambda target: dlt.destinations.filesystem(bucket_url=target["at"]),
    "duckdb": lambda target: dlt.destinations.duckdb(target["at"]),
    "postgres": lambda target: dlt.destinations.postgres(target["url"]),
}
LOADERS = {"ADBC": "parquet", "Parquet loader": "parquet"}
"""Variants that choose how the files between extraction and the target are written."""


def main() -> None:
    variant, source, target = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    pipeline = dlt.pipeline(
        "bench", destination=DESTINATIONS[target["kind"]](target), dataset_name="out", pipelines_dir="pipelines"
    )
    form = "parquet" if target["kind"] == "parquet" else LOADERS.get(variant)
    rows = SOURCES[source["kind"]](variant, source)
    pipeline.run(rows, table_name="copied", write_disposition="replace", loader_file_format=form)


if __name__ == "__main__":
    main()
