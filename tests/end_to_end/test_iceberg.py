"""A flow whose layers are namespaces of an Iceberg catalog: compiled, looked at, run, and gone on with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.connectors.iceberg.lake import Lake, lake
from runtime.connectors.server import Answer, Asked
from servers import iceberg

FIRN = str(Path(sys.executable).parent / "firn")
PLATFORM = """\
version: "1.0.0"
security: {{mode: enterprise, secret_mounts: [secrets]}}
storage:
  default: {{type: local, root: out}}
catalogs:
  default:
    type: polaris
    uri: {url}
    warehouse: production
    namespace: sales
    root: warehouse
    credentials: {{mode: oauth2, client_id: loader, client_secret: {{secret_ref: polaris}}, scope: "{scope}"}}
connectors:
  shop: {{kind: files, driver: local, config: {{root: in}}}}
layers:
  gold: {{catalog_ref: default, namespace: sales.eu}}
"""
FLOW = """\
name: orders
version: "1.0.0"
resources:
  shop: {profile: shop}
steps:
  - {id: orders, type: read, inputs: {resource: shop, path: orders.csv}}
  - {id: bronze, type: write, inputs: {from: orders, resource: catalog, table: orders, mode: append}}
  - {id: again, type: read, inputs: {resource: catalog, table: orders}}
  - {id: sums, type: sql, inputs: {sql: "select name, sum(n) as n from again group by name"}}
  - {id: gold, type: write, inputs: {from: sums, resource: gold, table: sums, mode: upsert, keys: [name]}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lake]:
    with lake(tmp_path) as one:
        yield one


def firn(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    return subprocess.run([FIRN, *words], cwd=folder, env=environ, capture_output=True, text=True)


def compiled(place: Lake, folder: Path) -> "subprocess.CompletedProcess[str]":
    (folder / "in").mkdir()
    (folder / "in" / "orders.csv").write_text("name,n\na,1\na,2\nb,3\n")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "polaris").write_text(place.catalog.secret)
    (folder / "platform.yaml").write_text(PLATFORM.format(url=place.catalog.url, scope=iceberg.SCOPE))
    (folder / "flow.yaml").write_text(FLOW)
    return firn(folder, "compile", "flow.yaml", "--platform", "platform.yaml", "-o", "a.json")


def silent(place: Lake, folder: Path, *done: "subprocess.CompletedProcess[str]") -> None:
    """Look for secrets in all that was said and kept."""
    kept = [file.read_bytes() for file in (folder / ".firn").rglob("*") if file.is_file()]
    texts = [text.encode() for one in done for text in (one.stdout, one.stderr)]
    for secret in (place.catalog.secret, *place.catalog.tokens):
        assert not any(secret.encode() in text for text in (*kept, *texts, (folder / "a.json").read_bytes()))


def test_a_flow_reads_and_writes_layers_of_a_catalog(place: Lake, tmp_path: Path) -> None:
    made = compiled(place, tmp_path)
    assert made.returncode == 0, made.stderr
    looked = firn(tmp_path, "preflight", "a.json")
    assert looked.returncode == 0, looked.stdout
    assert "there is no table `sales.eu.sums` yet; the write makes it" in looked.stdout
    before = len(place.asked("POST", "/v1/oauth/tokens"))
    done = [firn(tmp_path, "run", "a.json") for _ in range(2)]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert len(place.asked("POST", "/v1/oauth/tokens")) - before == 4, "one token for each resource of a run"
    assert len(place.by_pyiceberg("orders")) == 6
    sums = iceberg.client(place.catalog).load_table("sales.eu.sums").scan().to_arrow().to_pylist()
    assert sorted((row["name"], int(row["n"])) for row in sums) == [("a", 6), ("b", 6)]
    silent(place, tmp_path, made, looked, *done)


def test_a_run_that_is_resumed_finds_what_it_has_committed(place: Lake, tmp_path: Path) -> None:
    """The commit is made, its answer is lost, and the catalog is down when the run looks."""
    compiled(place, tmp_path)

    def lost(asked: Asked, answer: Answer) -> Answer:
        if asked.method != "POST" or not asked.path.endswith("/tables/orders"):
            return answer
        place.catalog.fault = lambda _: Answer({}, 500)
        return Answer({}, 504)

    place.catalog.spoilt = lost
    failed = firn(tmp_path, "run", "a.json")
    assert failed.returncode == 1
    assert "the API answered 504" in failed.stdout + failed.stderr
    place.catalog.fault, place.catalog.spoilt = lambda asked: None, lambda asked, answer: answer
    assert len(place.by_pyiceberg("orders")) == 3
    resumed = firn(tmp_path, "run", "a.json", "--resume", "last")
    assert resumed.returncode == 0, resumed.stderr
    assert len(place.by_pyiceberg("orders")) == 3
    silent(place, tmp_path, failed, resumed)
