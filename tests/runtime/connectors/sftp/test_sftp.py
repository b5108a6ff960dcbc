"""Files on a real OpenSSH server: what is listed, fetched, put and removed, and what never leads out."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.parallel import each
from firn_schemas.secret import Secret
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import Workbench, connector
from servers.rogue_sftp import Line
from servers.sshd import Server, server

LARGE = 12_000_000
"""More than what may be under way at once, twice over."""


@pytest.fixture(scope="module")
def sshd() -> Server:
    return server()


@pytest.fixture
def root(sshd: Server) -> Path:
    return sshd.root()


def resource(sshd: Server, root: Path, **more: Any) -> Any:
    config = {
        "host": sshd.host,
        "port": sshd.port,
        "user": sshd.user,
        "private_key": Secret(sshd.private_key),
        "known_hosts": sshd.known_hosts,
        "root": str(root),
    }
    return connector("sftp", "asyncssh", written=True, **config | more)


@pytest.fixture
def files(sshd: Server, root: Path) -> Iterator[Any]:
    made = resource(sshd, root)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def store(files: Any) -> FileStore:
    found: FileStore = files.store()
    return found


@pytest.fixture
def line(sshd: Server) -> Iterator[Line]:
    made = Line(sshd.port)
    yield made
    made.close()


@pytest.fixture
def far(sshd: Server, root: Path, line: Line) -> Iterator[FileStore]:
    """The store behind a line that can be cut."""
    made = resource(sshd, root, port=line.port, known_hosts=f"[127.0.0.1]:{line.port} {sshd.host_key}")
    made.connect()
    yield made.store()
    made.close()


def again_and_again(act: Callable[[], object]) -> None:
    while True:
        act()


def names(store: FileStore, folder: str = "", recursive: bool = False) -> list[str]:
    return sorted(one.name for one in store.list(folder, recursive=recursive))


def put(store: FileStore, source: Path, name: str, mark: str = "m1") -> StoredFile:
    return store.put(source, name, mark, lambda: None)


def told(store: FileStore, name: str) -> StoredFile:
    found = store.stat(name)
    assert found is not None
    return found


def made(path: Path, content: bytes | str = b"") -> Path:
    """Make a file that the server's user may change, in folders that it may change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o777)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o666)
    return path


def test_the_regular_files_of_a_folder_are_listed(store: FileStore, root: Path) -> None:
    for name in ("a.csv", ".hidden", "in/b.csv", "in/old/c.csv"):
        made(root / name, b"12345")
    assert names(store) == [".hidden", "a.csv"]
    assert names(store, recursive=True) == [".hidden", "a.csv", "in/b.csv", "in/old/c.csv"]
    assert names(store, "in") == ["in/b.csv"]
    assert names(store, "missing") == []
    assert [one.size for one in store.list("in", recursive=True)] == [5, 5]


def test_what_is_listed_is_what_stat_tells(store: FileStore, root: Path) -> None:
    made(root / "a.csv", b"12345")
    assert list(store.list("", recursive=False)) == [told(store, "a.csv")]
    assert store.stat("b.csv") is None
    assert store.stat("a.csv/b.csv") is None
    (root / "folder").mkdir()
    assert store.stat("folder") is None


@pytest.mark.parametrize("size", [0, 1, 32_768, 261_120, 261_121, LARGE])
def test_what_is_put_is_what_is_got(store: FileStore, root: Path, tmp_path: Path, size: int) -> None:
    source = made(tmp_path / "source", os.urandom(size))
    stored = put(store, source, "out/of/x.bin")
    assert (stored.name, stored.size) == ("out/of/x.bin", size)
    assert stored == told(store, "out/of/x.bin")
    assert (root / "out/of/x.bin").read_bytes() == source.read_bytes()
    store.get(stored, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert names(store, recursive=True) == ["out/of/x.bin"]
    assert sorted(one.name for one in (root / "out/of").iterdir()) == ["x.bin"]


def test_a_file_takes_the_place_of_another(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "x", b"old and longer")
    put(store, made(tmp_path / "source", b"new"), "x")
    assert (root / "x").read_bytes() == b"new"


def test_readers_never_see_a_file_that_is_being_put(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "x", b"old")
    seen: list[Any] = []

    def look() -> None:
        seen.append((names(store), (root / "x").read_bytes(), (root / ".x.m1.part").read_bytes()))

    store.put(made(tmp_path / "source", b"new"), "x", "m1", look)
    assert seen == [(["x"], b"old", b"new")]


def test_a_run_that_has_lost_its_lease_renames_nothing(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "x", b"old")

    def lost() -> None:
        raise ConnectorError("conflict", "another run has taken over")

    with pytest.raises(ConnectorError, match="taken over"):
        store.put(made(tmp_path / "source", b"new"), "x", "m1", lost)
    assert (root / "x").read_bytes() == b"old"


def test_a_file_is_removed_once(store: FileStore, root: Path) -> None:
    made(root / "in/x", b"1")
    assert [store.delete("in/x"), store.delete("in/x"), store.delete("no/x")] == [True, False, False]
    assert names(store, recursive=True) == []


def test_a_folder_is_no_file_to_remove(store: FileStore, root: Path) -> None:
    made(root / "in/x", b"1")
    with pytest.raises(ConnectorError, match=r"^removing `in`: it is a folder$") as caught:
        store.delete("in")
    assert caught.value.error_class == "data"


def test_a_put_that_was_cut_off_goes_on_where_it_ended(far: FileStore, line: Line, root: Path, tmp_path: Path) -> None:
    source, part = made(tmp_path / "source", os.urandom(LARGE)), root / ".x.m1.part"
    made(part, source.read_bytes()[:10_000_000])
    before = part.stat().st_ino
    put(far, source, "x")
    assert (root / "x").read_bytes() == source.read_bytes()
    assert (root / "x").stat().st_ino == before


@pytest.mark.parametrize("damage", [b"another beginning", b"\0" * 9_000_000, os.urandom(LARGE + 1)])
def test_a_part_that_is_not_the_beginning_of_the_file_is_begun_anew(
    store: FileStore, root: Path, tmp_path: Path, damage: bytes
) -> None:
    source = made(tmp_path / "source", os.urandom(LARGE))
    made(root / ".x.m1.part", damage)
    put(store, source, "x")
    assert (root / "x").read_bytes() == source.read_bytes()
    assert [one.name for one in root.iterdir()] == ["x"]


def test_a_part_that_is_a_link_is_not_written_through(store: FileStore, root: Path, tmp_path: Path) -> None:
    victim = made(root.parent / f"victim-{root.name}", b"precious")
    (root / ".x.m1.part").symlink_to(victim)
    put(store, made(tmp_path / "source", b"new"), "x")
    assert victim.read_bytes() == b"precious"
    assert (root / "x").read_bytes() == b"new"
    assert not (root / "x").is_symlink()


def test_a_get_that_was_cut_off_goes_on_where_it_ended(far: FileStore, line: Line, root: Path, tmp_path: Path) -> None:
    content = os.urandom(LARGE)
    made(root / "x", content)
    file, target = told(far, "x"), tmp_path / "target"
    line.left = 6_000_000
    with pytest.raises(ConnectorError) as caught:
        far.get(file, target)
    assert (caught.value.error_class, line.calls) == ("connection", 1)
    kept = target.read_bytes()
    assert 1_000_000 < len(kept) < LARGE
    assert content.startswith(kept)
    line.left, line.passed = None, 0
    far.get(file, target)
    assert target.read_bytes() == content
    assert line.passed < LARGE - len(kept) + 100_000
    assert line.calls == 2


def test_a_put_whose_line_is_cut_leaves_nothing_to_see_and_is_gone_on_with(
    far: FileStore, line: Line, root: Path, tmp_path: Path
) -> None:
    source = made(tmp_path / "source", os.urandom(4 * LARGE))
    line.left = 4_000
    with pytest.raises(ConnectorError) as caught:
        put(far, source, "x")
    assert caught.value.error_class == "connection"
    line.left = None
    assert names(far) == []
    begun = (root / ".x.m1.part").stat()
    assert 0 < begun.st_size < 4 * LARGE
    put(far, source, "x")
    assert (root / "x").read_bytes() == source.read_bytes()
    assert (root / "x").stat().st_ino == begun.st_ino


def test_a_file_that_has_changed_since_it_was_listed_is_a_conflict(
    store: FileStore, root: Path, tmp_path: Path
) -> None:
    made(root / "x", b"one")
    file = told(store, "x")
    for change in (lambda: made(root / "x", b"another"), lambda: (root / "x").unlink()):
        change()
        with pytest.raises(ConnectorError) as caught:
            store.get(file, tmp_path / "target")
        assert caught.value.error_class == "conflict"


def test_a_target_longer_than_the_file_is_begun_anew(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "x", b"one")
    target = made(tmp_path / "target", b"longer than that")
    store.get(told(store, "x"), target)
    assert target.read_bytes() == b"one"


@pytest.fixture
def outside(root: Path) -> Path:
    """A folder beside the root, with a file."""
    folder = root.parent / f"outside-{root.name}"
    made(folder / "secret.csv", b"canary")
    return folder


def test_a_link_that_leads_out_is_refused(store: FileStore, root: Path, outside: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(outside)
    (root / "leak.csv").symlink_to(outside / "secret.csv")
    source = made(tmp_path / "source", b"new")
    acts: list[Callable[[], object]] = [
        lambda: names(store, "out"),
        lambda: store.stat("leak.csv"),
        lambda: store.stat("out/secret.csv"),
        lambda: store.get(StoredFile("leak.csv", 6, ""), tmp_path / "target"),
        lambda: put(store, source, "out/new.csv"),
        lambda: put(store, source, "out/deep/new.csv"),
        lambda: store.delete("out/secret.csv"),
    ]
    for act in acts:
        with pytest.raises(ConnectorError, match="leads out of the resource's root by a symbolic link"):
            act()
    assert sorted(one.name for one in outside.iterdir()) == ["secret.csv"]
    assert names(store, recursive=True) == []


def test_a_link_that_leads_out_is_removed_and_replaced_itself(
    store: FileStore, root: Path, outside: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (root / name).symlink_to(outside / "secret.csv")
    assert store.delete("a")
    put(store, made(tmp_path / "source", b"new"), "b")
    assert (outside / "secret.csv").read_bytes() == b"canary"
    assert not (root / "b").is_symlink()


def test_links_inside_the_root_are_the_files_that_they_lead_to(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "2026/a.csv", b"n\n1\n")
    (root / "latest.csv").symlink_to("2026/a.csv")
    (root / "year").symlink_to("2026")
    (root / "loop").symlink_to("loop")
    (root / "2026/up").symlink_to("..")
    assert names(store, recursive=True) == ["2026/a.csv", "latest.csv"]
    store.get(told(store, "latest.csv"), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"n\n1\n"


def test_the_root_may_be_a_link_and_relative_to_where_the_login_begins(
    sshd: Server, root: Path, tmp_path: Path
) -> None:
    made(root / "real/a.csv", b"1")
    (root / "link").symlink_to("real")
    found = resource(sshd, Path(root.name) / "link")
    found.connect()
    try:
        assert names(found.store()) == ["a.csv"]
    finally:
        found.close()


def test_a_listing_has_an_end(sshd: Server, root: Path) -> None:
    for number in range(5):
        made(root / f"f/{number}/x")
    found = resource(sshd, root, options={"max_files": 8})
    found.connect()
    try:
        with pytest.raises(ConnectorError, match="more files than `max_files`"):
            names(found.store(), recursive=True)
        assert len(names(found.store(), "f/1")) == 1
    finally:
        found.close()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\x7f", b"a\xff"])
def test_a_name_that_is_no_text_is_refused_and_not_shown_raw(store: FileStore, root: Path, name: str | bytes) -> None:
    (Path(os.fsdecode(os.fsencode(root))) / os.fsdecode(name)).touch()
    with pytest.raises(ConnectorError, match="which is no name of a file") as caught:
        names(store)
    assert caught.value.message.isprintable()


def test_names_of_all_languages_are_names(store: FileStore, root: Path, tmp_path: Path) -> None:
    found = ["été\u00a02026.csv", "日本語.csv", "-oProxyCommand=x", "~", "*", "$(touch pwned)", "a b; rm -rf ."]
    for name in found:
        put(store, made(tmp_path / "source", b"1"), name)
    assert names(store) == sorted(found)
    assert [store.delete(name) for name in found] == [True] * len(found)


def test_a_name_may_be_as_long_as_the_server_takes_it(store: FileStore, root: Path, tmp_path: Path) -> None:
    long = ["ä" * 125 + end for end in (".csv", ".txt")]
    for name in (*long, long[0]):
        store.put(made(tmp_path / "source", name.encode()), name, "0123456789abcdef-01234567", lambda: None)
    assert sorted(os.listdir(root)) == long


@pytest.mark.parametrize("name", ["shut/x", "shut/folder/x"])
def test_what_the_server_does_not_allow_is_said(store: FileStore, root: Path, tmp_path: Path, name: str) -> None:
    (root / "shut").mkdir(mode=0o555)
    with pytest.raises(ConnectorError) as caught:
        put(store, made(tmp_path / "source", b"new"), name)
    expected = ("auth", f"sending `{name}`: the server does not allow it", "the user needs the right to do it")
    assert (caught.value.error_class, caught.value.message, caught.value.help) == expected


def test_a_folder_is_not_replaced_by_a_file(store: FileStore, root: Path, tmp_path: Path) -> None:
    made(root / "x/y", b"1")
    with pytest.raises(ConnectorError) as caught:
        put(store, made(tmp_path / "source", b"new"), "x")
    assert (caught.value.error_class, caught.value.message) == ("conflict", "sending `x`: a folder has that name")
    assert (root / "x/y").read_bytes() == b"1"


def test_many_files_move_at_the_same_time(store: FileStore, root: Path, tmp_path: Path) -> None:
    sources = [made(tmp_path / f"s/{number}", str(number)) for number in range(200)]
    each(8, lambda one: put(store, one, f"in/{one.name}"), sources)
    listed = list(store.list("in", recursive=False))
    assert len(listed) == 200
    (tmp_path / "t").mkdir()
    each(8, lambda one: store.get(one, tmp_path / "t" / Path(one.name).name), listed)
    assert all((tmp_path / "t" / one.name).read_text() == one.name for one in sources)


def test_a_transfer_ends_when_it_shall_and_the_connection_is_used_on(
    far: FileStore, line: Line, root: Path, tmp_path: Path
) -> None:
    source = made(tmp_path / "source", os.urandom(8 * LARGE))
    token = Token()
    threading.Timer(0.05, token.cancel, [Failure("R502", "cancelled", "enough")]).start()
    with working_for(token), pytest.raises(Ended):
        again_and_again(lambda: put(far, source, "x"))
    put(far, made(tmp_path / "other", b"1"), "y")
    assert line.calls == 1
    assert (root / "y").read_bytes() == b"1"


def test_a_connection_that_broke_between_two_calls_is_made_anew(far: FileStore, line: Line, root: Path) -> None:
    made(root / "x")
    line.cut()
    with suppress(ConnectorError):  # whether it is noticed before is the line's affair
        names(far)
    assert names(far) == ["x"]
    assert line.calls == 2


def test_a_dataset_is_written_and_read(bench: Callable[..., Workbench], sshd: Server, root: Path) -> None:
    work = bench(partner=resource(sshd, root))
    work.make("d", "select range as n from range(1000)")
    written = work.write(PUBLICATION, resource="partner", path="out/x.csv.gz")
    assert written.rows == 1000
    assert [one.name for one in (root / "out").iterdir()] == ["x.csv.gz"]
    work.do("read", {"resource": "partner", "path": "out/*.csv.gz"})
    assert len(work.rows()) == 1000
