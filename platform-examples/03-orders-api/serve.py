"""The orders API: purchases as JSON, page by page, for those who know the token. Standard library only.

python serve.py PORT     the token is read from the variable ORDERS_API
"""

import csv
import hmac
import json
import os
import sys
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

DATA = Path(__file__).parent / "data" / "cdnow_sample.csv"


@cache
def orders() -> list[dict[str, Any]]:
    with DATA.open(newline="") as file:
        return [
            {
                "order_id": number,
                "customer_id": int(row["customer_id"]),
                "ordered_on": f"{row['date'][:4]}-{row['date'][4:6]}-{row['date'][6:]}",
                "discs": int(row["discs"]),
                "amount": row["amount"],
            }
            for number, row in enumerate(csv.DictReader(file), start=1)
        ]


class Orders(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {os.environ['ORDERS_API']}".encode()):
            self.answer(401, {"error": "who are you?"})
        elif address.path != "/orders":
            self.answer(404, {"error": "there is nothing here"})
        else:
            query = parse_qs(address.query)
            self.page(int(query.get("page", ["1"])[0]), min(int(query.get("per_page", ["100"])[0]), 1000))

    def page(self, number: int, size: int) -> None:
        rows = orders()[(number - 1) * size : number * size]
        more = number * size < len(orders())
        link = {"Link": f'</orders?page={number + 1}&per_page={size}>; rel="next"'} if more else {}
        self.answer(200, {"data": rows, "page": number}, link)

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing: the run tells what happens."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Orders)
    print(f"orders on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
