"""Who answers and who logs in: host keys that are trusted and those that are not, passwords, keys, algorithms."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Use
from firn_schemas.secret import Secret
from runtime.workbench import connector
from servers.postgres import free_port
from servers.rogue_sftp import Rogue, rogue
from servers.sshd import Server, server

CANARY = "canary-77aa-login"
OTHER = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def sshd() -> Server:
    return server()


def resource(sshd: Server, **more: Any) -> Any:
    config: dict[str, Any] = {
        "host": sshd.host,
        "port": sshd.port,
        "user": sshd.user,
        "private_key": Secret(sshd.private_key),
        "known_hosts": sshd.known_hosts,
        "root": str(sshd.root()),
    }
    return connector("sftp", "asyncssh", **config | more)


def elsewhere(there: Rogue, **more: Any) -> Any:
    return connector("sftp", "asyncssh", host="127.0.0.1", port=there.port, user="u", root="/", **more)


def entered(one: Any) -> None:
    try:
        one.connect()
        assert list(one.store().list("", recursive=False)) == []
    finally:
        one.close()


def refused(one: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        entered(one)
    error = caught.value
    everything = f"{error!r}{error.message}{error.help}{error.__cause__!r}{error.__context__!r}{one!r}{vars(one)!r}"
    assert CANARY not in everything
    assert "PRIVATE KEY" not in everything
    return error


def other_line(sshd: Server) -> str:
    return f"[{sshd.host}]:{sshd.port} {OTHER.export_public_key().decode()}"


def test_a_password_or_a_key_logs_in(sshd: Server) -> None:
    entered(resource(sshd))
    entered(resource(sshd, private_key=None, password=Secret(sshd.password)))
    entered(resource(sshd, private_key=Secret(OTHER.export_private_key().decode()), password=Secret(sshd.password)))


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem", "pkcs1-pem"])
def test_keys_of_openssh_and_pem_are_read_with_and_without_a_last_newline(kind: str, form: str) -> None:
    if kind == "ssh-ed25519" and form == "pkcs1-pem":
        pytest.skip("there is no such form")
    key = asyncssh.generate_private_key(kind)
    text = key.export_private_key(form).decode()

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, shown: asyncssh.SSHKey) -> bool:
            return shown == key.convert_to_public()

    with rogue(door=Door) as there:
        for spelled in (text, text.rstrip("\n"), text.replace("\n", "\r\n")):
            one = elsewhere(there, known_hosts=there.known_hosts, private_key=Secret(spelled))
            one.connect()
            one.close()


def test_a_server_that_asks_for_the_password_itself_is_answered() -> None:
    class Asks(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
            return "", "", "", [("Password:", False)]

        def validate_kbdint_response(self, username: str, responses: Any) -> Any:
            return list(responses) == [CANARY]

    with rogue(door=Asks) as there:
        one = elsewhere(there, known_hosts=there.known_hosts, password=Secret(CANARY))
        one.connect()
        one.close()


def test_no_thread_is_left_behind(sshd: Server) -> None:
    entered(resource(sshd))
    with pytest.raises(ConnectorError):
        list(resource(sshd, known_hosts=other_line(sshd)).probe([]))
    with pytest.raises(ConnectorError):
        resource(sshd, root="/missing").connect()
    assert [one for one in threading.enumerate() if one.name == "firn-sftp"] == []


def test_the_host_key_is_trusted_by_lines_by_a_file_or_by_its_fingerprint(sshd: Server, tmp_path: Path) -> None:
    (tmp_path / "known hosts").write_text(f"# of the partner\n\n{other_line(sshd)}{sshd.known_hosts}\n")
    for known in (sshd.known_hosts, str(tmp_path / "known hosts")):
        entered(resource(sshd, known_hosts=known))
    relative = resource(sshd, known_hosts="known hosts")
    relative.base_dir = tmp_path
    entered(relative)
    for fingerprint in (sshd.fingerprint, f" {sshd.fingerprint}= ", sshd.fingerprint.replace("SHA256", "sha256")):
        entered(resource(sshd, known_hosts=None, host_key_fingerprint=fingerprint))


def test_hashed_names_patterns_and_lines_without_a_port_are_read(sshd: Server) -> None:
    for pattern in ("[127.0.0.1]:*", "127.0.0.1", "example.com,127.0.0.1"):
        entered(resource(sshd, known_hosts=f"{pattern} {sshd.host_key}"))


def test_an_unknown_host_key_is_refused_and_shown(sshd: Server) -> None:
    error = refused(resource(sshd, known_hosts=f"example.com {sshd.host_key}", password=Secret(CANARY)))
    assert error.error_class == "connection"
    assert error.message == (
        f"the host key of `127.0.0.1`, port {sshd.port} is unknown: it shows {sshd.fingerprint} (ssh-ed25519), "
        "and `known_hosts` has no line for it"
    )
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in error.help


@pytest.mark.parametrize("how", ["known_hosts", "host_key_fingerprint"])
def test_a_changed_host_key_is_refused_before_a_password_is_sent(sshd: Server, how: str) -> None:
    known = {"known_hosts": other_line(sshd), "host_key_fingerprint": OTHER.get_fingerprint()}[how]
    more = {"known_hosts": None, "password": Secret(CANARY)} | {how: known}
    error = refused(resource(sshd, **more))
    assert error.message == (
        f"the host key of `127.0.0.1`, port {sshd.port} is not the one that is trusted: "
        f"{sshd.fingerprint} (ssh-ed25519)"
    )
    assert f"put the new one in `{how}`" in error.help


def test_a_host_key_of_another_kind_than_the_known_one_is_shown_too(sshd: Server) -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    error = refused(resource(sshd, known_hosts=f"[127.0.0.1]:{sshd.port} {key}"))
    assert f"is not the one that is trusted: {sshd.fingerprint}" in error.message


def test_a_revoked_host_key_is_refused(sshd: Server) -> None:
    error = refused(resource(sshd, known_hosts=f"{sshd.known_hosts}\n@revoked * {sshd.host_key}"))
    assert "is revoked" in error.message


def test_a_host_key_that_is_revoked_at_its_port_is_not_trusted_by_a_line_without_one(sshd: Server) -> None:
    for trusted, revoked in ((sshd.host, f"[{sshd.host}]:{sshd.port}"), (f"[{sshd.host}]:{sshd.port}", sshd.host)):
        lines = f"{trusted} {sshd.host_key}\n@revoked {revoked} {sshd.host_key}"
        assert "is revoked" in refused(resource(sshd, known_hosts=lines)).message


def test_a_certificate_of_a_trusted_authority_is_a_host_key() -> None:
    authority, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    certificate = authority.generate_host_certificate(key, "host", principals=["127.0.0.1"])
    with rogue(server_host_keys=[(key, certificate)]) as there:
        line = f"@cert-authority 127.0.0.1 {authority.export_public_key().decode()}"
        one = elsewhere(there, known_hosts=line, password=Secret(CANARY))
        one.connect()
        one.close()


@pytest.mark.parametrize(
    "known",
    [
        {"known_hosts": None},
        {"known_hosts": ""},
        {"host_key_fingerprint": "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
    ],
)
def test_exactly_one_thing_says_which_host_key_is_trusted(sshd: Server, known: dict[str, Any]) -> None:
    assert "exactly one of `known_hosts` and `host_key_fingerprint`" in refused(resource(sshd, **known)).message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"known_hosts": "missing"}, "`known_hosts` cannot be read: `missing`"),
        ({"known_hosts": "AAAA"}, "`known_hosts` holds a line that is none of a host key"),
        ({"known_hosts": None, "host_key_fingerprint": "MD5:aa:bb"}, "is not the fingerprint of a key"),
        ({"private_key": None}, "nothing says how `tester` logs in"),
        ({"private_key": Secret(CANARY)}, "`private_key` is not a private key in OpenSSH or PEM form"),
        (
            {
                "private_key": Secret(
                    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"
                )
            },
            "`private_key` is not a private key",
        ),
        ({"root": "/missing"}, "the server has no folder `/missing`"),
    ],
)
def test_settings_that_cannot_be_right_are_said(sshd: Server, more: dict[str, Any], words: str) -> None:
    assert words in refused(resource(sshd, **more)).message


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem", "pkcs1-pem"])
def test_a_key_with_a_passphrase_is_refused_and_the_way_out_said(sshd: Server, form: str, tmp_path: Path) -> None:
    if form == "openssh":
        text = PROTECTED
    else:
        text = asyncssh.generate_private_key("ssh-rsa").export_private_key(form, CANARY).decode()
    error = refused(resource(sshd, private_key=Secret(text)))
    assert (error.error_class, error.message) == ("auth", "`private_key` is protected by a passphrase")
    assert "ssh-keygen -p" in error.help


def test_a_refused_login_names_the_user_and_what_was_tried(sshd: Server) -> None:
    other = Secret(OTHER.export_private_key().decode())
    for more, tried in (
        ({"private_key": None, "password": Secret(CANARY)}, "`password`"),
        ({"private_key": other}, "`private_key`"),
        ({"private_key": other, "password": Secret(CANARY)}, "`password` and `private_key`"),
    ):
        error = refused(resource(sshd, **more))
        assert error.error_class == "auth"
        assert error.message == f"`127.0.0.1`, port {sshd.port} refuses the login of `tester`"
        assert error.help == f"it was tried with {tried}"


@pytest.mark.parametrize("key", ["host", "user"])
@pytest.mark.parametrize("value", ["-oProxyCommand=touch pwned", "", "a\nb", "-", "a\0b"])
def test_a_host_or_user_that_a_program_could_take_for_an_option_is_refused(
    sshd: Server, key: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(resource(sshd, **{key: value}))
    assert error.message == f"`{key}` is not the name of a {key}"
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_users_own_ssh_is_read(sshd: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / ".ssh"
    (home / "crt").mkdir(parents=True)
    (home / "config").write_text("Host *\n  User somebody\n  ProxyCommand touch pwned\n  Port 1\n")
    (home / "known_hosts").write_text(sshd.known_hosts)
    (home / "id_ed25519").write_text(sshd.private_key)
    (home / "ca-bundle.crt").write_text("no certificates")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    assert "is unknown" in refused(resource(sshd, known_hosts=f"example.com {sshd.host_key}")).message
    password = Secret(CANARY)
    assert "refuses the login of `tester`" in refused(resource(sshd, private_key=None, password=password)).message
    entered(resource(sshd))


def test_a_process_whose_user_has_no_name_is_told_what_to_set(sshd: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    if os.geteuid() != 0:
        pytest.skip("only root becomes a user without a name")
    one = resource(sshd)
    os.setresuid(54321, 0, 0)
    try:
        error = refused(one)
    finally:
        os.setresuid(0, 0, 0)
    assert error.message == "the user of this process has no name on this machine"
    assert "set `USER`" in error.help


@pytest.mark.parametrize(
    "old",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"encryption_algs": ["aes128-cbc", "3des-cbc"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1", "hmac-md5"]},
        {"signature_algs": ["ssh-rsa"], "server_host_keys": [asyncssh.generate_private_key("ssh-dss")]},
    ],
)
def test_a_server_of_old_algorithms_alone_is_refused(sshd: Server, old: dict[str, Any]) -> None:
    with rogue(**old) as there:
        more = {"port": there.port, "known_hosts": there.known_hosts, "password": Secret(CANARY), "private_key": None}
        error = refused(resource(sshd, **more))
    where = f"`127.0.0.1`, port {there.port}"
    assert error.error_class == "connection"
    assert error.message in (
        f"{where} has no modern algorithm in common with this client",
        f"the connection to {where} broke",  # where the server was the first to notice, and has hung up
    )


def seen(one: Any) -> list[str]:
    try:
        return [f"{found.check} {found.status}: {found.message}" for found in one.probe([Use("read", "a.csv")])]
    except ConnectorError as error:
        return [error.message]


def test_a_preflight_tells_one_fault_from_another(sshd: Server) -> None:
    port = free_port()
    cases: dict[str, Callable[[], Any]] = {
        "no file matches `a.csv`": lambda: resource(sshd),
        f"nothing answers at `127.0.0.1`, port {port}": lambda: resource(sshd, port=port),
        "cannot be resolved": lambda: resource(sshd, host="no-such-host.invalid"),
        "is unknown": lambda: resource(sshd, known_hosts=f"example.com {sshd.host_key}"),
        "is not the one that is trusted": lambda: resource(sshd, known_hosts=other_line(sshd)),
        "refuses the login": lambda: resource(sshd, private_key=None, password=Secret(CANARY)),
        "has no folder `/missing`": lambda: resource(sshd, root="/missing"),
    }
    for words, make in cases.items():
        assert words in seen(make())[-1]
    assert seen(resource(sshd))[:2] == [
        "connection ok: the server `127.0.0.1` answers",
        "login ok: the credentials may list it",
    ]


PROTECTED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAmtYQdlI
+Ci4CaN66uMFL5AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIO1wFr8X/NKBtH/5
MrrbASsNfwYFsJF7zr8kV4VGMmCoAAAAkAdQU8yaqBBu7YdDOqUV5yOjYn7OLsA4SGVsUG
NqD0Q3YZ68YWK50wnEClfWFFS3aWsAHQnRHstRC+UuNfP7gYPQRswAei42eoUWxbpmas34
6vMRy0o6JqISTBy9bkyBrsR53O2/D4dgAMKXaBgazMYVgVsQWvD5Vst5sXiKjaIGpo7JsY
37ir3svcMFwzpqcA==
-----END OPENSSH PRIVATE KEY-----
"""
