"""Mounts of secrets: Kubernetes, Docker, systemd and plain folders; nothing leaves a mount, and nothing is mixed."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources import Mount, mounts_of, resolve_secrets
from runtime.volumes import CANARY, publish, wanted

USER, PASSWORD = wanted("shop-db", "user"), wanted("shop-db", "password")


def values(mount: Path, *secrets: tuple[str, str | None]) -> list[str]:
    return [
        one.secret.reveal() for one in resolve_secrets([wanted(*one) for one in secrets], {}, [Mount(mount)]).values()
    ]


def complaint(mount: Path, ref: str, key: str | None = None) -> str:
    with pytest.raises(InputsMissing) as caught:
        resolve_secrets([wanted(ref, key)], {}, [Mount(mount)])
    text = f"{caught.value} {caught.value.help}"
    assert CANARY not in text
    return text


class WhenAskedFor(dict[str, str]):
    """An environment that holds nothing, and does something when a variable is looked up: once, or each time."""

    def __init__(self, variable: str, act: Callable[[], object], *, times: int = 1) -> None:
        self.variable, self.act, self.left = variable, act, times

    def get(self, name: str, default: object = None) -> None:  # type: ignore[override]  # holds nothing
        if name == self.variable and self.left:
            self.left -= 1
            self.act()


def test_a_volume_is_a_folder_of_keys(tmp_path: Path) -> None:
    publish(tmp_path / "shop-db", {"user": "reader", "password": CANARY})
    assert values(tmp_path, ("shop-db", "user"), ("shop-db", "password")) == [CANARY, "reader"]
    assert "is a folder: name one of its keys (`password`, `user`)" in complaint(tmp_path, "shop-db")
    assert "is missing" in complaint(tmp_path, "shop-db", "host")


def test_one_volume_may_hold_several_references(tmp_path: Path) -> None:
    publish(tmp_path, {"rates-api": CANARY, "shop-db/user": "reader", "shop-db/password": "hunter2!"})
    found = values(tmp_path, ("rates-api", None), ("shop-db", "user"), ("shop-db", "password"))
    assert found == [CANARY, "hunter2!", "reader"]


def test_a_folder_of_the_platform_works_like_a_volume(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/password").write_text(CANARY)
    (tmp_path / "shop-db").symlink_to("store")
    assert values(tmp_path, ("shop-db", "password")) == [CANARY]


def test_a_folder_that_may_be_entered_need_not_be_one_that_may_be_listed(tmp_path: Path) -> None:
    (tmp_path / "shop-db").mkdir()
    (tmp_path / "shop-db/password").write_text(CANARY)
    (tmp_path / "shop-db").chmod(0o100)
    assert values(tmp_path, ("shop-db", "password")) == [CANARY]
    (tmp_path / "shop-db").chmod(0o700)


def test_keys_that_are_replaced_while_they_are_read_are_all_new(tmp_path: Path) -> None:
    publish(tmp_path / "shop-db", {"user": "old-user", "password": "old-password"})
    swap = WhenAskedFor(
        "SHOP_DB_USER", lambda: publish(tmp_path / "shop-db", {"user": "new-user", "password": "new-password"})
    )
    found = resolve_secrets([USER, PASSWORD], swap, [Mount(tmp_path)])
    assert {one.secret.reveal() for one in found.values()} == {"new-user", "new-password"}


def test_keys_that_are_still_there_are_all_old(tmp_path: Path) -> None:
    volume = tmp_path / "shop-db"
    publish(volume, {"user": "old-user", "password": "old-password"})

    def swap() -> None:
        shutil.copytree(volume / "..1", volume / "..2")
        (volume / "..2/user").write_text("new-user")
        (volume / "..new").symlink_to("..2")
        os.rename(volume / "..new", volume / "..data")

    found = resolve_secrets([USER, PASSWORD], WhenAskedFor("SHOP_DB_USER", swap), [Mount(tmp_path)])
    assert {one.secret.reveal() for one in found.values()} == {"old-user", "old-password"}


def test_a_volume_that_is_replaced_again_and_again_is_an_error_and_never_a_mixture(tmp_path: Path) -> None:
    volume = tmp_path / "shop-db"
    publish(volume, {"user": CANARY, "password": CANARY})
    swaps = WhenAskedFor("SHOP_DB_USER", lambda: publish(volume, {"user": CANARY, "password": CANARY}), times=9)
    with pytest.raises(InputsMissing, match="shop-db/user` was replaced while it was read") as caught:
        resolve_secrets([USER, PASSWORD], swaps, [Mount(tmp_path)])
    assert (caught.value.code, CANARY in str(caught.value)) == ("R203", False)
    assert swaps.left == 7


def test_a_key_that_a_new_volume_has_not_is_missing(tmp_path: Path) -> None:
    publish(tmp_path / "shop-db", {"user": "old-user", "password": "old-password"})
    swap = WhenAskedFor("SHOP_DB_USER", lambda: publish(tmp_path / "shop-db", {"password": "new-password"}))
    with pytest.raises(InputsMissing, match=r"(?s)`shop-db/user` is missing") as caught:
        resolve_secrets([USER, PASSWORD], swap, [Mount(tmp_path)])
    assert "`shop-db/password`" not in str(caught.value)


def test_a_volume_may_be_replaced_at_any_time(tmp_path: Path) -> None:
    """A thread replaces the volume without a pause while two keys are read: they belong together, or it is an error."""
    publish(tmp_path / "shop-db", {"user": "user-0", "password": "password-0"})
    stopped = threading.Event()

    def replace() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            publish(tmp_path / "shop-db", {"user": f"user-{number}", "password": f"password-{number}"})

    writer = threading.Thread(target=replace)
    writer.start()
    seen, errors = set(), set()
    try:
        for _ in range(400):
            try:
                found = resolve_secrets([USER, PASSWORD], {}, [Mount(tmp_path)])
                seen.add(tuple(found[key].secret.reveal().rpartition("-")[2] for key in sorted(found, key=str)))
            except InputsMissing as error:
                errors.add(str(error).replace("password", "user"))
    finally:
        stopped.set()
        writer.join()
    assert seen
    assert all(one == other for one, other in seen)
    assert all("was replaced while it was read" in text or "leads nowhere" in text for text in errors)


@pytest.mark.parametrize("first", ["docker", "systemd"])
def test_docker_and_systemd_keep_a_key_in_a_file_of_its_own(tmp_path: Path, first: str) -> None:
    docker, systemd = tmp_path / "docker", tmp_path / "systemd"
    for folder in (docker, systemd):
        folder.mkdir()
    (tmp_path / first / "rates-api").write_text(CANARY)
    (tmp_path / first / "shop-db_password").write_text("from the file")
    mounts = mounts_of([tmp_path / "named"], {"CREDENTIALS_DIRECTORY": str(systemd)}, docker)
    found = resolve_secrets([wanted("rates-api"), PASSWORD], {}, mounts)
    assert [one.secret.reveal() for one in found.values()] == [CANARY, "from the file"]
    assert [one.warning for one in found.values()] == ["", ""]
    assert "is missing" in complaint(tmp_path / first, "shop-db", "password")  # where it is not such a folder


def test_the_machines_folders_come_last_and_each_folder_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("run")
    docker, credentials = tmp_path / "run/secrets", {"CREDENTIALS_DIRECTORY": str(tmp_path / "creds")}
    assert mounts_of([tmp_path / "mine"], credentials, docker) == (
        Mount(tmp_path / "mine"),
        Mount(docker, flat=True),
        Mount(tmp_path / "creds", flat=True),
    )
    assert mounts_of([tmp_path / "var/secrets"], {}, docker) == (Mount(tmp_path / "var/secrets", flat=True),)
    assert mounts_of([], {"CREDENTIALS_DIRECTORY": "creds"}, docker) == (Mount(docker, flat=True),)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_of_the_machine_that_is_closed_to_us_is_left_out(tmp_path: Path) -> None:
    closed = tmp_path / "docker"
    closed.mkdir(mode=0)
    assert mounts_of([], {}, closed) == ()


def outside(folder: Path) -> Path:
    """Make a file and a folder outside of a mount, and return the mount."""
    (folder / "outside").mkdir()
    (folder / "outside/password").write_text(CANARY)
    (folder / "outside-file").write_text(CANARY)
    (folder / "mount").mkdir()
    return folder / "mount"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("a", "../outside-file"),
        ("a", "{mount}/../outside-file"),
        ("a", "{mount}/inside"),
        ("a", "inner/../../outside-file"),
        ("a", "b"),
    ],
    ids=["relative", "absolute", "absolute and inside", "through a folder", "through another link"],
)
def test_no_link_leads_a_secret_out(tmp_path: Path, link: str, target: str) -> None:
    mount = outside(tmp_path)
    (mount / "inner").mkdir()
    (mount / "inside").write_text(CANARY)
    (mount / "b").symlink_to("../outside-file")
    (mount / link).symlink_to(target.format(mount=mount))
    assert f"`{mount}/a` leads out of its mount" in complaint(mount, "a")


@pytest.mark.parametrize("target", ["{up}../outside", "{folder}/outside", "{up}x/../../outside"])
@pytest.mark.parametrize("link", ["shop-db", "shop-db/..data", "shop-db/password"])
def test_no_link_leads_a_folder_or_key_out(tmp_path: Path, link: str, target: str) -> None:
    mount = outside(tmp_path)
    (mount / "x").mkdir()
    (mount / link).parent.mkdir(exist_ok=True)
    end = "/password" if link.endswith("password") else ""
    (mount / link).symlink_to(target.format(up="../" * link.count("/"), folder=tmp_path) + end)
    assert "leads out of its mount" in complaint(mount, "shop-db", "password")


@pytest.mark.parametrize("ref", ["..", "../outside-file", "x/../../outside-file"])
def test_no_name_leads_out(tmp_path: Path, ref: str) -> None:
    mount = outside(tmp_path)
    (mount / "x").mkdir()
    assert "leads out of its mount" in complaint(mount, ref)
    complaint(mount, "x", "../../outside-file")


def test_a_link_may_stay_inside(tmp_path: Path) -> None:
    mount = outside(tmp_path)
    (mount / "inner/deep").mkdir(parents=True)
    (mount / "value").write_text("inside")
    (mount / "inner/deep/a").symlink_to("../../inner/.././value")
    (mount / "a").symlink_to("inner/deep/a")
    assert values(mount, ("a", None)) == ["inside"]


def test_the_mount_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").write_text("value")
    (tmp_path / "mount").symlink_to(tmp_path / "real")
    assert values(tmp_path / "mount", ("a", None)) == ["value"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "shop-db").mkdir()
    (tmp_path / "shop-db/..data").symlink_to("..data")
    assert "is a loop of symbolic links" in complaint(tmp_path, "a")
    assert "is a loop of symbolic links" in complaint(tmp_path, "shop-db", "password")


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("gone")
    assert "is a symbolic link that leads nowhere" in complaint(tmp_path, "a")


@pytest.mark.parametrize("key", [None, "password"])
def test_only_regular_files_are_read_and_nothing_waits(tmp_path: Path, key: str | None) -> None:
    place = tmp_path / "shop-db" / key if key else tmp_path / "shop-db"
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    assert f"`{place}` is not a regular file" in complaint(tmp_path, "shop-db", key)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "shop-db/password/inner").mkdir(parents=True)
    assert "password` is a folder: name one of its keys (`inner`)" in complaint(tmp_path, "shop-db", "password")


def test_a_folder_that_a_wrong_sub_path_made_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "shop-db" / "password").mkdir(parents=True)
    assert "password` is an empty folder: Kubernetes makes one" in complaint(tmp_path, "shop-db", "password")


def test_a_file_has_no_keys(tmp_path: Path) -> None:
    (tmp_path / "shop-db").write_text(CANARY)
    assert "is missing" in complaint(tmp_path, "shop-db", "password")


def test_of_a_folder_with_many_keys_some_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(10_000):
        (tmp_path / f"a/key-{number:05}").touch()
    text = complaint(tmp_path, "a")
    assert "(`key-00000`, " in text
    assert "`key-00009`, …)" in text
    assert "key-00010" not in text


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    publish(tmp_path / "shop-db", {"user": "reader", "password": CANARY})
    before = os.listdir("/dev/fd")
    for _ in range(50):
        values(tmp_path, ("shop-db", "user"), ("shop-db", "password"))
        complaint(tmp_path, "shop-db", "host")
    assert len(os.listdir("/dev/fd")) == len(before)


@pytest.mark.parametrize(
    ("file", "folder", "unsafe"),
    [
        (0o400, 0o755, False),
        (0o600, 0o755, False),
        (0o440, 0o755, True),
        (0o604, 0o755, True),
        (0o622, 0o755, False),
        (0o644, 0o700, False),
        (0o644, 0o710, True),
        (0o604, 0o710, False),
    ],
)
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, file: int, folder: int, unsafe: bool) -> None:
    (tmp_path / "shop-db").mkdir()
    (tmp_path / "shop-db/password").write_text(CANARY)
    (tmp_path / "shop-db/password").chmod(file)
    (tmp_path / "shop-db").chmod(folder)
    tmp_path.chmod(0o755)
    (found,) = resolve_secrets([PASSWORD], {}, [Mount(tmp_path)]).values()
    text = f"`{tmp_path}/shop-db/password` can be read by its group or by others"
    assert found.warning == (text if unsafe else "")


def test_the_modes_of_a_volume_are_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    publish(tmp_path / "shop-db", {"user": "reader"})
    publish(tmp_path / "all", {"rates-api": CANARY})
    assert resolve_secrets([USER], {}, [Mount(tmp_path)])["shop-db", "user"].warning == ""
    assert resolve_secrets([wanted("rates-api")], {}, [Mount(tmp_path / "all")])["rates-api", None].warning == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(CANARY)
    (tmp_path / "a").chmod(0)
    assert "cannot be read (Permission denied)" in complaint(tmp_path, "a")
