"""Files as a flow moves them: found, fetched, read, made, sent and cleared away; killed between, and gone on with."""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from servers import s3

FIRN = Path(sys.executable).with_name("firn")
CANARY = f"canary-{secrets.token_hex(8)}"

PLATFORM = """\
version: "1.0.0"
security: {{mode: internal_fast, secret_mounts: [mount]}}
connectors:
  shop: {{type: local, config: {{root: shop}}}}
  lake:
    type: s3
    config:
      bucket: {bucket}
      prefix: raw
      endpoint: "{endpoint}"
      path_style_access: true
      credentials: {{mode: static, access_key_id: {{secret_ref: lake-id}}, secret_access_key: {{secret_ref: lake-key}}}}
workspace: {{root: work, cleanup: never}}
"""
FLOW = """\
name: moves
version: "1.0.0"
resources:
  source: {profile: SOURCE}
  target: {profile: TARGET}
steps:
  - {id: found, type: list_files, inputs: {resource: source, path: in, pattern: "*.csv"}, on_no_data: skip_job}
  - {id: fetched, type: download, inputs: {resource: source, files: "{{ steps.found.outputs.files }}", dest_dir: raw}}
  - {id: orders, type: read, inputs: {resource: workspace, path: "raw/*.csv"}}
  - {id: big, type: sql, inputs: {sql: "select * from orders where amount > 10"}}
  - {id: made, type: write, inputs: {from: big, resource: workspace, path: out/big.parquet, mode: replace}}
  - {id: told, type: export, inputs: {from: big, resource: workspace, path: out/big.csv}}
  - {id: sent, type: upload, inputs: {resource: target, files: [out/big.parquet, out/big.csv], dest_path: done}}
  - {id: cleared, type: delete_files, inputs: {resource: source, files: "{{ steps.found.outputs.files }}"}}
"""


class Place:
    """The two places of a project, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, s3.moto()
        self.bucket = self.server.bucket()
        (folder / "shop").mkdir()
        (folder / "mount").mkdir()
        (folder / "mount/lake-id").write_text(self.server.access_key_id)
        (folder / "mount/lake-key").write_text(CANARY)  # moto believes every signature
        text = PLATFORM.format(bucket=self.bucket, endpoint=self.server.endpoint)
        (folder / "platform.yaml").write_text(text)

    def put(self, where: str, name: str, content: bytes) -> None:
        if where == "lake":
            self.server.client().put_object(Bucket=self.bucket, Key=f"raw/{name}", Body=content)
        else:
            path = self.folder / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def files(self, where: str) -> dict[str, bytes]:
        if where == "shop":
            root = self.folder / "shop"
            return {str(one.relative_to(root)): one.read_bytes() for one in sorted(root.rglob("*")) if one.is_file()}
        client, found = self.server.client(), {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for one in page.get("Contents", ()):
                body = client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
                found[one["Key"].removeprefix("raw/")] = body
        return found

    def count(self, where: str) -> int:
        """Return how many files were sent."""
        if where == "shop":
            return len(list((self.folder / "shop").glob("done/[!.]*")))
        return int(self.server.client().list_objects_v2(Bucket=self.bucket, Prefix="raw/done/")["KeyCount"])

    def noted(self) -> bool:
        """Say whether the run has noted that an upload in parts has begun."""
        return any(one.stat().st_size for one in (self.folder / "work").glob("*/.files/raw/.*.upload"))

    def uploading(self) -> bool:
        """Say whether an upload in parts has begun and not ended."""
        return "Uploads" in self.server.client().list_multipart_uploads(Bucket=self.bucket)

    def compile(self, flow: str) -> None:
        (self.folder / "flow.yaml").write_text(flow)
        answer = self.firn("compile", "flow.yaml", "-p", "platform.yaml", "-o", "c.json")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def firn(self, *words: str) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run([FIRN, *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert CANARY not in answer.stdout + answer.stderr
        return answer

    def run(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Run the flow; return the exit code and the events."""
        answer = self.firn("run", "c.json", "--log-format", "json", *words)
        lines = (answer.stdout + answer.stderr).splitlines()
        return answer.returncode, [json.loads(line) for line in lines if line.startswith("{")]

    def kept(self) -> dict[str, Path]:
        """Return the files in the run's folder, by name."""
        return {one.name: one for one in (self.folder / "work").glob("*/.files/raw/*")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def told(events: list[dict[str, Any]], name: str, **detail: str) -> list[str]:
    return [one["step"] for one in events if one["event"] == name and "step" in one and one.items() >= detail.items()]


@pytest.mark.parametrize(("source", "target"), [("shop", "lake"), ("lake", "shop"), ("shop", "shop")])
def test_files_are_found_fetched_read_made_sent_and_cleared_away(place: Place, source: str, target: str) -> None:
    place.put(source, "in/a.csv", b"id,amount\n1,5\n2,20\n")
    place.put(source, "in/b.csv", b"id,amount\n3,30\n")
    place.put(source, "in/note.txt", b"stays")
    place.compile(FLOW.replace("SOURCE", source).replace("TARGET", target))
    code, events = place.run()
    assert code == 0, events
    assert {name for name in place.files(source) if name.startswith("in")} == {"in/note.txt"}
    sent = place.files(target)
    assert sent["done/big.csv"] == b"id,amount\n2,20\n3,30\n"
    (place.folder / "got.parquet").write_bytes(sent["done/big.parquet"])
    assert duckdb.sql(f"from '{place.folder}/got.parquet' order by id").fetchall() == [(2, 20), (3, 30)]


def test_a_job_that_finds_no_file_is_skipped(place: Place) -> None:
    place.compile(FLOW.replace("SOURCE", "shop").replace("TARGET", "lake"))
    code, events = place.run()
    assert code == 0
    assert told(events, "step.started") == ["found"]
    assert [one["status"] for one in events if one["event"] == "job.finished"] == ["SKIPPED"]


def test_check_items_says_whether_the_list_is_long_enough(place: Place) -> None:
    place.put("shop", "in/a.csv", b"id,amount\n1,50\n")
    flow = FLOW.replace("SOURCE", "shop").replace("TARGET", "lake")
    items = '{items: "{{ steps.found.outputs.files }}", min_count: 2}'
    step = f"  - {{id: enough, type: check_items, inputs: {items}, on_no_data: skip_job}}\n"
    head, mark, rest = flow.partition("  - {id: fetched")
    place.compile(head + step + mark + rest)
    code, events = place.run()
    assert (code, told(events, "step.started")) == (0, ["found", "enough"])
    place.put("shop", "in/b.csv", b"id,amount\n2,50\n")
    assert place.run()[0] == 0
    assert "done/big.csv" in place.files("lake")


def killed(place: Place, when: Callable[[], bool]) -> None:
    """Run the flow, and kill it as soon as something can be seen from outside."""
    process = subprocess.Popen([FIRN, "run", "c.json"], cwd=place.folder, stdout=subprocess.DEVNULL)
    while not when() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(("source", "count"), [("shop", 2000), ("lake", 300)])
def test_a_run_that_is_killed_within_a_download_fetches_only_what_is_missing(
    place: Place, source: str, count: int
) -> None:
    for number in range(count):
        place.put(source, f"in/{number:04}.csv", b"id,amount\n%d,50\n" % number)
    place.compile(FLOW.replace("SOURCE", source).replace("TARGET", "shop"))
    killed(place, lambda: len(place.kept()) >= 20)
    before = {name: (one.stat().st_ino, one.stat().st_mtime_ns) for name, one in place.kept().items()}
    assert 20 <= len(before) < count
    code, events = place.run("--resume", "last")
    assert code == 0, events
    assert told(events, "step.reused") == ["found"]
    after = {name: (one.stat().st_ino, one.stat().st_mtime_ns) for name, one in place.kept().items()}
    again = [name for name in before if after[name] != before[name]]
    assert len(after) == count
    assert len(again) <= 4  # those that were renamed and not yet noted: as many as are in flight
    assert place.files("shop")["done/big.csv"].count(b"\n") == count + 1


SEND = """\
  - {id: sent, type: upload, inputs: {resource: target, files: "{{ steps.fetched.outputs.files }}", dest_path: done}}
"""


@pytest.mark.parametrize(
    ("target", "count", "size"), [("shop", 1000, 50_000), ("lake", 200, 1000), ("lake", 1, 40 << 20)]
)
def test_a_run_that_is_killed_within_an_upload_shows_whole_files_alone_and_puts_the_rest(
    place: Place, target: str, count: int, size: int
) -> None:
    contents = {f"{number:04}.csv": b"%04d" % number * (size // 4) for number in range(count)}
    for name, content in contents.items():
        place.put("shop", f"in/{name}", content)
    head = FLOW.partition("  - {id: orders")[0]
    place.compile((head + SEND).replace("SOURCE", "shop").replace("TARGET", target))
    killed(place, lambda: place.noted() if count == 1 else place.count(target) >= 20)
    seen = {name.removeprefix("done/"): body for name, body in place.files(target).items() if name.startswith("done/")}
    hidden = {name for name in seen if name.startswith(".")}
    assert {name: body for name, body in seen.items() if name not in hidden}.items() <= contents.items()
    assert len(seen) < count
    code, events = place.run("--resume", "last")
    assert code == 0, events
    assert told(events, "step.started") == ["sent"]
    sent = {name.removeprefix("done/"): body for name, body in place.files(target).items() if name.startswith("done/")}
    assert sent == contents
    assert not place.uploading()


def stopping(place: Place) -> None:
    """Run a flow that fetches and writes into the run's folder, and then fails until `in/b.csv` is there."""
    place.put("shop", "in/a.csv", b"id,amount\n1,50\n")
    flow = FLOW.replace("SOURCE", "shop").replace("TARGET", "lake")
    place.put("shop", "later/x.csv", b"id\n1\n")
    step = "  - {id: later, type: read, inputs: {resource: source, path: later/y.csv}}\n"
    head, mark, rest = flow.partition("  - {id: sent")
    place.compile(head + step + mark + rest)
    code, events = place.run()
    assert (code, told(events, "step.finished", status="FAILED")) == (1, ["later"])
    place.put("shop", "later/y.csv", b"id\n1\n")


def test_a_step_whose_files_are_there_is_not_done_again(place: Place) -> None:
    stopping(place)
    code, events = place.run("--resume", "last")
    assert code == 0
    assert told(events, "step.reused") == ["found", "fetched", "orders", "big", "made", "told"]


LOST: Mapping[str, tuple[str, list[str]]] = {
    "a file that was fetched": ("raw/a.csv", ["fetched"]),
    "a file that was written": ("out/big.parquet", ["made"]),
    "a file that was exported": ("out/big.csv", ["told"]),
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_step_whose_file_is_gone_is_done_again(place: Place, lost: str, damage: str) -> None:
    stopping(place)
    name, steps = LOST[lost]
    (file,) = (place.folder / "work").glob(f"*/.files/{name}")
    content = file.read_bytes()
    file.unlink()
    if damage == "short":
        file.write_bytes(content[:-1])
    planned = place.firn("run", "c.json", "--resume", "last", "--dry-run").stdout
    assert planned.count("runs again: a file of it is gone from the workspace") == 1
    code, events = place.run("--resume", "last")
    assert code == 0, events
    assert told(events, "step.started")[: len(steps)] == steps
    assert told(events, "warning") == steps
    assert file.read_bytes() == content
    assert "done/big.csv" in place.files("lake")


def test_a_fresh_pod_with_an_empty_workspace_makes_again_what_is_needed(place: Place) -> None:
    stopping(place)
    shutil.rmtree(place.folder / "work")
    code, events = place.run("--resume", "last")
    assert code == 0, events
    assert told(events, "step.reused") == ["found"]
    assert told(events, "step.started") == [
        *("fetched", "orders", "big", "made", "told", "later", "sent", "cleared"),
    ]
    assert place.files("lake")["done/big.csv"] == b"id,amount\n1,50\n"


TAKEN = """\
name: takes
version: "1.0.0"
resources: {shop: {profile: shop}, lake: {profile: lake}}
steps:
  - {id: found, type: list_files, inputs: {resource: shop, path: in}}
  - {id: fetched, type: download, inputs: {resource: shop, files: "{{ steps.found.outputs.files }}", dest_dir: raw}}
  - {id: orders, type: read, inputs: {resource: workspace, path: "raw/*.csv"}}
  - {id: made, type: write, inputs: {from: orders, resource: shop, path: all.csv, mode: replace}}
  - {id: waited, type: list_files, inputs: {resource: lake, path: told, min_count: 1}}
  - {id: cleared, type: delete_files, inputs: {resource: shop, files: "{{ steps.found.outputs.files }}"}}
"""


def test_a_file_that_came_after_those_that_were_published_stays_where_names_hold_a_secret(place: Place) -> None:
    """The state keeps no such name, so that a resumed run lists and fetches anew."""
    word = "partner-feed"
    (place.folder / "mount/lake-key").write_text(word)
    place.compile(TAKEN)
    place.put("shop", f"in/{word}-1.csv", b"id\n1\n")
    assert place.run()[0] == 1
    place.put("shop", f"in/{word}-2.csv", b"id\n2\n")
    place.put("lake", "told/x", b"")
    code, events = place.run("--resume", "last")
    assert (code, told(events, "step.reused")) == (0, ["orders", "made"])
    assert place.files("shop") == {"all.csv": b"id\n1\n", f"in/{word}-2.csv": b"id\n2\n"}
    assert [one["message"] for one in events if one["event"] == "warning" and "step" in one] == [
        "its results were not kept; it is made again",
        "`in/***-2.csv` may be newer than what this run has published: it was not there or not the same when that was"
        " fetched; what is there stays, and the next run fetches it",
    ]


BOTH = """\
name: both
version: "1.0.0"
resources: {shop: {profile: shop}, lake: {profile: lake}}
steps:
  - {id: here, type: list_files, inputs: {resource: shop, path: in}}
  - {id: there, type: list_files, inputs: {resource: lake, path: in}}
  - {id: first, type: download, inputs: {resource: shop, files: "{{ steps.here.outputs.files }}", dest_dir: raw}}
  - {id: second, type: download, inputs: {resource: lake, files: "{{ steps.there.outputs.files }}", dest_dir: raw}}
  - {id: orders, type: read, inputs: {resource: workspace, path: "raw/*.csv"}}
  - {id: made, type: write, inputs: {from: orders, resource: shop, path: all.csv, mode: replace}}
  - {id: cleared, type: delete_files, inputs: {resource: shop, files: "{{ steps.here.outputs.files }}"}}
"""


def test_files_of_one_name_that_two_steps_fetch_to_one_folder_are_not_lost(place: Place) -> None:
    place.compile(BOTH)
    place.put("shop", "in/a.csv", b"id\n1\n")
    place.put("lake", "in/a.csv", b"id\n22\n")
    for words in ((), ("--resume", "last")):
        code, events = place.run(*words)
        assert (code, told(events, "step.finished", status="FAILED")) == (1, ["second"])
        (failed,) = [one["error"] for one in events if one["event"] == "step.finished" and one["status"] == "FAILED"]
        assert failed["message"] == (
            "`raw/a.csv` is where `main.first` puts a file too: one would take the place of the other"
        )
        assert place.kept()["a.csv"].read_bytes() == b"id\n1\n"
    assert place.files("shop") == {"in/a.csv": b"id\n1\n"}
    place.put("lake", "in/b.csv", b"id\n22\n")
    place.server.client().delete_object(Bucket=place.bucket, Key="raw/in/a.csv")
    code, events = place.run()
    assert (code, sorted(place.files("shop")["all.csv"].split())) == (0, [b"1", b"22", b"id"])


def test_a_failure_names_the_file(place: Place) -> None:
    place.put("shop", "in/a.csv", b"id,amount\n1,50\n")
    flow = FLOW.replace("SOURCE", "shop").replace("TARGET", "lake")
    place.compile(flow.replace("[out/big.parquet, out/big.csv]", "[out/big.parquet, out/none.csv]"))
    code, events = place.run()
    (failed,) = [one for one in events if one["event"] == "step.finished" and one["status"] == "FAILED"]
    assert code == 1
    assert failed["error"]["message"] == "there is no file `out/none.csv` in the run's folder of files"
    assert place.files("lake") == {}
