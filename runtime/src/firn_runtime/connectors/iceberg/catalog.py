"""An Iceberg REST catalog: what is asked of it, one request each. It is spoken without a library: see docs/adr/0028.

What it answers is an outsider's, and is limited in size. It is asked at its own address alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import orjson

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.http.client import Answer, Call
from firn_runtime.connectors.iceberg.places import Gone
from firn_runtime.connectors.iceberg.table import Table, table_of
from firn_runtime.connectors.rest.asking import SUCCESS, Asking
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json
from firn_schemas.connectors.catalog import IcebergRestConfig, IcebergRestOptions
from firn_schemas.connectors.rest import RestConfig, RestOptions
from firn_schemas.credentials import Credentials, OAuth2Credentials, StaticCredentials

LARGEST = 1 << 26
"""Bytes of an answer: a table's metadata tell of all its snapshots."""
_TOKENS = "v1/oauth/tokens"
"""Where a catalog gives tokens itself; the specification has deprecated it, and Polaris does so."""


class Name(NamedTuple):
    """Which table."""

    namespace: tuple[str, ...]
    table: str

    @property
    def text(self) -> str:
        """How messages call it."""
        return ".".join((*self.namespace, self.table))


class Loaded(NamedTuple):
    """A table, and what the catalog gives to reach its files with."""

    table: Table
    metadata: Mapping[str, Any]
    """As the catalog spells them."""
    config: Mapping[str, str]
    credentials: Sequence[Mapping[str, Any]]
    """Each with `prefix` and `config`."""


def named(table: str | None, namespace: str | None) -> Name:
    """Return which table a step means: `table` in the resource's namespace, or `namespace.table`."""
    parts = (table or "").split(".")
    outer = parts[:-1] or (namespace.split(".") if namespace else [])
    if not outer or not all((*outer, parts[-1])):
        help = "write `table: namespace.name`, or give the resource a `namespace`"
        raise ConnectorError("data", "`table` is a name in a namespace of the catalog", help)
    return Name(tuple(outer), parts[-1])


def changed_by_another(name: Name) -> ConnectorError:
    """Return the error of a step that does not stand on the table that is there now."""
    help = "`retry: {on: [conflict]}` does it again, upon what is there now"
    return ConnectorError("conflict", f"another writer has changed the table `{shown(name.text)}`", help)


class Catalog:
    """One catalog; its connections are kept until it is closed."""

    def __init__(self, config: IcebergRestConfig, options: IcebergRestOptions, machine: Machine) -> None:
        self._warehouse, self._vends = config.warehouse, options.access_delegation != "none"
        asked = RestConfig(base_url=config.uri, credentials=_as_whom(config))
        limits = RestOptions(
            timeout=options.timeout,
            max_concurrency=options.max_concurrency,
            max_response_bytes=LARGEST,
            allow_private_hosts=True,
            ca_file=config.ca_file,
        )
        self.asking = Asking(asked, limits, config.ca_file, machine, renews=options.token_refresh_enabled)
        self.close = self.asking.close
        self._root: tuple[str, str] | None = None

    def root(self) -> tuple[str, str]:
        """Return what the paths of this warehouse begin with, and what is between the parts of a namespace."""
        if self._root is None:
            answer = self._ask(Call("GET", self._below("v1/config"), {"warehouse": self._warehouse}), [200, 404])
            if answer.status == 404:
                help = "check `warehouse`, and `uri`, which is written without `/v1`"
                raise ConnectorError("data", f"the catalog has no warehouse `{self._warehouse}`", help)
            found = _object(answer)
            known = {**_texts(found.get("defaults")), **_texts(found.get("overrides"))}
            prefix = "".join(f"{quote(part, safe='')}/" for part in known.get("prefix", "").split("/") if part)
            self._root = f"v1/{prefix}", unquote(known.get("namespace-separator") or "%1F")
        return self._root

    def load(self, name: Name, *, history: bool = False) -> Loaded | None:
        """Return a table, with the snapshots before the current one if `history` is asked for; None where there is
        none."""
        call = Call("GET", self._table(name), {"snapshots": "all" if history else "refs"}, self._delegation)
        answer = self._ask(call, [200, 404])
        return _loaded(answer) if answer.status == 200 else None

    def has(self, name: Name) -> bool:
        """Say whether there is a table."""
        return self.load(name) is not None

    @contextmanager
    def standing(self, name: Name, table: Table) -> Iterator[None]:
        """Raise a `conflict` where a file of the table is gone since others have removed the snapshot that held it."""
        try:
            yield
        except Gone:
            now = self.load(name)
            if now is not None and now.table.current == table.current:
                raise
            raise changed_by_another(name) from None

    def stage(self, name: Name, schema: Json) -> Loaded:
        """Return a table as its first commit would make it; raise a `conflict` where it is there."""
        body: Json = {"name": name.table, "schema": schema, "stage-create": True, "properties": {"format-version": "2"}}
        answer = self._send(self._tables(name), body, self._delegation, [200, 404, 409])
        if answer.status == 409:
            raise changed_by_another(name)
        if answer.status == 404:
            said = f"the catalog has no namespace `{shown('.'.join(name.namespace))}`"
            raise ConnectorError("data", said, "make it in the catalog, or correct `namespace`")
        return _loaded(answer)

    def commit(self, name: Name, requirements: Sequence[Json], updates: Sequence[Json]) -> None:
        """Change a table in one act, if it is as is required; raise ConnectorError of class `conflict` if it is not."""
        who: Json = {"namespace": list(name.namespace), "name": name.table}
        body: Json = {"identifier": who, "requirements": list(requirements), "updates": list(updates)}
        answer = self._send(self._table(name), body, {}, [200, 204, 409])
        if answer.status == 409:
            raise changed_by_another(name)

    @property
    def _delegation(self) -> Mapping[str, str]:
        return {"x-iceberg-access-delegation": "vended-credentials"} if self._vends else {}

    def _below(self, path: str) -> str:
        return self.asking.below_base(path)

    def _tables(self, name: Name) -> str:
        prefix, between = self.root()
        return self._below(f"{prefix}namespaces/{quote(between.join(name.namespace), safe='')}/tables")

    def _table(self, name: Name) -> str:
        return f"{self._tables(name)}/{quote(name.table, safe='')}"

    def _send(self, address: str, body: Json, headers: Mapping[str, str], wanted: Sequence[int]) -> Answer:
        kind = {"content-type": "application/json"}
        return self._ask(Call("POST", address, headers={**kind, **headers}, content=orjson.dumps(body)), wanted)

    def _ask(self, call: Call, wanted: Sequence[int] | range = SUCCESS) -> Answer:
        return self.asking.ask(call, wanted)


def _as_whom(config: IcebergRestConfig) -> Credentials | None:
    """Return the credentials, with the catalog's own address for tokens where no other is said."""
    found = config.credentials
    if isinstance(found, OAuth2Credentials) and not found.token_url:
        return OAuth2Credentials(**{**vars(found), "token_url": f"{config.uri.rstrip('/')}/{_TOKENS}"})
    if isinstance(found, StaticCredentials) and found.token is None:
        raise ConnectorError("auth", "the catalog's credentials lack `token`")
    if found is not None and not isinstance(found, (OAuth2Credentials, StaticCredentials)):
        raise ConnectorError("auth", "a catalog takes credentials with `mode: oauth2` or `mode: static`")
    return found


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        help = "`uri` is the address of an Iceberg REST catalog, without `/v1`"
        raise ConnectorError("data", f"{answer.name}: what answers is no Iceberg catalog", help)
    return found


def _texts(found: Any) -> dict[str, str]:
    return {name: one for name, one in found.items() if isinstance(one, str)} if isinstance(found, dict) else {}


def _loaded(answer: Answer) -> Loaded:
    found = _object(answer)
    several = found.get("storage-credentials")
    credentials = [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []
    metadata = found.get("metadata")
    return Loaded(
        table_of(metadata), metadata if isinstance(metadata, dict) else {}, _texts(found.get("config")), credentials
    )
