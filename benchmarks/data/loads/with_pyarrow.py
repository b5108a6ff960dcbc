"""The floor of the API: the bytes of each page handed to pyarrow, in the floors' environment: `… SOURCE TARGET`."""

import http.client
import json
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import duckdb
import pyarrow
from pyarrow.json import read_json


def pages(base: str) -> Iterator[bytes]:
    url = urlsplit(base)
    connection = http.client.HTTPConnection(url.netloc)
    page = 1
    while True:
        connection.request("GET", f"{url.path}/orders?page={page}&per_page=1000")
        body = connection.getresponse().read()
        if body.startswith(b'{"data": []'):
            return
        yield body
        page += 1


def records(page: bytes) -> pyarrow.Table:
    """Return the records of a page as columns: to pyarrow, the page is one line with a list of them."""
    data = read_json(pyarrow.py_buffer(page)).column("data").combine_chunks().flatten()
    return pyarrow.Table.from_struct_array(data)


def main() -> None:
    source, target = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    rows = pyarrow.concat_tables(map(records, pages(source["at"])), promote_options="permissive")
    with duckdb.connect(target["at"]) as connection:
        connection.execute("create schema out")
        connection.from_arrow(rows).create(target["table"])


if __name__ == "__main__":
    main()
