"""An artifact of an `enterprise` platform, and everything around it that would have it run with less.

What an attacker can do who is before Python itself is tested too, so that docs/security.md says what is so.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from firn_schemas.canonical import digest, file_bytes

FIRN = str(Path(sys.executable).parent / "firn")
FLOW = """\
name: first
version: "1.0.0"
resources:
  source: {profile: source}
steps:
  - {id: orders, type: read, inputs: {resource: source, path: orders.csv}}
  - {id: publish, type: write, inputs: {from: orders, resource: storage, path: orders.parquet, mode: replace}}
"""
PLATFORM = """\
version: "1.0.0"
environment: prod
variables: {mode: enterprise}
storage:
  default: {type: local, root: out}
connectors:
  source: {type: local, config: {root: data}}
security: {mode: "{{ var.mode }}", trusted_keys: [release.pub]}
"""
PLANTED = "open({place!r}, 'a').write('here')\n"


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("FIRN_", "PYTHON"))} | environ
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def refused(done: subprocess.CompletedProcess[str], code: str) -> bool:
    return done.returncode == 3 and f"error[{code}]" in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a compiled artifact that trusts `release.pub`, and that nobody has signed yet."""
    for name in ("release", "other"):
        make = (
            f"openssl genpkey -algorithm ed25519 -out {name}.pem && openssl pkey -in {name}.pem -pubout -out {name}.pub"
        )
        subprocess.run(make, shell=True, cwd=tmp_path, check=True)
    (tmp_path / "data").mkdir()
    for name, text in {"flow.yaml": FLOW, "platform.yaml": PLATFORM, "data/orders.csv": "id\n1\n"}.items():
        (tmp_path / name).write_text(text)
    done = run(tmp_path, FIRN, "compile", "flow.yaml", "-p", "platform.yaml")
    assert done.returncode == 0, done.stderr
    return tmp_path


def signed(folder: Path, key: str = "release") -> None:
    assert run(folder, FIRN, "sign", "--key", f"{key}.pem").returncode == 0


def edited(folder: Path, **changes: Any) -> None:
    """Change the artifact's policy, and spell and hash it as the compiler does."""
    artifact = folder / "compiled_artifacts.json"
    body = orjson.loads(artifact.read_bytes())
    security = body["payload"]["security"] | changes
    body["payload"]["security"] = {key: value for key, value in security.items() if value is not None}
    body["digest"] = digest(body["payload"])
    artifact.write_bytes(file_bytes(body))


def test_signed_by_whom_the_platform_trusts_it_runs_and_else_it_does_not(folder: Path) -> None:
    assert refused(run(folder, FIRN, "run"), "R113")
    signed(folder, "other")
    assert refused(run(folder, FIRN, "run"), "R113")
    signed(folder)
    assert run(folder, FIRN, "run").returncode == 0


VARIABLES = (
    *("FIRN_MODE", "FIRN_SECURITY_MODE", "FIRN_SECURITY__MODE", "FIRN_TRUSTED_KEYS", "FIRN_INSECURE", "FIRN_DEBUG"),
    *("FIRN_ALLOW_UNSIGNED", "FIRN_SKIP_VERIFY", "FIRN_NO_VERIFY", "FIRN_VERIFY", "FIRN_POLICY", "FIRN_PLUGIN_PATH"),
    *("FIRN_REQUIRE_SIGNATURE", "FIRN_RUN_REQUIRE_SIGNATURE", "FIRN_KEY", "FIRN_CONFIG", "FIRN_ENV", "AETHERFLOW_MODE"),
)


@pytest.mark.parametrize("value", ["", "0", "internal_fast", "1"])
def test_no_variable_makes_the_runtime_ask_for_less(folder: Path, value: str) -> None:
    for name in VARIABLES:
        done = run(folder, FIRN, "run", **{name: value})
        assert done.returncode in (2, 3), name  # 2: what is no file of keys
        assert "error[R11" in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "flag", ["--mode=internal_fast", "--no-verify", "--insecure", "--allow-unsigned", "--require-signature="]
)
def test_no_flag_makes_the_runtime_ask_for_less(folder: Path, flag: str) -> None:
    done = run(folder, FIRN, "run", flag)
    assert done.returncode in (2, 3)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("value", ["", "other.pub"])
def test_an_env_file_does_not_take_back_what_the_environment_asks_for(folder: Path, value: str) -> None:
    edited(folder, trusted_keys=None)
    (folder / "pod.json").write_bytes(orjson.dumps({"FIRN_REQUIRE_SIGNATURE": value, "FIRN_EXPECT_DIGEST": ""}))
    for words in (["run"], ["preflight"]):
        done = run(folder, FIRN, *words, "--env-file", "pod.json", FIRN_REQUIRE_SIGNATURE="release.pub")
        assert refused(done, "R113")


def test_an_env_file_may_ask_for_more(folder: Path) -> None:
    edited(folder, trusted_keys=None)
    (folder / "pod.json").write_bytes(orjson.dumps({"FIRN_REQUIRE_SIGNATURE": "release.pub"}))
    assert refused(run(folder, FIRN, "run", "--env-file", "pod.json"), "R113")
    (folder / "pod.json").write_bytes(orjson.dumps({"FIRN_EXPECT_DIGEST": "sha256:1"}))
    assert refused(run(folder, FIRN, "run", "--env-file", "pod.json"), "R107")


@pytest.mark.parametrize("change", [(b'"enterprise"', b'"internal_fast"'), (b"trusted_keys", b"trusted_keyz")])
def test_an_edited_policy_is_found_by_the_digest(folder: Path, change: tuple[bytes, bytes]) -> None:
    signed(folder)
    artifact = folder / "compiled_artifacts.json"
    artifact.write_bytes(artifact.read_bytes().replace(*change))
    done = run(folder, FIRN, "run")
    assert refused(done, "R103") or refused(done, "R104")


def test_a_policy_edited_with_its_digest_is_found_by_the_signature(folder: Path) -> None:
    signed(folder)
    edited(folder, mode="internal_fast")
    assert refused(run(folder, FIRN, "run"), "R115")


def test_who_takes_the_trusted_keys_out_is_found_only_by_what_is_pinned_outside(folder: Path) -> None:
    """The list inside proves nothing to who can write the file: that is why docs/security.md asks for a pin."""
    signed(folder)
    (right,) = [line for line in run(folder, FIRN, "verify").stdout.splitlines() if line.startswith("sha256:")]
    edited(folder, mode="internal_fast", trusted_keys=None)
    assert run(folder, FIRN, "run").returncode == 0
    assert refused(run(folder, FIRN, "run", FIRN_EXPECT_DIGEST=right), "R107")
    assert refused(run(folder, FIRN, "run", FIRN_REQUIRE_SIGNATURE="release.pub"), "R115")
    for name in ("compiled_artifacts.intoto.json", "compiled_artifacts.dsse.json"):
        (folder / name).unlink()
    assert refused(run(folder, FIRN, "run", FIRN_REQUIRE_SIGNATURE="release.pub"), "R113")


def planted(folder: Path) -> tuple[Path, Path]:
    """Plant modules of the names that a run imports; return their folder and the file that tells of their import."""
    mark = folder / "mark"
    code = PLANTED.format(place=str(mark))
    home = folder / "planted"
    for name in ("firn_runtime", "firn_schemas", "cryptography", "orjson", "click", "json"):
        (home / name).mkdir(parents=True)
        (home / name / "__init__.py").write_text(code)
    for name in ("sitecustomize.py", "usercustomize.py", "base64.py", "hashlib.py"):
        (home / name).write_text(code)
    (home / "evil.pth").write_text(f"import os; {code}")
    (home / "compiled_artifacts.json").write_text("{}")
    return home, mark


@pytest.mark.parametrize("start", [[FIRN], [sys.executable, "-I", "-m", "firn_runtime"]])
def test_nothing_in_the_current_folder_is_imported(folder: Path, start: list[str]) -> None:
    signed(folder)
    home, mark = planted(folder)
    done = run(home, *start, "run", "../compiled_artifacts.json", "--base-dir", "..")
    assert (done.returncode, mark.exists()) == (0, False), done.stderr


def test_once_begun_it_takes_no_library_from_the_current_folder(folder: Path) -> None:
    signed(folder)
    for name in ("click", "orjson", "duckdb", "cryptography", "firn_schemas"):
        (folder / f"{name}.py").write_text(PLANTED.format(place=str(folder / "mark")))
    done = run(folder, sys.executable, "-m", "firn_runtime", "run")
    assert (done.returncode, (folder / "mark").exists()) == (0, False), done.stderr


def test_isolated_not_even_what_pythonpath_names_is_imported(folder: Path) -> None:
    signed(folder)
    home, mark = planted(folder)
    words = [sys.executable, "-I", "-m", "firn_runtime", "run"]
    done = run(folder, *words, PYTHONPATH=str(home), PYTHONSTARTUP=str(home / "base64.py"), PYTHONHOME="")
    assert (done.returncode, mark.exists()) == (0, False), done.stderr
    assert refused(run(home, *words, PYTHONPATH=str(home)), "R105")


@pytest.mark.parametrize("start", [[FIRN], [sys.executable, "-m", "firn_runtime"]])
def test_not_isolated_what_pythonpath_names_is_imported_before_any_of_our_code(folder: Path, start: list[str]) -> None:
    """No program can defend itself against this one: docs/security.md says so, and how to start it instead."""
    home, mark = planted(folder)
    done = subprocess.run(
        [*start, "run"], cwd=folder, env=os.environ | {"PYTHONPATH": str(home)}, capture_output=True, check=False
    )
    assert (mark.exists(), done.returncode == 3) == (True, False)


def test_a_flow_does_not_choose_the_mode(folder: Path) -> None:
    (folder / "flow.yaml").write_text(
        FLOW.replace("{profile: source}", "{profile: source, config: {root: /etc}}")
        + "variables: {mode: internal_fast}\nsecurity: {mode: internal_fast}\n"
    )
    done = run(folder, FIRN, "compile", "flow.yaml", "-p", "platform.yaml", FIRN_MODE="internal_fast")
    assert "error[E713]" in done.stderr
    assert "error[E201]" in done.stderr


def test_settings_that_say_how_are_a_flows_to_choose(folder: Path) -> None:
    text = FLOW.replace("{profile: source}", "{profile: source, options: {compression: none}}")
    (folder / "flow.yaml").write_text(text)
    assert run(folder, FIRN, "compile", "flow.yaml", "-p", "platform.yaml").returncode == 0


def test_internal_fast_lets_a_flow_bring_along_what_enterprise_does_not(folder: Path) -> None:
    (folder / "flow.yaml").write_text(FLOW.replace("{profile: source}", "{type: local, config: {root: data}}"))
    words = (FIRN, "compile", "flow.yaml", "-p", "platform.yaml")
    assert "error[E702]" in run(folder, *words).stderr
    assert run(folder, *words, "--var", "mode=internal_fast").returncode == 0
