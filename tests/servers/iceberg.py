"""An Iceberg REST catalog for tests, on a free port of 127.0.0.1, that checks what it is asked.

No real one can be had from a package registry. Requests and metadata are judged by PyIceberg, which Firn does not use:
a commit is parsed, its requirements are checked and its updates applied by that library alone.
"""

import base64
import json
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest
from pyiceberg.table.metadata import TableMetadata, TableMetadataV1, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import AssertCreate, update_table_metadata

from runtime.connectors.server import Answer, Asked, serving

CLIENT, SCOPE = "loader", "PRINCIPAL_ROLE:ALL"
WAREHOUSE, PREFIX = "production", "wh/production"
_ABSENT = dict.fromkeys(["location", "partition-spec", "write-order"])


class Catalog:
    """The tables, the tokens, and what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.asked: list[Asked] = []
        self.secret = f"canary-{secrets.token_urlsafe(24)} +/%25:&=~*"
        self.tokens: dict[str, float] = {}
        """When each of them ends, by the monotonic clock."""
        self.life: float | None = 3600
        """Seconds of a new token; None: the answer does not say."""
        self.fixed = f"canary-{secrets.token_urlsafe(24)}"
        """A token that does not end."""
        self.tables: dict[tuple[str, str], TableMetadata] = {}
        self.namespaces = {"sales", "sales.eu"}
        self.warehouse = folder.as_uri()
        """Where new tables lie."""
        self.gives: dict[str, Any] = {}
        """What is added to the answer of a table."""
        self.fault: Callable[[Asked], Answer | None] = lambda asked: None
        """What goes wrong with a request, before anything is done."""
        self.spoilt: Callable[[Asked, Answer], Answer] = lambda asked, answer: answer
        """What becomes of an answer, when all is done."""
        self.errors: list[str] = []
        """What the server did not understand."""
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            try:
                return self.fault(asked) or self.spoilt(asked, self._answer(asked))
            except Exception:
                self.errors.append(traceback.format_exc())
                return _error(400, "BadRequestException", "the request is not as it should be")

    def _answer(self, asked: Asked) -> Answer:
        if asked.path == "/v1/oauth/tokens":
            return self._token(asked)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token != self.fixed and self.tokens.get(token, 0) < time.monotonic():
            return _error(401, "NotAuthorizedException", "who is that")
        if asked.path == "/v1/config":
            if asked.query.get("warehouse") != WAREHOUSE:
                return _error(404, "NotFoundException", "no such warehouse")
            return Answer({"defaults": {}, "overrides": {"prefix": PREFIX}})
        if asked.path == f"/v1/{PREFIX}/transactions/commit":
            return self._commit_several(asked)
        assert asked.path.startswith(f"/v1/{PREFIX}/namespaces"), asked.path
        parts = [unquote(one) for one in asked.path.removeprefix(f"/v1/{PREFIX}/").split("/")]
        namespace = parts[1].replace("\x1f", ".") if len(parts) > 1 else ""
        if namespace not in self.namespaces:
            return _error(404, "NoSuchNamespaceException", "no such namespace")
        if len(parts) < 3:
            return Answer({"namespace": namespace.split("."), "properties": {}})
        return self._table(asked, namespace, parts[3]) if len(parts) > 3 else self._create(asked, namespace)

    def _token(self, asked: Asked) -> Answer:
        form = {name: one[0] for name, one in parse_qs(asked.body.decode()).items()}
        basic = asked.headers.get("authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(basic).decode().partition(":") if basic else ("", "", "")
        who = (unquote(user.replace("+", " ")), unquote(password.replace("+", " ")))
        who = who if basic else (form.get("client_id", ""), form.get("client_secret", ""))
        if who != (CLIENT, self.secret):
            return Answer({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            return Answer({"error": "invalid_scope"}, 400)
        token = f"canary-{secrets.token_urlsafe(24)}"
        self.tokens[token] = time.monotonic() + (self.life or 3600)
        said = {"expires_in": self.life} if self.life is not None else {}
        return Answer({"access_token": token, "token_type": "bearer", **said})

    def _create(self, asked: Asked, namespace: str) -> Answer:
        request = CreateTableRequest.model_validate({**_ABSENT, **json.loads(asked.body)})
        if (namespace, request.name) in self.tables:
            return _error(409, "AlreadyExistsException", "it is there")
        metadata = new_table_metadata(
            schema=request.table_schema,
            partition_spec=request.partition_spec or UNPARTITIONED_PARTITION_SPEC,
            sort_order=request.write_order or UNSORTED_SORT_ORDER,
            location=request.location or f"{self.warehouse}/{namespace.replace('.', '/')}/{request.name}",
            properties=request.properties,
        )
        if not request.stage_create:
            self._keep(namespace, request.name, metadata)
        return self._told(namespace, request.name, metadata)

    def _table(self, asked: Asked, namespace: str, name: str) -> Answer:
        known = self.tables.get((namespace, name))
        if asked.method == "POST":
            return self._commit(asked, namespace, name, known)
        if known is None:
            return _error(404, "NoSuchTableException", "no such table")
        return self._told(namespace, name, known)

    def _commit_several(self, asked: Asked) -> Answer:
        """Commit as DuckDB does. Of several tables, the first ones stay committed where a later one fails."""
        for one in json.loads(asked.body)["table-changes"]:
            namespace, name = ".".join(one["identifier"]["namespace"]), one["identifier"]["name"]
            body = json.dumps(one).encode()
            answer = self._commit(asked._replace(body=body), namespace, name, self.tables.get((namespace, name)))
            if answer.status != 200:
                return answer
        return Answer(b"", 204)

    def _commit(self, asked: Asked, namespace: str, name: str, known: TableMetadata | None) -> Answer:
        request = CommitTableRequest.model_validate_json(asked.body)
        try:
            if known is None and not any(isinstance(one, AssertCreate) for one in request.requirements):
                return _error(404, "NoSuchTableException", "no such table")
            for one in request.requirements:
                one.validate(known)
        except CommitFailedException:
            return _error(409, "CommitFailedException", "it has changed")
        base = known or _blank()
        changed = update_table_metadata(base, request.updates, enforce_validation=known is None)
        self._keep(namespace, name, changed)
        return self._told(namespace, name, changed)

    def _keep(self, namespace: str, name: str, metadata: TableMetadata) -> None:
        self.tables[namespace, name] = metadata
        file = self.file(namespace, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(metadata.model_dump_json())

    def file(self, namespace: str, name: str) -> Path:
        """Return the file of a table's metadata."""
        return self.folder / ".metadata" / f"{namespace}.{name}.metadata.json"

    def _told(self, namespace: str, name: str, metadata: TableMetadata) -> Answer:
        body = {"metadata-location": self.file(namespace, name).as_uri(), "config": {}, **self.gives}
        return Answer({**body, "metadata": json.loads(metadata.model_dump_json())})


def _blank() -> TableMetadata:
    """Return what the updates of a table's first commit are applied to."""
    return TableMetadataV1.model_construct(last_column_id=-1, schema=Schema())


def _error(status: int, kind: str, said: str) -> Answer:
    return Answer({"error": {"message": said, "type": kind, "code": status}}, status)


@contextmanager
def catalog(folder: Path) -> Iterator[Catalog]:
    """Serve a catalog whose tables lie below a folder until the block ends."""
    one = Catalog(folder)
    with serving(one) as api:
        one.url = api.url
        yield one


def client(one: Catalog, **more: str) -> Any:
    """Return another program's view of it: PyIceberg's client, by the token that does not end."""
    from pyiceberg.catalog.rest import RestCatalog

    known: Mapping[str, str] = {"uri": one.url, "token": one.fixed, "warehouse": WAREHOUSE, **more}
    return RestCatalog("test", **known)
