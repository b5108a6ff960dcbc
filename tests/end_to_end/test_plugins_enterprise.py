"""An `enterprise` run imports the plug-ins that its artifact lists, from files that were checked, and nothing else."""

import hashlib
import json
import py_compile
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.plugin_places import CODE, FLOW, PLATFORM, environment, install, project, run, wheel

CANARY = "CANARY-7d2e51-of-the-table"
EVIL = """\
import os
open(os.environ["EVIL"], "w").write("imported")
raise SystemExit("evil")
"""


class Place(NamedTuple):
    """An environment with the plug-in, and an artifact that allows it."""

    python: Path
    wheel: Path
    artifact: Path

    @property
    def packages(self) -> Path:
        return next((self.python.parents[1] / "lib").glob("python*/site-packages"))

    @property
    def package(self) -> Path:
        return self.packages / "acme_table"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("plugins")
    python = environment(folder / "venv")
    built = wheel(project(folder / "project"), folder / "dist")
    install(python, built)
    listed = json.loads(run(python, "-I", "-m", "firn_runtime", "plugins", "--json").stdout)["plugins"]
    sha256 = listed[0]["sha256"]
    pin = f'security: {{mode: enterprise, plugins: [{{name: acme-table, version: "==1.0.0", sha256: "{sha256}"}}]}}\n'
    (folder / "flow.yaml").write_text(FLOW)
    (folder / "platform.yaml").write_text(PLATFORM + pin)
    run(python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "-p", "platform.yaml", cwd=folder)
    return Place(python, built, folder / "compiled_artifacts.json")


@pytest.fixture
def place(whole: Place) -> Iterator[Place]:
    """The plug-in as it was installed; what a test did to its files is gone afterwards."""
    yield whole
    for one in whole.packages.glob("*acme*"):
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    install(whole.python, "--force-reinstall", whole.wheel)


def outcome(place: Place, cwd: Path, *flags: str, **environ: str) -> tuple[int, str]:
    """Run the artifact in a folder; nothing evil was imported, and the secret is nowhere."""
    evil = cwd / "evil-was-here"
    environ |= {"TOKEN": CANARY, "EVIL": str(evil)}
    answer = run(place.python, *flags, "-m", "firn_runtime", "run", place.artifact, cwd=cwd, ok=False, environ=environ)
    assert not evil.exists()
    assert CANARY not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    left = [path for path in cwd.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert left == []
    return answer.returncode, answer.stdout + answer.stderr


def fake(folder: Path, *, like: Place) -> Path:
    """Lay a distribution of the same name and version into a folder, which does evil when it is imported."""
    shutil.copytree(next(like.packages.glob("acme_table-*.dist-info")), folder / "acme_table-1.0.0.dist-info")
    (folder / "acme_table").mkdir(parents=True)
    for name in ("__init__.py", "code.py"):
        (folder / "acme_table" / name).write_text(EVIL)
    shutil.copy(like.package / "firn-plugin.json", folder / "acme_table")
    return folder


HOOK = "def decode(value):\n    return value[::-1]\n"


def test_a_decode_hook_is_not_taken_from_the_current_folder_or_pythonpath(place: Place, tmp_path: Path) -> None:
    (place.packages / "acme_hook.py").write_text(HOOK)
    sha256 = hashlib.sha256(HOOK.encode()).hexdigest()
    hook = f"{{module: acme_hook, sha256: {sha256}}}"
    platform = place.artifact.with_name("platform.yaml").read_text()
    platform = platform.replace("enterprise,", f"enterprise, decode_hook: {hook},")
    platform = platform.replace("{secret_ref: token}}", "{secret_ref: token}}, decode: {config: {token: true}}")
    (tmp_path / "platform.yaml").write_text(platform)
    (tmp_path / "flow.yaml").write_text(FLOW)
    run(place.python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "-p", "platform.yaml", cwd=tmp_path)
    own = place._replace(artifact=tmp_path / "compiled_artifacts.json")
    assert outcome(own, tmp_path)[0] == 0
    for folder in (tmp_path, tmp_path / "path"):
        folder.mkdir(exist_ok=True)
        (folder / "acme_hook.py").write_text(EVIL)
    assert outcome(own, tmp_path, PYTHONPATH=str(tmp_path / "path"))[0] == 0
    (place.packages / "acme_hook.py").unlink()
    (tmp_path / "acme_hook.py").write_text(HOOK)
    code, said = outcome(own, tmp_path)
    assert (code, "`acme_hook` cannot be found" in said) == (4, True), said


def allowing(place: Place, project: Path, cwd: Path) -> Place:
    """Install another build of the plug-in, and compile an artifact that allows it."""
    install(place.python, "--force-reinstall", wheel(project, cwd / "dist"))
    listed = json.loads(run(place.python, "-I", "-m", "firn_runtime", "plugins", "--json").stdout)["plugins"]
    written = place.artifact.with_name("platform.yaml").read_text()
    pin = f"sha256: {listed[0]['sha256']}"
    (cwd / "platform.yaml").write_text(re.sub("sha256: .[0-9a-f]{64}.", pin, written))
    (cwd / "flow.yaml").write_text(FLOW)
    run(place.python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "-p", "platform.yaml", cwd=cwd)
    return place._replace(artifact=cwd / "compiled_artifacts.json")


def test_what_a_plug_in_imports_is_not_taken_from_the_current_folder(place: Place, tmp_path: Path) -> None:
    own = allowing(place, project(tmp_path / "p", "import acme_helper\n" + CODE), tmp_path)
    (tmp_path / "acme_helper.py").write_text(EVIL)
    code, said = outcome(own, tmp_path)
    assert (code, "error[R112]" in said, "ModuleNotFoundError" in said) == (3, True, True), said


def test_an_extension_module_is_loaded_from_the_file_that_was_checked(place: Place, tmp_path: Path) -> None:
    source = project(tmp_path / "p", "from acme_table import _cffi_backend\n" + CODE)
    (library,) = place.packages.glob("_cffi_backend.*")
    shutil.copy(library, source / "acme_table")
    own = allowing(place, source, tmp_path)
    assert outcome(own, tmp_path)[0] == 0
    with (place.package / library.name).open("ab") as file:
        file.write(b"x")
    assert f"`acme_table/{library.name}` is not the one that was installed" in refused(own, tmp_path)


def test_the_same_fakes_are_imported_where_the_artifact_is_not_of_enterprise(place: Place, tmp_path: Path) -> None:
    """What the tests here look for would be seen."""
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "platform.yaml").write_text(PLATFORM + "security: {mode: internal_fast}\n")
    run(place.python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "-p", "platform.yaml", cwd=tmp_path)
    fake(tmp_path, like=place)
    environ = {"TOKEN": CANARY, "EVIL": str(tmp_path / "evil-was-here"), "PYTHONPATH": str(tmp_path)}
    answer = run(place.python, "-m", "firn_runtime", "run", cwd=tmp_path, ok=False, environ=environ)
    assert (answer.returncode, (tmp_path / "evil-was-here").exists()) == (3, True)
    assert "importing `acme_table.code` raised SystemExit" in answer.stderr


@pytest.mark.parametrize("flags", [(), ("-I",)])
def test_the_plug_in_that_the_artifact_lists_runs(place: Place, tmp_path: Path, flags: tuple[str, ...]) -> None:
    code, said = outcome(place, tmp_path, *flags)
    assert code == 0, said
    assert (tmp_path / "out/rows.csv").read_text() == "id\n0\n1\n2\n"


def test_a_fake_in_the_current_folder_is_not_imported(place: Place, tmp_path: Path) -> None:
    fake(tmp_path, like=place)
    assert outcome(place, tmp_path)[0] == 0


def test_a_fake_in_pythonpath_is_not_imported(place: Place, tmp_path: Path) -> None:
    folder = fake(tmp_path / "path", like=place)
    assert outcome(place, tmp_path, PYTHONPATH=str(folder))[0] == 0


def test_a_fake_in_a_zip_is_not_imported(place: Place, tmp_path: Path) -> None:
    folder = fake(tmp_path / "path", like=place)
    with zipfile.ZipFile(tmp_path / "path.zip", "w") as file:
        for one in folder.rglob("*"):
            file.write(one, one.relative_to(folder))
    assert outcome(place, tmp_path, PYTHONPATH=str(tmp_path / "path.zip"))[0] == 0


def test_a_pth_file_in_a_folder_of_the_path_leads_nowhere(place: Place, tmp_path: Path) -> None:
    folder = fake(tmp_path / "path", like=place)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/evil.pth").write_text(f"{folder}\nimport acme_table\n")
    assert outcome(place, tmp_path, PYTHONPATH=str(tmp_path / "other"))[0] == 0


def test_what_a_sitecustomize_puts_into_the_path_is_not_imported(place: Place, tmp_path: Path) -> None:
    folder = fake(tmp_path / "path", like=place)
    (tmp_path / "start").mkdir()
    (tmp_path / "start/sitecustomize.py").write_text(f"import sys; sys.path.insert(0, {str(folder)!r})\n")
    assert outcome(place, tmp_path, PYTHONPATH=str(tmp_path / "start"))[0] == 0


def test_a_plug_in_that_a_sitecustomize_imported_first_is_refused(place: Place, tmp_path: Path) -> None:
    code = "import sys, types; sys.modules['acme_table'] = types.ModuleType('acme_table')\n"
    (tmp_path / "start").mkdir()
    (tmp_path / "start/sitecustomize.py").write_text(code)
    code_, said = outcome(place, tmp_path, PYTHONPATH=str(tmp_path / "start"))
    assert (code_, "error[R111]" in said, "before it was checked" in said) == (3, True, True), said
    assert outcome(place, tmp_path, "-I", PYTHONPATH=str(tmp_path / "start"))[0] == 0


def test_a_usercustomize_and_the_folder_of_the_user_are_left_aside(place: Place, tmp_path: Path) -> None:
    site = next((place.python.parents[1] / "lib").iterdir()).name
    user = tmp_path / f"user/lib/{site}/site-packages"
    fake(user, like=place)
    (user / "usercustomize.py").write_text("import acme_table\n")
    assert outcome(place, tmp_path, PYTHONUSERBASE=str(tmp_path / "user"))[0] == 0


@pytest.mark.parametrize("claimed", ["acme.table", "files.local", "compute.duckdb"])
def test_a_distribution_that_is_not_listed_can_claim_no_connector(place: Place, tmp_path: Path, claimed: str) -> None:
    claims = f'"{claimed}" = "acme_evil.code:Table"'
    steps = 'acme_sum = "acme_evil.code:add"'
    evil = project(tmp_path / "evil", EVIL, name="acme-evil", package="acme_evil", connectors=claims, steps=steps)
    install(place.python, wheel(evil, tmp_path / "dist"))
    (tmp_path / "run").mkdir()
    assert outcome(place, tmp_path / "run")[0] == 0


def test_stale_byte_code_is_never_read(place: Place, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(EVIL)
    for name in ("__init__", "code"):
        target = next(place.package.glob(f"__pycache__/{name}.*.pyc"))
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(tmp_path / "evil.py"), cfile=str(target), invalidation_mode=mode)
    assert outcome(place, tmp_path)[0] == 0


def refused(place: Place, cwd: Path) -> str:
    code, said = outcome(place, cwd)
    assert code == 3, said
    assert said.startswith("error[R111]: the plug-in `acme-table` cannot be used: "), said
    return said


def test_a_changed_file_is_refused(place: Place, tmp_path: Path) -> None:
    (place.package / "code.py").write_text(EVIL)
    assert "`acme_table/code.py` is not the one that was installed" in refused(place, tmp_path)


def test_a_changed_file_whose_record_was_changed_with_it_is_refused(place: Place, tmp_path: Path) -> None:
    install(place.python, "--force-reinstall", wheel(project(tmp_path / "p", EVIL), tmp_path / "dist"))
    assert "it is not the build that the artifact allows: its `sha256` is " in refused(place, tmp_path)


@pytest.mark.parametrize("name", ["json.py", "helper.pth", "evil.so", "inner/code.py", "code.pyc"])
def test_a_file_beside_those_of_the_plug_in_is_refused(place: Place, tmp_path: Path, name: str) -> None:
    (place.package / name).parent.mkdir(exist_ok=True)
    (place.package / name).write_text(EVIL)
    assert f"`acme_table/{name}` lies in its folder and is none of its files" in refused(place, tmp_path)


def test_a_folder_that_is_a_link_is_refused(place: Place, tmp_path: Path) -> None:
    (place.package / "inner").symlink_to(tmp_path)
    assert "`acme_table/inner` lies in its folder" in refused(place, tmp_path)


def test_another_version_is_refused(place: Place, tmp_path: Path) -> None:
    install(place.python, wheel(project(tmp_path / "p", version="1.0.1"), tmp_path / "dist"))
    said = refused(place, tmp_path)
    assert "it is installed in version 1.0.1; the artifact was compiled with 1.0.0" in said
    assert "pip install acme-table==1.0.0" in said


def test_a_plug_in_that_is_not_there_is_refused(place: Place, tmp_path: Path) -> None:
    run(place.python, "-m", "pip", "uninstall", "-q", "-y", "acme-table")
    assert "it is not installed" in refused(place, tmp_path)


def test_an_editable_installation_is_refused(place: Place, tmp_path: Path) -> None:
    install(place.python, "--no-build-isolation", "-e", project(tmp_path / "p"))
    assert "it is not the build that the artifact allows" in refused(place, tmp_path)
