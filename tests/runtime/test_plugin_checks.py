"""Which plug-in is used: found by name, version and digests in the folders of the mode, and refused in one sentence."""

import base64
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from firn_runtime.commands.plugins import command as plugins_command
from firn_runtime.errors import ArtifactRefused
from firn_runtime.plugins import Plugged, checked_import, plugged
from firn_runtime.plugins.installed import every, find
from firn_runtime.plugins.verified import Verified, verified
from firn_schemas.artifact import Payload, Plugin, RequiredPlugin
from firn_schemas.canonical import bytes_digest
from firn_schemas.decode import decode
from runtime.artifacts import payload
from runtime.plugin_places import TABLE, environment, install, project, run, wheel

NAME = "acme-checked"
MANIFEST = json.dumps(TABLE)
ENTRIES = """\
[firn.plugins]
plugin = acme_checked
[firn.connectors]
acme.table = acme_checked.code:Table
[firn.steps]
acme_sum = acme_checked.code:add
"""
FILES = {
    "acme_checked/__init__.py": "",
    "acme_checked/code.py": "class Table:\n    def read(self): ...\ndef add(inputs, context): ...\n",
    "acme_checked/firn-plugin.json": MANIFEST,
}


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no module, folder or claim of a test stay."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    checked_import._FINDER.owners.clear()
    for name in [one for one in sys.modules if one.startswith("acme_checked")]:
        del sys.modules[name]


def laid(folder: Path, files: dict[str, str] | None = None, version: str = "1.0.0", record: str = "") -> Path:
    """Lay a distribution into a folder, as an installer does."""
    meta = f"acme_checked-{version}.dist-info"
    contents = {
        **(FILES if files is None else files),
        f"{meta}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n",
        f"{meta}/entry_points.txt": ENTRIES,
    }
    for path, text in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        hashed = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={hashed},{len(text)}\n"
    (folder / meta / "RECORD").write_text(record + f"{meta}/RECORD,,\n")
    return folder


def needed(version: str = "1.0.0") -> RequiredPlugin:
    return RequiredPlugin(name=NAME, version=version, used_by=[])


def checked(folder: Path, allowed: str | None = None) -> Verified:
    found = find(needed(), [str(folder)])
    return verified(found, allowed or found.sha256 or "")


def refused(folder: Path, allowed: str | None = None) -> str:
    with pytest.raises(ArtifactRefused) as caught:
        checked(folder, allowed)
    assert (caught.value.code, caught.value.exit_code) == ("R111", 3)
    assert caught.value.help
    return str(caught.value)


def brought(base: Path, manifest: str = MANIFEST, mode: str | None = "internal_fast", **security: Any) -> Plugged:
    """Return what the plug-in of an artifact brings."""
    body = payload(
        features=["connector.acme.table", "step.acme_sum"],
        requires={
            "connectors": [],
            "environment": [],
            "secrets": [],
            "plugins": [{"name": NAME, "version": "1.0.0", "used_by": []}],
        },
        sources=[{"kind": "plugin", "name": NAME, "digest": bytes_digest(manifest.encode())}],
        security={"secret_mounts": []} | ({"mode": mode} if mode else {}) | security,
    )
    return plugged(decode(Payload, body), base)


def why(base: Path, *words: Any, code: str = "R111", **more: Any) -> str:
    """Return why the connector of the plug-in cannot be had."""
    with pytest.raises(ArtifactRefused) as caught:
        brought(base, *words, **more).connectors["acme", "table"].load()
    assert caught.value.code == code
    return f"{caught.value} {caught.value.help}"


def test_what_was_checked_is_what_is_imported(tmp_path: Path) -> None:
    whole = checked(laid(tmp_path))
    (tmp_path / "acme_checked/code.py").write_text("raise SystemExit('changed since')")
    checked_import.claim(whole)
    import acme_checked.code  # type: ignore[import-not-found]  # it is made here

    assert acme_checked.code.Table
    assert acme_checked.code.__file__ == str(tmp_path / "acme_checked/code.py")
    with pytest.raises(ModuleNotFoundError, match="among the files of acme-checked"):
        import acme_checked.other  # type: ignore[import-not-found]  # as above


def test_the_data_of_a_checked_package_is_found_beside_it(tmp_path: Path) -> None:
    from importlib.resources import files

    checked_import.claim(checked(laid(tmp_path)))
    assert files("acme_checked").joinpath("firn-plugin.json").read_text() == MANIFEST


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"acme_checked/code.py": ""}, "`acme_checked` is a namespace package"),
        (FILES | {"acme_checked.pth": "import os"}, "it brings `acme_checked.pth`"),
        (FILES | {"acme_checked/x.pyc": ""}, "it brings `acme_checked/x.pyc`"),
    ],
)
def test_what_cannot_be_imported_as_it_was_checked_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    assert said in refused(laid(tmp_path, files))


@pytest.mark.parametrize("name", ["json", "duckdb", "firn_runtime"])
def test_a_plug_in_that_brings_a_module_of_somebody_else_is_refused(tmp_path: Path, name: str) -> None:
    __import__(name)
    whole = checked(laid(tmp_path, FILES | {f"{name}.py": ""}))
    with pytest.raises(ArtifactRefused, match=f"its `{name}` was imported before it was checked, or is Python's own"):
        checked_import.claim(whole)
    assert not checked_import._FINDER.owners


def test_another_build_in_the_same_process_is_refused(tmp_path: Path) -> None:
    checked_import.claim(checked(laid(tmp_path / "a")))
    checked_import.claim(checked(tmp_path / "a"))
    other = checked(laid(tmp_path / "b", FILES | {"acme_checked/more.py": ""}))
    with pytest.raises(ArtifactRefused, match="this process has imported another build of `acme_checked`"):
        checked_import.claim(other)


@pytest.mark.parametrize("missing", ["acme_checked/code.py", "acme_checked/firn-plugin.json"])
def test_a_file_that_is_gone_or_is_none_is_refused(tmp_path: Path, missing: str) -> None:
    laid(tmp_path)
    (tmp_path / missing).unlink()
    assert f"its file `{missing}` cannot be read" in refused(tmp_path)
    (tmp_path / missing).mkdir()
    assert f"its file `{missing}` " in refused(tmp_path)


def test_a_record_that_pins_nothing_is_refused(tmp_path: Path) -> None:
    laid(tmp_path, record="acme_checked/extra.py,,\n")
    assert "its RECORD has no SHA-256 for `acme_checked/extra.py`" in refused(tmp_path)
    shutil.rmtree(tmp_path / "acme_checked-1.0.0.dist-info")
    laid(tmp_path)
    (tmp_path / "acme_checked-1.0.0.dist-info/RECORD").unlink()
    assert "it is not the build that the artifact allows" in refused(tmp_path)


def test_two_in_one_folder_are_refused_and_of_two_folders_the_first_holds(tmp_path: Path) -> None:
    laid(tmp_path / "a")
    laid(tmp_path / "b", version="2")
    assert find(needed(), [str(tmp_path / "a"), str(tmp_path / "b")]).folder == tmp_path / "a"
    with pytest.raises(ArtifactRefused, match="it is installed in version 2; the artifact was compiled with 1"):
        find(needed(), [str(tmp_path / "b"), str(tmp_path / "a")])
    laid(tmp_path / "a", version="3")
    with pytest.raises(ArtifactRefused, match="it is installed twice"):
        find(needed(), [str(tmp_path / "a")])


def test_a_folder_of_the_platform_is_searched_from_the_base_folder_of_the_run(tmp_path: Path) -> None:
    laid(tmp_path / "plugins")
    assert "it is not installed" in why(tmp_path)
    made = brought(tmp_path, plugin_folders=["plugins"])
    assert made.features == {"connector.acme.table", "step.acme_sum"}
    assert "acme_checked" not in sys.modules
    assert made.connectors["acme", "table"].load().__module__ == "acme_checked.code"
    assert sys.path[-1] == str(tmp_path / "plugins")


@pytest.mark.parametrize("mode", ["enterprise", None])
def test_only_internal_fast_has_folders_at_run_time(tmp_path: Path, mode: str | None) -> None:
    laid(tmp_path / "plugins")
    assert "only `internal_fast` may have" in why(tmp_path, mode=mode, plugin_folders=["plugins"])


def test_an_artifact_without_plug_ins_may_have_no_folders_either(tmp_path: Path) -> None:
    body = payload(security={"mode": "enterprise", "secret_mounts": [], "plugin_folders": ["plugins"]})
    with pytest.raises(ArtifactRefused, match="only `internal_fast` may have"):
        plugged(decode(Payload, body), tmp_path)


def test_an_enterprise_artifact_lists_its_plug_ins_with_their_digests(tmp_path: Path, monkeypatch: Any) -> None:
    laid(tmp_path)
    monkeypatch.setattr("firn_runtime.plugins.required.packages", lambda: [str(tmp_path)])
    unlisted = why(tmp_path, mode="enterprise")
    assert "the artifact does not allow it by its `sha256`" in unlisted
    assert "`firn plugins`" in unlisted
    one = {"name": NAME, "version": "==1.0.0"}
    assert "does not allow it by its `sha256`" in why(tmp_path, mode="enterprise", plugins=[one])
    assert "it is not the build" in why(tmp_path, mode="enterprise", plugins=[one | {"sha256": "0" * 64}])
    sha256 = find(needed(), [str(tmp_path)]).sha256
    assert "allows version 1.1 alone" in why(
        tmp_path, mode="enterprise", plugins=[one | {"version": "==1.1", "sha256": sha256}]
    )
    made = brought(tmp_path, mode="enterprise", plugins=[one | {"sha256": f"sha256:{sha256}"}])
    assert made.connectors["acme", "table"].load().__module__ == "acme_checked.code"


def test_a_digest_that_is_stated_is_compared_in_every_mode(tmp_path: Path) -> None:
    laid(tmp_path / "plugins")
    for name in (NAME, NAME.upper(), NAME.replace("-", "_.")):  # three spellings of one name
        one = Plugin(name=name, version="==1.0.0", sha256="0" * 64)
        said = why(tmp_path, plugin_folders=["plugins"], plugins=[vars(one)])
        assert "it is not the build that the artifact allows" in said


def test_a_manifest_that_is_another_one_than_at_compile_time_is_refused(tmp_path: Path) -> None:
    laid(tmp_path / "plugins", FILES | {"acme_checked/firn-plugin.json": MANIFEST + " "})
    assert "its manifest is not the one that the artifact was compiled with" in why(
        tmp_path, plugin_folders=["plugins"]
    )
    (tmp_path / "plugins/acme_checked/firn-plugin.json").unlink()
    assert "it has no `firn-plugin.json`" in why(tmp_path, plugin_folders=["plugins"])


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    laid(tmp_path / "plugins", FILES | {"acme_checked/firn-plugin.json": "{}"})
    assert "it has not the format" in why(tmp_path, "{}", plugin_folders=["plugins"])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('CANARY-in-an-import')", "importing `acme_checked.code` raised ValueError"),
        ("raise SystemExit('CANARY-in-an-import')", "importing `acme_checked.code` raised SystemExit"),
        ("import acme_is_nowhere", "importing `acme_checked.code` raised ModuleNotFoundError"),
        ("def broken(:", "importing `acme_checked.code` raised SyntaxError"),
        ("", "looking for `acme_checked.code:Table` raised AttributeError"),
        ("Table = 3", "its connector has no `read`, which its manifest declares"),
        ("class Table: ...", "its connector has no `read`, which its manifest declares"),
        ("class T:\n    def read(self): ...\nTable = T()", "its connector is no class"),
    ],
)
@pytest.mark.parametrize("pinned", [True, False])
def test_code_that_cannot_be_used_is_told_by_the_type_alone(
    tmp_path: Path, code: str, said: str, pinned: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    laid(tmp_path / "plugins", FILES | {"acme_checked/code.py": code})
    sha256 = find(needed(), [str(tmp_path / "plugins")]).sha256
    listed = [{"name": NAME, "version": "==1.0.0", "sha256": sha256}] if pinned else []
    answer = why(tmp_path, code="R112", plugin_folders=["plugins"], plugins=listed)
    assert f"the plug-in `{NAME}` cannot be used: {said}" in answer
    assert "CANARY" not in answer + "".join(capfd.readouterr())


def test_an_entry_point_that_is_missing_is_told(tmp_path: Path) -> None:
    laid(tmp_path / "plugins")
    entries = tmp_path / "plugins/acme_checked-1.0.0.dist-info/entry_points.txt"
    entries.write_text(ENTRIES.replace("acme.table", "acme.chair"))
    said = why(tmp_path, code="R112", plugin_folders=["plugins"])
    assert "it has no entry point `acme.table` in `firn.connectors`" in said
    entries.write_text(ENTRIES.replace("acme_checked.code:Table", "acme_checked.code"))
    assert "as `module:name`" in why(tmp_path, code="R112", plugin_folders=["plugins"])


def test_installed_plug_ins_are_listed_without_an_import(tmp_path: Path) -> None:
    laid(tmp_path, FILES | {"acme_checked/__init__.py": "raise SystemExit('imported')"})
    (one,) = every([str(tmp_path)])
    assert (one.name, one.version, len(one.sha256 or "")) == (NAME, "1.0.0", 64)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("METADATA", None),
        ("METADATA", b"Name: \xff\nVersion: 1.0.0\n"),
        ("METADATA", b"Name: acme-checked\nVersion: 1.0.0\x1b[1m\n"),
        ("entry_points.txt", b"[firn.plugins]\nno value\n"),
        ("entry_points.txt", b"[firn.plugins]\nx = \xff\n"),
    ],
)
def test_damaged_metadata_are_no_plug_in(tmp_path: Path, file: str, content: bytes | None) -> None:
    damaged = laid(tmp_path) / "acme_checked-1.0.0.dist-info" / file
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    assert every([str(tmp_path)]) == []
    with pytest.raises(ArtifactRefused, match="its metadata are damaged"):
        find(needed(), [str(tmp_path)])


@pytest.mark.parametrize("record", [b"\xff", b"x" * 200_000])
def test_a_damaged_record_pins_nothing(tmp_path: Path, record: bytes) -> None:
    (laid(tmp_path) / "acme_checked-1.0.0.dist-info/RECORD").write_bytes(record)
    (one,) = every([str(tmp_path)])
    assert one.sha256 is None
    refused(tmp_path, "0" * 64)


@pytest.mark.parametrize("name", ["sitecustomize.py", "json/more.py", "acme.pth"])
def test_a_file_that_lands_where_python_looks_for_modules_is_refused(tmp_path: Path, name: str) -> None:
    scripts = "../../../bin/acme,,\n/opt/acme/acme.py,,\n"
    assert checked(laid(tmp_path / "a", record=scripts))
    path = os.path.join(os.path.relpath(os.path.dirname(os.__file__), tmp_path / "b"), name)
    laid(tmp_path / "b", record=f"{scripts}{path},,\n")
    assert f"it brings `{path}`, which lies among the modules of others" in refused(tmp_path / "b")


def test_an_editable_installation_is_listed_as_what_enterprise_does_not_use(tmp_path: Path) -> None:
    found = laid(tmp_path / "a", FILES | {"__editable__.acme_checked-1.0.0.pth": "/home/me/acme"})
    assert "it brings `__editable__" in refused(found)
    said = [CliRunner().invoke(plugins_command, ["--folder", str(one)]).output for one in (found, laid(tmp_path / "b"))]
    assert ["an editable installation, which `enterprise` does not use" in one for one in said] == [True, False]


def test_one_wheel_has_one_digest_however_it_is_installed(tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    built = wheel(project(tmp_path / "project"), tmp_path / "dist")
    install(python, built)
    install(python, "--no-compile", "--target", tmp_path / "folder", built)
    words = ("-I", "-m", "firn_runtime", "plugins", "--json")
    inside = json.loads(run(python, *words).stdout)["plugins"]
    assert [one["name"] for one in inside] == ["acme-table"]
    assert (inside[0]["connectors"], inside[0]["steps"]) == (["acme.table"], ["acme_sum"])
    assert json.loads(run(python, *words, "--folder", tmp_path / "folder").stdout)["plugins"] == inside
    line = run(python, *words[:-1]).stdout.splitlines()[0]
    assert line == f'- {{name: acme-table, version: "==1.0.0", sha256: "{inside[0]["sha256"]}"}}'
    if uv := shutil.which("uv"):
        run(uv, "pip", "install", "-q", "--offline", "--no-deps", "--target", tmp_path / "other", built)
        assert json.loads(run(python, *words, "--folder", tmp_path / "other").stdout)["plugins"] == inside
    (tmp_path / "empty").mkdir()
    assert run(python, *words[:-1], "--folder", tmp_path / "empty").stdout == "no plug-in is installed\n"
