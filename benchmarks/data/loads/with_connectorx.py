"""Reads with ConnectorX into Arrow, and writes with what is usual beside it: `with_connectorx.py SOURCE TARGET`."""

import json
import sys

import connectorx


def main() -> None:
    source, target = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    batches = connectorx.read_sql(source["url"], f"select * from {source['table']}", return_type="arrow_stream")
    if target["kind"] == "parquet":
        import pyarrow.parquet

        with pyarrow.parquet.ParquetWriter(target["at"], batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    else:
        import duckdb

        with duckdb.connect(target["at"]) as connection:
            connection.execute("create schema out")
            connection.execute(f"create table {target['table']} as from batches")


if __name__ == "__main__":
    main()
