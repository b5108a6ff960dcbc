"""Places of files, as file steps ask them: a folder of this machine, a bucket, and the same promises of each."""

import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import Process
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.publication import Leftovers
from firn_schemas.secret import Secret
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import connector
from servers import s3

BIG = 12 << 20
"""Bytes of a file that a bucket takes in parts."""


def local(folder: Path) -> Any:
    return connector("files", "local", written=True, root=str(folder / "root"))


def bucket(server: s3.Server) -> Any:
    keys = {"access_key_id": Secret(server.access_key_id), "secret_access_key": Secret(server.secret_access_key)}
    config: dict[str, Any] = {"endpoint": server.endpoint, "path_style_access": True, "prefix": "raw"}
    config |= {"bucket": server.bucket(), "credentials": {"mode": "static", **keys}, "options": {"part_size": 5 << 20}}
    return connector("s3", "s3", **config)


PLACES: dict[str, Callable[[Path], Any]] = {
    "local": local,
    "moto": lambda _: bucket(s3.moto()),
    "rclone": lambda _: bucket(s3.rclone()),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "root").mkdir()
    made = PLACES[request.param](tmp_path)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def store(place: Any) -> FileStore:
    one: FileStore = place.store()
    return one


@pytest.fixture
def folder(tmp_path: Path) -> FileStore:
    (tmp_path / "root").mkdir()
    one: FileStore = local(tmp_path).store()
    return one


def put(store: FileStore, tmp_path: Path, name: str, content: bytes = b"x", still_ours: Any = lambda: None) -> Any:
    source = tmp_path / "source"
    source.write_bytes(content)
    return store.put(source, name, PUBLICATION.mark_of(source), still_ours)


def got(store: FileStore, tmp_path: Path, name: str) -> bytes:
    file = store.stat(name)
    assert file is not None
    target = tmp_path / "target"
    target.unlink(missing_ok=True)
    store.get(file, target)
    return target.read_bytes()


def names(store: FileStore, folder: str = "", *, recursive: bool = False) -> list[str]:
    return sorted(one.name for one in store.list(folder, recursive=recursive))


def test_what_is_put_is_listed_fetched_and_deleted_once(store: FileStore, tmp_path: Path) -> None:
    told = put(store, tmp_path, "in/a b.csv", b"n\n1\n")
    assert store.stat("in/a b.csv") == told
    assert list(store.list("in", recursive=False)) == [told]
    assert (told.name, told.size) == ("in/a b.csv", 4)
    assert got(store, tmp_path, "in/a b.csv") == b"n\n1\n"
    assert store.delete("in/a b.csv")
    assert not store.delete("in/a b.csv")
    assert store.stat("in/a b.csv") is None


def test_a_bucket_deletes_the_version_that_is_meant_and_no_other(tmp_path: Path) -> None:
    place = bucket(s3.moto())
    place.connect()
    store = place.store()
    first, second = (put(store, tmp_path, "a", content) for content in (b"1", b"22"))
    with pytest.raises(ConnectorError) as caught:
        store.delete("a", first.version)
    assert (caught.value.error_class, "a`: the object has changed" in caught.value.message) == ("conflict", True)
    assert got(store, tmp_path, "a") == b"22"
    assert store.delete("a", second.version)
    assert store.stat("a") is None
    place.close()


def test_a_large_file_with_the_longest_name_is_put(store: FileStore, tmp_path: Path) -> None:
    source = tmp_path / ("x" * 255)
    source.write_bytes(b"x" * BIG)
    assert store.put(source, source.name, PUBLICATION.mark_of(source), lambda: None).size == BIG
    assert names(store) == [source.name]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_folder_is_listed_with_or_without_those_below(store: FileStore, tmp_path: Path) -> None:
    for name in ("top.csv", "in/a.csv", "in/deep/er/b.csv", "inner.csv"):
        put(store, tmp_path, name)
    assert names(store) == ["inner.csv", "top.csv"]
    assert names(store, "in") == ["in/a.csv"]
    assert names(store, "in", recursive=True) == ["in/a.csv", "in/deep/er/b.csv"]
    assert names(store, "none", recursive=True) == []


def test_a_folder_is_no_file_to_delete(folder: FileStore, tmp_path: Path) -> None:
    put(folder, tmp_path, "in/x")
    with pytest.raises(ConnectorError, match=r"^cannot delete `in`: it is a folder$") as caught:
        folder.delete("in")
    assert caught.value.error_class == "data"


@pytest.mark.parametrize("size", [0, 1, BIG])
def test_every_size_comes_back_as_it_went(store: FileStore, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    put(store, tmp_path, "x.bin", content)
    assert got(store, tmp_path, "x.bin") == content


def test_a_name_may_be_as_long_as_the_machine_takes_it(folder: FileStore, tmp_path: Path) -> None:
    long = ["ä" * 125 + end for end in (".csv", ".txt")]
    for name in (*long, long[0]):
        put(folder, tmp_path, f"in/{name}", name.encode())
    assert names(folder, "in") == [f"in/{name}" for name in long]
    assert got(folder, tmp_path, f"in/{long[1]}") == long[1].encode()


@pytest.mark.parametrize("held", [0, 7, 6 << 20, BIG])
def test_a_fetch_goes_on_after_what_is_there(store: FileStore, tmp_path: Path, held: int) -> None:
    content = os.urandom(BIG)
    put(store, tmp_path, "x.bin", content)
    told = store.stat("x.bin")  # rclone says another version of what was put in parts than when it is asked
    assert told is not None
    target = tmp_path / "target"
    target.write_bytes(content[:held])
    store.get(told, target)
    assert target.read_bytes() == content


@pytest.mark.parametrize("held", [0, 4, 9])
def test_a_process_that_stood_still_and_wakes_writes_nothing_behind_what_another_has_fetched(
    folder: FileStore, tmp_path: Path, held: int
) -> None:
    content = os.urandom(1 << 20) * 32
    file, target = put(folder, tmp_path, "a", content), tmp_path / "target"
    asleep = Process(target=folder.get, args=(file, target))
    asleep.start()
    while not target.exists() or target.stat().st_size < held << 20:
        pass
    os.kill(asleep.pid or 0, signal.SIGSTOP)
    folder.get(file, target)
    os.kill(asleep.pid or 0, signal.SIGCONT)
    asleep.join()
    assert target.read_bytes() == content


def test_another_content_is_another_version(store: FileStore, tmp_path: Path) -> None:
    before = put(store, tmp_path, "x", b"one")
    after = put(store, tmp_path, "x", b"two")
    assert before.version != after.version
    assert got(store, tmp_path, "x") == b"two"


@pytest.mark.parametrize("kind", ["local", "moto", "rclone"])
def test_a_file_that_changed_since_it_was_listed_is_a_conflict(tmp_path: Path, kind: str) -> None:
    (tmp_path / "root").mkdir()
    place = PLACES[kind](tmp_path)
    place.connect()
    before = put(place.store(), tmp_path, "x", b"one")
    put(place.store(), tmp_path, "x", b"two")
    with pytest.raises(ConnectorError) as caught:
        place.store().get(before, tmp_path / "target")
    assert caught.value.error_class == "conflict"
    place.close()


def test_a_file_that_grows_while_it_is_fetched_is_not_followed(folder: FileStore, tmp_path: Path) -> None:
    """Whoever writes is as fast as whoever copies: each block that is copied is followed by another one."""
    told = put(folder, tmp_path, "x", b"one")

    class Growing(Token):
        def check(self) -> None:
            with (tmp_path / "root/x").open("ab") as opened:
                opened.write(b"more" * BIG)

    with working_for(Growing()), pytest.raises(ConnectorError, match="changed while it was fetched") as caught:
        folder.get(told, tmp_path / "target")
    assert caught.value.error_class == "conflict"
    assert (tmp_path / "target").read_bytes() == b"one"


@pytest.mark.parametrize("size", [3, BIG])
def test_a_run_that_has_lost_its_lease_puts_nothing(store: FileStore, tmp_path: Path, size: int) -> None:
    def lost() -> None:
        assert "x.bin" not in names(store, recursive=True)
        raise ConnectorError("conflict", "another run has taken over")

    with pytest.raises(ConnectorError, match="taken over"):
        put(store, tmp_path, "x.bin", b"x" * size, lost)
    assert store.stat("x.bin") is None
    assert names(store, recursive=True) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["root", "source"]


def test_a_put_of_the_same_file_under_the_same_mark_is_as_good_as_one(store: FileStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"one")
    mark = PUBLICATION.mark_of(source)
    told = [store.put(source, "x", mark, lambda: None) for _ in range(2)]
    assert told[0].size == told[1].size
    assert names(store) == ["x"]


def test_a_step_that_shall_end_ends_its_fetch(store: FileStore, tmp_path: Path) -> None:
    told = put(store, tmp_path, "x.bin", b"x" * BIG)
    token = Token()
    with working_for(token):
        token.cancel(Failure("R302", "timeout", "late"))
        with pytest.raises(Ended):
            store.get(told, tmp_path / "target")


def test_a_listing_of_more_than_a_page_comes_whole(tmp_path: Path) -> None:
    server = s3.moto()
    place = bucket(server)
    place.connect()
    for number in range(1001):
        server.client().put_object(Bucket=place.config.bucket, Key=f"raw/in/{number:04}", Body=b"")
        if number % 100 == 0:
            server.client().put_object(Bucket=place.config.bucket, Key=f"raw/in/more/{number}", Body=b"")
    assert len(names(place.store(), "in")) == 1001
    assert len(names(place.store(), "in", recursive=True)) == 1012
    place.close()


def test_an_upload_in_parts_that_was_killed_is_given_up_by_the_next(tmp_path: Path) -> None:
    server = s3.moto()
    place = bucket(server)
    place.connect()
    client, where = server.client(), {"Bucket": place.config.bucket}
    source = tmp_path / "source"
    source.write_bytes(b"x" * BIG)
    mark = PUBLICATION.mark_of(source)
    begun = client.create_multipart_upload(**where, Key="raw/x.bin")["UploadId"]
    note = f'{{"key": "raw/x.bin", "upload": "{begun}"}}'
    (tmp_path / f".source.{mark}.upload").write_text(note)
    place.store().put(source, "x.bin", mark, lambda: None)
    assert "Uploads" not in client.list_multipart_uploads(**where)
    assert [one.name for one in tmp_path.iterdir()] == ["source"]
    place.close()


def test_what_a_killed_attempt_staged_is_removed(folder: FileStore, tmp_path: Path) -> None:
    for name in (f".x.{PUBLICATION.mark}-00000000.part", ".x.other.part", ".y.part"):
        (tmp_path / "root" / name).write_text("half")
    put(folder, tmp_path, "x")
    assert names(folder) == [".x.other.part", ".y.part", "x"]


def test_a_folder_is_looked_through_once_for_what_was_left_in_it_and_anew_after_a_failure() -> None:
    lists = list[str]()

    def staged(folder: str, mark: str) -> list[str]:
        lists.append(f"{folder} {mark}")
        return [".a.m-1.part", ".a.b.m-1.part", ".B.m-1.part"]

    leftovers = Leftovers(staged)
    for name, left in {"a": [".a.m-1.part"], "b": [".B.m-1.part"], "a.b": [".a.b.m-1.part"], "m": []}.items():
        with leftovers.of("f", name, "m-2") as found:
            assert found == left
    assert lists == ["f m"]
    with pytest.raises(OSError, match="broken"), leftovers.of("f", "a", "m-2"):
        raise OSError("broken")
    with leftovers.of("f", "a", "m-2"), leftovers.of("g", "a", "m-2"):
        assert lists == ["f m", "f m", "g m"]


def test_what_is_staged_is_hidden_and_the_target_is_whole_at_once(folder: FileStore, tmp_path: Path) -> None:
    seen: list[str] = []
    put(folder, tmp_path, "in/x", b"new", lambda: seen.extend(names(folder, "in")))
    assert len(seen) == 1
    assert seen[0].startswith(f"in/.x.{PUBLICATION.mark}-")
    assert names(folder, "in") == ["in/x"]


def test_links_lead_nowhere_out_of_the_root(folder: FileStore, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "passwd").write_text("canary")
    (tmp_path / "root" / "in").mkdir()
    (tmp_path / "root" / "in" / "link").symlink_to(tmp_path / "outside" / "passwd")
    (tmp_path / "root" / "away").symlink_to(tmp_path / "outside")
    acts: list[Callable[[], Any]] = [
        lambda: names(folder, "in"),
        lambda: names(folder, "away"),
        lambda: folder.stat("away/passwd"),
        lambda: folder.get(StoredFile("in/link", 6, "1"), tmp_path / "target"),
        lambda: put(folder, tmp_path, "away/new"),
        lambda: folder.delete("away/passwd"),
    ]
    for act in acts:
        with pytest.raises(ConnectorError, match="leads out"):
            act()
    assert sorted(one.name for one in (tmp_path / "outside").iterdir()) == ["passwd"]


def test_links_and_folders_within_the_root_are_followed_as_a_mounted_volume_needs_it(
    folder: FileStore, tmp_path: Path
) -> None:
    (tmp_path / "root" / "..data").mkdir()
    (tmp_path / "root" / "..data" / "x").write_text("1")
    (tmp_path / "root" / "x").symlink_to("..data/x")
    assert names(folder) == ["x"]
    assert got(folder, tmp_path, "x") == b"1"


def test_only_regular_files_are_files(folder: FileStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root" / "pipe")
    (tmp_path / "root" / "dir").mkdir()
    assert names(folder, recursive=True) == []
    assert folder.stat("pipe") is None
    assert folder.stat("dir") is None


def test_a_file_that_is_taken_away_between_is_a_conflict(folder: FileStore, tmp_path: Path) -> None:
    told = put(folder, tmp_path, "x")
    folder.delete("x")
    with pytest.raises(ConnectorError) as caught:
        folder.get(told, tmp_path / "target")
    assert (caught.value.error_class, caught.value.message) == ("conflict", "`x` is no longer there")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda store, source: store.put(source, "dir", "m", lambda: None), "`dir` is a folder"),
        (lambda store, source: store.put(source, "file/x", "m", lambda: None), "cannot write `file/x`"),
        (lambda store, _: store.delete("dir"), "cannot delete `dir`"),
    ],
)
def test_what_the_file_system_refuses_is_said_in_words(
    folder: FileStore, tmp_path: Path, act: Callable[[FileStore, Path], Any], message: str
) -> None:
    (tmp_path / "root" / "dir").mkdir()
    (tmp_path / "root" / "file").touch()
    source = tmp_path / "source"
    source.touch()
    with pytest.raises(ConnectorError) as caught:
        act(folder, source)
    assert caught.value.message.startswith(message)
