"""The CRM: customers as JSON, page by page, for those who have a token. The same customers every time.

python serve.py a-day-passes     40 customers change their plan, 25 come
"""

import base64
import hmac
import json
import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

PLANS = (("free", "0.00"), ("team", "49.00"), ("business", "249.50"))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CLIENT = "firn"


def customer(number: int, plan: int, seconds: int) -> dict[str, Any]:
    name, amount = PLANS[plan % 3]
    return {
        "id": number,
        "name": f" Customer {number} ",
        "email": f"Someone@Customer-{number}.example.com",
        "plan": name,
        "mrr": {"amount": amount, "currency": "EUR"},
        "active": number % 10 != 0,
        "updated_at": (BEGIN + timedelta(seconds=seconds)).isoformat(),
    }


class Crm(ThreadingHTTPServer):
    """Customers by number, and the one token that is good."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Door)
        self.token = "crm-" + secrets.token_urlsafe(24)
        self.customers = {number: customer(number, number, number * 60) for number in range(1, 1201)}
        self.busy = True

    def page(self, since: str, cursor: str, limit: int) -> dict[str, Any]:
        """Return what changed at `since` or later, oldest first, from after the cursor on."""
        after = base64.urlsafe_b64decode(cursor).decode()
        begin = datetime.fromisoformat(since) if since else BEGIN
        found = sorted(
            (one for one in self.customers.values() if datetime.fromisoformat(one["updated_at"]) >= begin),
            key=place,
        )
        rest = [one for one in found if place(one) > after]
        more = base64.urlsafe_b64encode(place(rest[limit - 1]).encode()).decode() if len(rest) > limit else None
        return {"data": rest[:limit], "next": more}

    def somebody_changes_meanwhile(self) -> None:
        """Let a customer of the first page come again on the last one: it has changed between the two."""
        self.customers[3] = customer(3, 1, 1201 * 60)

    def a_day_passes(self) -> None:
        for number in range(30, 1201, 30):
            self.customers[number] = customer(number, number + 1, 86_400 + number)
        for number in range(1201, 1226):
            self.customers[number] = customer(number, number, 90_000 + number)


def place(one: dict[str, Any]) -> str:
    return f"{one['updated_at']} {one['id']:09}"


class Door(BaseHTTPRequestHandler):
    server: Crm

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        if self.path == "/a-day-passes":
            self.server.a_day_passes()
            self.answer(200, {})
        elif self.path != "/oauth/token" or form.get("grant_type") != ["client_credentials"]:
            self.answer(400, {"error": "unsupported_grant_type"})
        elif not self.shows("Basic " + base64.b64encode(f"{CLIENT}:{os.environ['CRM_CLIENT']}".encode()).decode()):
            self.answer(401, {"error": "invalid_client"})
        else:
            self.answer(200, {"access_token": self.server.token, "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if not self.shows(f"Bearer {self.server.token}"):
            self.answer(401, {"error": "who are you?"})
        elif address.path != "/v1/customers":
            self.answer(404, {"error": "there is nothing here"})
        elif "cursor" in query and self.server.busy:
            self.server.busy = False
            self.server.somebody_changes_meanwhile()
            self.answer(429, {"error": "not so fast"}, {"Retry-After": "1"})
        else:
            limit = min(int(query.get("limit", "100")), 500)
            self.answer(200, self.server.page(query.get("updated_since", ""), query.get("cursor", ""), limit))

    def shows(self, credential: str) -> bool:
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), credential.encode())

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        own = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in (own | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: Any) -> None:  # noqa: ARG002  # as it is called
        """Say what was asked for: no header, and so no credential."""
        print(f"crm: {words[0]} {words[1]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    urlopen(Request(f"http://127.0.0.1:{os.environ['CRM_PORT']}/{sys.argv[1]}", method="POST"), timeout=10).close()
