"""`firn sign`, `firn verify` and the runs that ask for a signature, with keys that openssl made."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import signing
from firn_runtime.asymmetric import signer
from firn_runtime.dsse import envelope_of
from firn_schemas.attestation import envelope_path, statement_path
from runtime.artifacts import job, payload, spelled
from runtime.test_signatures import statement

FIRN = str(Path(sys.executable).parent / "firn")
PASSPHRASE = "CANARY-passphrase-7Qm"
KEYS = {
    "ed25519": "-algorithm ed25519",
    "ecdsa-p256": "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "ecdsa-p384": "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    "rsa": "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    "p521": "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    "encrypted": f"-algorithm ed25519 -aes256 -pass pass:{PASSPHRASE}",
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key of each kind, `NAME.pem`, and its public half, `NAME.pub`."""
    folder = tmp_path_factory.mktemp("keys")
    for name, words in KEYS.items():
        make = f"openssl genpkey {words} -out {name}.pem && openssl pkey -in {name}.pem -pubout -out {name}.pub"
        subprocess.run(f"{make} -passin pass:{PASSPHRASE}", shell=True, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an artifact and the statement about it."""
    artifact = tmp_path / "compiled_artifacts.json"
    artifact.write_bytes(spelled(payload(job("a"))))
    statement_path(artifact).write_bytes(statement(artifact.read_bytes()))
    return tmp_path


def firn(folder: Path, *words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command, and look for private keys and passphrases in all that it says, and in all that it writes."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("FIRN_")} | environ
    command = [FIRN, *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    written = "".join(one.read_text() for one in folder.iterdir() if one.is_file())
    given = [one.read_text() for one in map(Path, words) if one.suffix == ".pem" and one.is_file()]
    given += [text for text in environ.values() if "PRIVATE KEY" in text]
    bodies = [line for text in given for line in text.splitlines() if len(line) > 40 and "-----" not in line]
    assert not any(line in said + written for line in [*bodies, PASSPHRASE])
    return done


def refused(done: subprocess.CompletedProcess[str], code: str) -> bool:
    return done.returncode in (1, 2, 3, 4) and f"error[{code}]" in done.stderr


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256", "ecdsa-p384"])
def test_what_was_signed_is_verified_and_run(folder: Path, keys: Path, kind: str) -> None:
    done = firn(folder, "sign", "--key", keys / f"{kind}.pem")
    assert done.returncode == 0, done.stderr
    verified = firn(folder, "verify", "--key", keys / f"{kind}.pub", "--json")
    (keyid,) = json.loads(verified.stdout)["signers"]
    assert done.stdout == f"compiled_artifacts.dsse.json: signed by {keyid}\n"
    assert firn(folder, "run", FIRN_REQUIRE_SIGNATURE=str(keys / f"{kind}.pub")).returncode == 0


def test_openssl_finds_the_signature_right(folder: Path, keys: Path) -> None:
    """Whoever knows DSSE can check it: nothing here is Firn's own."""
    firn(folder, "sign", "--key", keys / "ecdsa-p256.pem")
    envelope = envelope_of(envelope_path(folder / "compiled_artifacts.json").read_bytes())
    body, type = envelope.payload, envelope.type
    (folder / "message").write_bytes(f"DSSEv1 {len(type)} {type} {len(body)} ".encode() + body)
    (folder / "signature").write_bytes(envelope.signatures[0].value)
    words = f"openssl dgst -sha256 -verify {keys}/ecdsa-p256.pub -signature signature message"
    told = subprocess.run(words, shell=True, cwd=folder, capture_output=True, text=True, check=True)
    assert told.stdout == "Verified OK\n"


def test_the_envelope_holds_the_statement_byte_for_byte_and_nothing_of_the_key(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    written = envelope_path(folder / "compiled_artifacts.json")
    assert envelope_of(written.read_bytes()).payload == statement_path(folder / "compiled_artifacts.json").read_bytes()
    assert set(json.loads(written.read_bytes())) == {"payload", "payloadType", "signatures"}
    assert {one.name for one in folder.iterdir()} == {f"compiled_artifacts{x}.json" for x in ("", ".intoto", ".dsse")}


def test_a_second_signature_is_added_and_the_same_key_signs_once(folder: Path, keys: Path) -> None:
    counts = [
        json.loads(firn(folder, "sign", "--key", keys / f"{name}.pem", "--json").stdout)["signatures"]
        for name in ("ed25519", "ecdsa-p256", "ed25519")
    ]
    assert counts == [1, 2, 2]
    both = ("--key", keys / "ed25519.pub", "--key", keys / "ecdsa-p256.pub")
    assert firn(folder, "verify", *both).stdout.count("signed by") == 2


def test_two_who_sign_at_the_same_moment_lose_no_signature(
    folder: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes where the first has read which signatures there are, and is about to add its own."""
    replace = signing._replace

    def sign(name: str) -> None:
        signing.sign(folder / "compiled_artifacts.json", signer((keys / f"{name}.pem").read_bytes(), None))

    second = threading.Thread(target=sign, args=("ecdsa-p256",))

    def late(place: Path, content: bytes) -> None:
        monkeypatch.setattr(signing, "_replace", replace)
        second.start()
        second.join(0.5)
        replace(place, content)

    monkeypatch.setattr(signing, "_replace", late)
    sign("ed25519")
    second.join()
    both = ("--key", keys / "ed25519.pub", "--key", keys / "ecdsa-p256.pub")
    assert firn(folder, "verify", *both).stdout.count("signed by") == 2


def test_an_envelope_that_is_full_takes_no_more_signatures(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    place = envelope_path(folder / "compiled_artifacts.json")
    envelope = json.loads(place.read_bytes())
    envelope["signatures"] = [{"keyid": f"{number}", "sig": "AAAA"} for number in range(64)]
    place.write_text(json.dumps(envelope))
    done = firn(folder, "sign", "--key", keys / "ed25519.pem")
    assert refused(done, "R114"), done.stderr
    assert "holds 64 signatures" in done.stderr
    assert len(json.loads(place.read_bytes())["signatures"]) == 64


def test_signatures_of_an_envelope_that_is_none_do_not_stay(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ecdsa-p256.pem")
    place = envelope_path(folder / "compiled_artifacts.json")
    place.write_text(
        place.read_text().replace('"keyid": "', '"keyid": "\\ud800').replace('"keyid":"', '"keyid":"\\ud800')
    )
    done = firn(folder, "sign", "--key", keys / "ed25519.pem", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["signatures"] == 1
    assert firn(folder, "verify", "--key", keys / "ed25519.pub").returncode == 0


def test_signatures_over_another_statement_do_not_stay(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    artifact = folder / "compiled_artifacts.json"
    statement_path(artifact).write_bytes(statement(artifact.read_bytes(), predicate={"again": True}))
    done = firn(folder, "sign", "--key", keys / "ecdsa-p256.pem", "--json")
    assert json.loads(done.stdout)["signatures"] == 1


@pytest.mark.parametrize("reference", ["release", "release/key"])
@pytest.mark.parametrize("from_mount", [False, True])
def test_key_and_passphrase_may_be_secrets(folder: Path, keys: Path, reference: str, from_mount: bool) -> None:
    text, variable = (keys / "encrypted.pem").read_text(), reference.upper().replace("/", "_")
    environ = {"PASS": PASSPHRASE}
    if from_mount:
        (folder / "mount").mkdir()
        (folder / "mount" / reference.replace("/", "_")).write_text(text)
        environ["CREDENTIALS_DIRECTORY"] = str(folder / "mount")
    else:
        environ[variable] = text
    done = firn(folder, "sign", "--key-ref", reference, "--passphrase-ref", "pass", **environ)
    assert done.returncode == 0, done.stderr
    assert firn(folder, "verify", "--key", keys / "encrypted.pub").returncode == 0


@pytest.mark.parametrize(
    ("words", "environ", "code"),
    [
        (["--key", "{keys}/encrypted.pem"], {}, "R114"),
        (["--key", "{keys}/encrypted.pem", "--passphrase-ref", "pass"], {"PASS": "wrong-passphrase"}, "R114"),
        (["--key", "{keys}/ed25519.pem", "--passphrase-ref", "pass"], {"PASS": PASSPHRASE}, "R114"),
        (["--key", "{keys}/encrypted.pem", "--passphrase-ref", "pass"], {}, "R201"),
        (["--key", "{keys}/encrypted.pem", "--passphrase-ref", PASSPHRASE], {}, "R114"),
        (["--key-ref", "../etc"], {}, "R114"),
        (["--key-ref", "release"], {}, "R201"),
        (["--key-ref", "release"], {"RELEASE": "no key at all"}, "R114"),
        (["--key", "{keys}/rsa.pem"], {}, "R114"),
        (["--key", "{keys}/p521.pem"], {}, "R114"),
        (["--key", "{keys}/ed25519.pub"], {}, "R114"),
        (["--key", "{keys}/missing.pem"], {}, "R114"),
        (["--key", "/dev/zero"], {}, "R114"),
        (["--key", "."], {}, "R114"),
    ],
)
def test_a_private_key_that_cannot_be_used_is_refused_and_never_shown(
    folder: Path, keys: Path, words: list[str], environ: dict[str, str], code: str
) -> None:
    done = firn(folder, "sign", *(word.format(keys=keys) for word in words), **environ)
    assert refused(done, code), done.stderr
    assert not envelope_path(folder / "compiled_artifacts.json").exists()


@pytest.mark.parametrize("words", [[], ["--key", "x", "--key-ref", "y"]])
def test_one_private_key_is_named(folder: Path, words: list[str]) -> None:
    assert firn(folder, "sign", *words).returncode == 2


def pipe_for_a_statement(artifact: Path) -> None:
    statement_path(artifact).unlink()
    os.mkfifo(statement_path(artifact))


@pytest.mark.parametrize(
    "change",
    [
        lambda artifact: statement_path(artifact).unlink(),
        lambda artifact: statement_path(artifact).write_bytes(b"{}"),
        lambda artifact: statement_path(artifact).write_bytes(statement(b"another artifact")),
        pipe_for_a_statement,
        lambda artifact: artifact.write_bytes(spelled(payload(job("b")))),
    ],
)
def test_only_a_statement_about_this_artifact_is_signed(folder: Path, keys: Path, change: Any) -> None:
    change(folder / "compiled_artifacts.json")
    assert refused(firn(folder, "sign", "--key", keys / "ed25519.pem"), "R115")


def test_a_damaged_artifact_is_not_signed(folder: Path, keys: Path) -> None:
    artifact = folder / "compiled_artifacts.json"
    artifact.write_bytes(artifact.read_bytes() + b"\n")
    statement_path(artifact).write_bytes(statement(artifact.read_bytes()))
    assert refused(firn(folder, "sign", "--key", keys / "ed25519.pem"), "R104")


@pytest.mark.parametrize("name", ["rsa.pub", "p521.pub", "ed25519.pem", "encrypted.pem", "missing.pub"])
def test_a_public_key_that_cannot_be_used_is_refused_and_never_shown(folder: Path, keys: Path, name: str) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    for words in (["verify", "--key"], ["run", "--require-signature"], ["preflight", "--require-signature"]):
        assert refused(firn(folder, *words, keys / name), "R114")


@pytest.mark.parametrize(
    "words",
    [["run"], ["run", "--dry-run"], ["preflight"], ["verify"], ["runs"], ["unlock"], ["unlock", "x"], ["watermarks"]],
)
def test_every_command_that_acts_asks_for_the_signature(folder: Path, keys: Path, words: list[str]) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    done = firn(folder, *words, FIRN_REQUIRE_SIGNATURE=str(keys / "ecdsa-p256.pub"))
    assert refused(done, "R113"), done.stdout + done.stderr
    assert not (folder / ".firn").exists()
    assert not refused(firn(folder, *words, FIRN_REQUIRE_SIGNATURE=str(keys / "ed25519.pub")), "R113")


def test_an_option_does_not_take_back_what_the_environment_asks_for(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    environ = {"FIRN_REQUIRE_SIGNATURE": str(keys / "ecdsa-p256.pub")}
    assert refused(firn(folder, "run", "--require-signature", keys / "ed25519.pub", **environ), "R113")
    assert refused(firn(folder, "verify", "--key", keys / "ed25519.pub", **environ), "R113")


def test_without_the_extra_it_is_said_what_to_install(folder: Path, keys: Path) -> None:
    firn(folder, "sign", "--key", keys / "ed25519.pem")
    script = "import sys; sys.modules['cryptography'] = None; from firn_runtime.cli import main; main()"
    for words in (["verify", "--key", keys / "ed25519.pub"], ["sign", "--key", keys / "ed25519.pem"]):
        command = [sys.executable, "-c", script, *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error[R114]: signatures need the extra `signing`" in done.stderr


def test_a_run_that_nobody_asks_a_signature_of_imports_nothing_for_it(folder: Path) -> None:
    script = """
import sys
from firn_runtime.cli import firn
try:
    firn.main(["run"], standalone_mode=False)
except SystemExit:
    pass
print([name for name in sys.modules if name in ("cryptography", "firn_runtime.signatures", "firn_runtime.dsse")])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_envelope_that_cannot_be_written_leaves_nothing_half_done(folder: Path, keys: Path) -> None:
    envelope_path(folder / "compiled_artifacts.json").mkdir()
    before = sorted(folder.iterdir())
    assert refused(firn(folder, "sign", "--key", keys / "ed25519.pem"), "R114")
    assert sorted(folder.iterdir()) == before
