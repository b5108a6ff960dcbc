"""A paged JSON API on loopback, in a process of its own: `/ROWS/orders?page=N&per_page=1000`.

Records are the same for everyone who asks: a number of their own before one of a few thousand prepared rests, so that
the server needs neither memory nor much time for any number of rows. `--records ROWS` prints them, a line for each.
"""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

COLUMNS = {
    "id": "BIGINT",
    "customer_id": "BIGINT",
    "status": "VARCHAR",
    "amount": "DECIMAL(10,2)",
    "quantity": "INTEGER",
    "ordered_on": "DATE",
    "created_at": "TIMESTAMP WITH TIME ZONE",
    "country": "VARCHAR",
    "gift": "BOOLEAN",
    "note": "VARCHAR",
}
STATUSES = ("open", "paid", "packed", "sent", "returned")
COUNTRIES = ("DE", "FR", "PL", "São Tomé", "Türkiye", "日本")


def rest(number: int) -> str:
    """Return all of a record but its `id`, as JSON without the opening brace."""
    record = {
        "customer_id": number * 7919 % 100_003,
        "status": STATUSES[number % len(STATUSES)],
        "amount": number * 31 % 1_000_000 / 100,
        "quantity": number % 12 + 1,
        "ordered_on": f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "created_at": f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:30Z",
        "country": COUNTRIES[number % len(COUNTRIES)],
        "gift": number % 3 == 0,
        "note": None if number % 4 else f"leave it with the neighbour of door {number % 97}",
    }
    return json.dumps(record, ensure_ascii=False)[1:]


RESTS = [rest(number) for number in range(9973)]


def records(start: int, end: int) -> Iterator[str]:
    """Yield the records from `start` to before `end`, as JSON."""
    for number in range(start, end):
        yield f'{{"id": {number}, {RESTS[number % len(RESTS)]}'


class Handler(BaseHTTPRequestHandler):
    """Answers a page; one that lies behind the last is empty."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        rows, page, size = int(url.path.split("/")[1]), query["page"], query.get("per_page", 1000)
        start = (page - 1) * size
        pages = -(-rows // size)
        data = ", ".join(records(start, min(start + size, rows)))
        body = f'{{"data": [{data}], "page": {page}, "pages": {pages}}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    if sys.argv[1:2] == ["--records"]:
        sys.stdout.writelines(record + "\n" for record in records(0, int(sys.argv[2])))
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
