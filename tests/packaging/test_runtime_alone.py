"""The Dockerfile's steps without an engine: wheels, a clean environment with the runtime alone, a run as nobody."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "platform-examples/02-flights"
pytestmark = pytest.mark.usefixtures("in_place")
TOKEN = "CANARY-t0k3n-of-the-reference-service"
LISTING = """\
import sys
from firn_runtime.cli import firn
try:
    firn.main(["run"], standalone_mode=False)
finally:
    print(sorted(sys.modules))
"""
POD = """\
set -e
home=$1 data=$2 scratch=$3; shift 3
if [ "$(stat -c %a /root)" = 700 ]; then   # the interpreter may live where nobody else can look
  held=$(mktemp -d); mount --bind "$home" "$held"
  mount -t tmpfs -o mode=755 none /root; mkdir -p "$home"; mount --bind "$held" "$home"
fi
mount --bind "$data" "$data"; mount --bind "$scratch" "$scratch"
mount -o remount,bind,ro /
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"
"""
FORBIDDEN = ("firn_compiler", "pydantic", "ruamel", "jsonschema", "detect_secrets", "sqlglot")
NOBODY = 65534


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of all three packages, built from what the Dockerfile copies for that and from nothing else."""
    folder = tmp_path_factory.mktemp("wheels")
    first_stage = (FLIGHTS / "Dockerfile").read_text().partition("RUN ")[0]
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", first_stage, re.MULTILINE):
        shutil.copytree(
            ROOT / source, folder / "source" / target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    words = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder)
    for part in ("schemas", "compiler", "runtime"):
        built = run(*words, folder / "source" / part)
        assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; those above pytest's own are closed again by whoever begins a session."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def alone(wheels: Path, open_folder: Path) -> Path:
    """A virtual environment that holds the wheels of runtime and schemas, what these need, and nothing else."""
    folder = open_folder / "alone"
    folder.mkdir()
    run(sys.executable, "-m", "venv", folder / "venv")
    installed = run(
        folder / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
        *wheels.glob("firn_schemas-*.whl"), *wheels.glob("firn_runtime-*.whl"),
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return folder / "venv"


class Reference(BaseHTTPRequestHandler):
    """The reference-data service of dev and prod."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        file = FLIGHTS / "data" / Path(self.path).name
        self.send_response(200 if known and file.exists() else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(file.read_bytes() if known else b"{}")

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def reference() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reference)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def kubernetes_secret(mount: Path, name: str, keys: dict[str, str]) -> None:
    """Lay a secret out as a Kubernetes volume does: keys through `..data` into a folder with a time in its name."""
    folder = mount / name / "..2026_01_01"
    folder.mkdir(parents=True)
    for key, value in keys.items():
        (folder / key).write_text(value)
        (mount / name / key).symlink_to(f"..data/{key}")
    (mount / name / "..data").symlink_to("..2026_01_01")


def test_the_runtime_alone_brings_no_compiler_library(alone: Path) -> None:
    listed = run(alone / "bin/python", "-m", "pip", "list", "--format", "json").stdout
    names = {row["name"].lower().replace("-", "_") for row in json.loads(listed)}
    assert not names & {name.replace(".", "_") for name in (*FORBIDDEN, "ruamel_yaml")}
    assert run(alone / "bin/firn", "--version").stdout.splitlines()[1] == "firn-compiler not installed"


def test_the_compilers_wheel_brings_the_pages_that_help_shows(wheels: Path) -> None:
    (wheel,) = wheels.glob("firn_compiler-*.whl")
    shown = {Path(name).parent.name for name in zipfile.ZipFile(wheel).namelist() if "/pages/" in name}
    assert shown == {"connectors", "diagnostics", "platform", "steps"}


def test_every_wheel_holds_the_licence(wheels: Path) -> None:
    for wheel in wheels.glob("firn_*.whl"):
        held = zipfile.Path(wheel) / f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/licenses/LICENSE"
        assert held.is_file(), wheel.name
        assert held.read_bytes() == (ROOT / "LICENSE").read_bytes(), wheel.name


@pytest.mark.parametrize("file", ["Dockerfile", "ci/github-actions.yml"])
def test_what_builds_an_image_takes_firn_from_here_and_asks_no_index_for_it(file: str) -> None:
    """Firn is on no index yet: whoever puts something of its name there would be in every image."""
    asked = re.findall(r"pip install ([^&\n]*)", (FLIGHTS / file).read_text())
    assert asked
    assert [one for one in asked if re.search(r"(^|\s)firn-", one)] == []


def test_the_compilers_commands_say_how_to_get_it(alone: Path) -> None:
    answer = run(alone / "bin/firn", "compile", "flow.yaml")
    assert answer.returncode == 2
    assert "pip install firn-compiler" in answer.stderr


def test_a_run_imports_nothing_of_the_compiler(alone: Path, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text('name: idle\nversion: "1.0.0"\n')
    (tmp_path / "platform.yaml").write_text('version: "1.0.0"\nenvironment: test\n')
    firn = Path(sys.executable).parent / "firn"
    assert run(firn, "compile", "flow.yaml", "-p", "platform.yaml", cwd=tmp_path).returncode == 0
    loaded = run(alone / "bin/python", "-c", LISTING, cwd=tmp_path).stdout
    assert "'firn_runtime.run'" in loaded
    assert not any(f"'{name}" in loaded for name in (*FORBIDDEN, "duckdb", "httpx", "rich"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up being root")
def test_a_baked_artifact_runs_as_nobody_with_its_secret_as_a_file(
    alone: Path, reference: str, open_folder: Path
) -> None:
    run(sys.executable, FLIGHTS / "fetch_data.py")
    platform = open_folder / "platform.yaml"
    text = (FLIGHTS / "platform/base/platform.yaml").read_text().replace("/data", str(open_folder / "data"))
    platform.write_text(
        text.replace("/var/lib/firn", str(open_folder / "scratch"))
        + f"environment: baked\nsecurity: {{mode: enterprise, secret_mounts: [{open_folder / 'secrets'}]}}\n"
    )
    artifact = open_folder / "compiled_artifacts.json"
    firn = Path(sys.executable).parent / "firn"
    compiled = run("unshare", "-n", firn, "compile", FLIGHTS / "flow.yaml", "-p", platform, "-o", artifact)
    assert compiled.returncode == 0, compiled.stderr
    digest = compiled.stdout.split()[-1]
    artifact.chmod(0o444)
    kubernetes_secret(open_folder / "secrets", "reference-api", {"token": TOKEN + "\n"})
    for name in ("data/lake", "data/marts", "data/warehouse", "scratch"):
        (open_folder / name).mkdir(parents=True)
        os.chown(open_folder / name, NOBODY, NOBODY)
    for name in ("flights.csv", "weather.csv"):
        os.link(FLIGHTS / "data" / name, open_folder / "data/lake" / name) if same_device(open_folder) else shutil.copy(
            FLIGHTS / "data" / name, open_folder / "data/lake" / name
        )
    pod = ("unshare", "-m", "sh", "-c", POD, "pod", sys.base_prefix, open_folder / "data", open_folder / "scratch")
    command = (alone / "bin/firn", "run", artifact, "--expect-digest", digest)
    answer = run(*pod, *command, env={"REFERENCE_URL": reference, "PATH": os.environ["PATH"]}, cwd="/")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert TOKEN not in answer.stdout + answer.stderr
    assert (open_folder / "data/marts/routes.parquet").stat().st_size > 1000
    assert sorted(one.name for one in (open_folder / "scratch").rglob("*")) == ["state.db", "work"]


def same_device(folder: Path) -> bool:
    return folder.stat().st_dev == FLIGHTS.stat().st_dev
