"""SFTP: one large file and a thousand small ones, down and up, against OpenSSH's own `sftp` and the same sshd.

Both are processes of their own on loopback; the server is not measured. What it takes to start, connect and leave is
measured by itself and taken off. Firn puts a file under another name, brings it to the disk, compares its size and
renames it; `sftp -f` brings it to the disk, and no more.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measure import Cost, interleaved

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
SMALL = 10_000
FIRN = """
import sys
from pathlib import Path
from firn_runtime.connectors.sftp.connector import SftpFiles
from firn_runtime.parallel import each
from firn_schemas.connectors.files import SftpConfig, SftpOptions
from firn_schemas.secret import Secret
what, port, key, known, root, local, at_once = sys.argv[1:]
config = SftpConfig(
    host="127.0.0.1", port=int(port), user="tester", private_key=Secret(Path(key).read_text()),
    known_hosts=Path(known).read_text(), root=root,
)
connector = SftpFiles(config=config, options=SftpOptions(max_concurrency=int(at_once)))
connector.connect()
store, local = connector.store(), Path(local)
if what == "get":
    for one in local.iterdir():
        one.unlink()
    each(int(at_once), lambda one: store.get(one, local / one.name), store.list("", recursive=False))
if what == "put":
    sources = list(local.iterdir())
    each(int(at_once), lambda one: store.put(one, one.name, "mark", lambda: None), sources)
connector.close()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 MB instead of 1 GB")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=8, help="small files that Firn moves at the same time")
    parser.add_argument("--folder", type=Path, help="where the files lie, such as /dev/shm")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        folder = Path(made)
        folder.chmod(0o755)
        large, small = folder / "large", folder / "small"
        fill(large, 1, 100_000_000 if asked.quick else 1_000_000_000)
        fill(small, asked.files, SMALL)
        shown("one large file", large, folder, asked.times, 1)
        shown(f"{asked.files} small files", small, folder, asked.times, asked.at_once)


def fill(folder: Path, files: int, size: int) -> None:
    folder.mkdir()
    block = os.urandom(min(size, 1 << 20))
    for number in range(files):
        with (folder / f"{number:05}").open("wb") as file:
            for begin in range(0, size, len(block)):
                file.write(block[: size - begin])


def shown(title: str, source: Path, folder: Path, times: int, at_once: int) -> None:
    target = folder / f"{source.name}-target"
    target.mkdir()
    target.chmod(0o777)
    ours, theirs = programs(folder, source, target, at_once)
    found = interleaved({**ours, **theirs}, folder, times)
    print(f"\n{title}: CPU and wall seconds without start and login, and Firn's as a multiple")
    for what, mine, other in (
        ("down", "firn get", "sftp get"),
        ("up", "firn put", "sftp put -f"),
        ("up", "firn put", "sftp put"),
    ):
        one = less(found[mine], found["firn nothing"])
        peer = less(found[other], found["sftp nothing"])
        ratios = f"{one.cpu / peer.cpu:5.2f} {one.wall / peer.wall:5.2f}"
        print(f"{what:5} {one.cpu:6.2f} {one.wall:6.2f}   {other:12} {peer.cpu:6.2f} {peer.wall:6.2f}   {ratios}")
    first, second = found["firn nothing"], found["sftp nothing"]
    print(f"start and login {first.cpu:.2f} {first.wall:.2f}   sftp {second.cpu:.2f} {second.wall:.2f}")


def programs(folder: Path, source: Path, target: Path, at_once: int) -> tuple[dict[str, list[str]], ...]:
    from servers.sshd import server

    sshd = server()
    known, script = folder / "known_hosts", folder / "firn.py"
    known.write_text(f"{sshd.known_hosts}\n")
    script.write_text(FIRN)
    words = [str(sshd.port), str(sshd.key_file), str(known)]
    many = str(at_once)
    ours = {
        "firn nothing": [sys.executable, str(script), "none", *words, str(target), str(source), many],
        "firn put": [sys.executable, str(script), "put", *words, str(target), str(source), many],
        "firn get": [sys.executable, str(script), "get", *words, str(source), str(fresh(folder, source)), many],
    }
    theirs = {}
    options = ["-q", "-F", "/dev/null", "-o", f"UserKnownHostsFile={known}", "-i", str(sshd.key_file)]
    for name, line in {
        "sftp nothing": "pwd",
        "sftp get": f"get {source}/* {fresh(folder, source)}/",
        "sftp put -f": f"put -f {source}/* {target}/",
        "sftp put": f"put {source}/* {target}/",
    }.items():
        batch = folder / f"{name.replace(' ', '-')}-{source.name}"
        batch.write_text(f"{line}\n")
        theirs[name] = ["sftp", *options, "-P", str(sshd.port), "-b", str(batch), f"{sshd.user}@{sshd.host}"]
    return ours, theirs


def fresh(folder: Path, source: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{source.name}-", dir=folder))


def less(one: Cost, start: Cost) -> Cost:
    return Cost(max(one.cpu - start.cpu, 0.001), max(one.wall - start.wall, 0.001), one.megabytes)


if __name__ == "__main__":
    main()
