"""Env files: dotenv, JSON and folders below the real environment; no value and no line of a file in any message."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firn_runtime.env_files import EnvFile, parse_spec, with_env_files
from firn_runtime.errors import InputsMissing, UsageError
from runtime.volumes import CANARY, publish

NUMBER = '{"A": 1}'


def variables(*specs: object, **environ: str) -> Mapping[str, str]:
    return with_env_files(environ, [parse_spec(str(spec)) for spec in specs])


def complaint(spec: object) -> str:
    with pytest.raises(InputsMissing) as caught:
        variables(spec)
    text = f"{caught.value} {caught.value.help}"
    assert CANARY not in text
    assert (caught.value.code, caught.value.exit_code) == ("R206", 4)
    return text


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_environment_wins_and_a_later_file_over_an_earlier_one(tmp_path: Path) -> None:
    one = file(tmp_path, "one.env", "A=one\nB=one\nC=one\n")
    two = file(tmp_path, "two.json", '{"B": "two", "C": "two"}')
    assert variables(one, two, C="real", D="real") == {"A": "one", "B": "two", "C": "real", "D": "real"}


def test_the_snapshot_cannot_be_changed_and_the_environment_of_the_process_is_not(tmp_path: Path) -> None:
    before = dict(os.environ)
    found = variables(file(tmp_path, "a.env", "FIRN_TEST_ONLY=1"))
    assert found["FIRN_TEST_ONLY"] == "1"
    with pytest.raises(TypeError):
        found["FIRN_TEST_ONLY"] = "2"  # type: ignore[index]  # that is what is tried
    assert dict(os.environ) == before


def test_a_dotenv_file_is_read_as_its_users_expect(tmp_path: Path) -> None:
    text = "\ufeff# a comment\r\nexport A=plain # said\r\n\nB='single $A ${A}' \nC=\"two\\nlines\"\n"
    text += "D=\nE=a=b#c\nF='x\ny'\nA=again\n"
    assert variables(file(tmp_path, ".env", text)) == {
        "A": "again",
        "B": "single $A ${A}",
        "C": "two\nlines",
        "D": "",
        "E": "a=b#c",
        "F": "x\ny",
    }


def test_nothing_inside_of_a_value_is_replaced(tmp_path: Path) -> None:
    assert variables(file(tmp_path, "a.env", 'A="${HOME} $HOME"'), HOME="h")["A"] == "${HOME} $HOME"


def test_json_gives_numbers_and_booleans_as_it_spells_them(tmp_path: Path) -> None:
    text = '{"A": "ü", "B": 1.0, "C": 1e5, "D": true, "E": false, "F": 123456789012345678901234567890, "G": ""}'
    assert variables(file(tmp_path, "a.json", text)) == {
        "A": "ü",
        "B": "1.0",
        "C": "1e5",
        "D": "true",
        "E": "false",
        "F": "123456789012345678901234567890",
        "G": "",
    }


def test_a_folder_gives_its_files(tmp_path: Path) -> None:
    for name, text in {"A": "one\n", "B": "two\r\n", "C": "x\n\n", "D": ""}.items():
        file(tmp_path, name, text)
    assert variables(tmp_path) == {"A": "one", "B": "two", "C": "x\n", "D": ""}


def test_a_folder_may_be_a_volume(tmp_path: Path) -> None:
    publish(tmp_path / "config", {"A": "one", "B": "two"})
    assert variables(tmp_path / "config") == {"A": "one", "B": "two"}
    publish(tmp_path / "config", {"A": "three", "B": "four"})
    assert variables(tmp_path / "config") == {"A": "three", "B": "four"}


def test_a_volume_that_is_replaced_meanwhile_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    def replace() -> None:
        for number in range(1, 300):
            publish(tmp_path, dict.fromkeys("ABCDEFGH", f"{number}"))

    publish(tmp_path, dict.fromkeys("ABCDEFGH", "0"))
    writer = threading.Thread(target=replace)
    writer.start()
    while writer.is_alive():
        try:
            found = variables(tmp_path)
        except InputsMissing as error:
            failure = str(error)
        else:
            assert "".join(sorted(found)) == "ABCDEFGH"
            assert len(set(found.values())) == 1
            continue
        assert "was replaced while it was read" in failure
    writer.join()
    assert variables(tmp_path)["A"] == "299"


def test_a_file_of_a_volume_is_read_through_its_links(tmp_path: Path) -> None:
    publish(tmp_path, {"app.env": "A=one"})
    assert variables(tmp_path / "app.env") == {"A": "one"}


def test_the_format_may_be_said(tmp_path: Path) -> None:
    assert variables(f"{file(tmp_path, 'a', NUMBER)},format=json") == {"A": "1"}
    assert variables(f"{file(tmp_path, 'b.json', 'A=1')},format=dotenv") == {"A": "1"}
    assert "is not a folder" in complaint(f"{tmp_path}/a,format=folder")
    assert "is not a regular file" in complaint(f"{tmp_path},format=json")


def test_a_prefix_stands_before_each_name(tmp_path: Path) -> None:
    path = file(tmp_path, "a.json", '{"HOST": "h", "1": "one"}')
    assert variables(f"{path},prefix=SHOP_") == {"SHOP_HOST": "h", "SHOP_1": "one"}


def test_only_an_optional_file_may_be_missing(tmp_path: Path) -> None:
    assert variables(f"{tmp_path}/a.env,optional", f"{tmp_path}/d,optional,format=folder", A="real") == {"A": "real"}
    assert f"the env file `{tmp_path}/a.env` is missing" in complaint(tmp_path / "a.env")
    assert f"the env file `{tmp_path}/d` is missing" in complaint(f"{tmp_path}/d,format=folder")
    file(tmp_path, "a.env", "A")
    assert "line 1" in complaint(f"{tmp_path}/a.env,optional")


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file(tmp_path, "broken.json", "{")
    with pytest.raises(InputsMissing) as caught:
        variables(tmp_path / "gone.env", tmp_path / "broken.json")
    assert "gone.env` is missing\n" in str(caught.value)
    assert "broken.json` is not JSON (line 1)" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"A=1\n\n# {CANARY}\n\n{CANARY}\n", "line 5 is not `NAME=value`"),
        (f"A=1\nB='{CANARY}\nC=2\n", "line 2 is not `NAME=value`"),
        (f'A="{CANARY}" {CANARY}', "line 1 is not `NAME=value`"),
        (f"A=1\n{CANARY}={CANARY}", "at line 2, the name does not fit"),
        (f"A=1\nB={CANARY}\0", "at line 2, the value holds a NUL byte"),
        (f"A=1\nB={CANARY * 6000}", "at line 2, the value is larger than 64 KiB"),
        (CANARY.encode() + b"\xff", "is not UTF-8 text"),
        (f"A={CANARY}\n" * 80_000, "is larger than 1 MiB"),
        ("".join(f"A{number}=1\n" for number in range(10_001)), "sets more than 10,000 variables"),
    ],
    ids=range(9),
)
def test_a_dotenv_file_that_cannot_be_used(tmp_path: Path, content: str | bytes, why: str) -> None:
    assert f"{why}" in complaint(file(tmp_path, "a.env", content))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is not JSON (line 1)"),
        (f'{{"A": 1,\n"B": {CANARY}}}', "is not JSON (line 2)"),
        (f'["{CANARY}"]', "is not one JSON object"),
        (f'"{CANARY}"', "is not one JSON object"),
        (f'{{"A": 1, "B": {{"C": "{CANARY}"}}}}', "the value of member 2 is not text, a number, true or false"),
        (f'{{"A": ["{CANARY}"]}}', "the value of member 1 is not text, a number, true or false"),
        ('{"A": null}', "the value of member 1 is not text, a number, true or false"),
        (f'{{"A": 1, "A": "{CANARY}"}}', "at member 2, the name stands there twice"),
        (f'{{"{CANARY}": 1}}', "at member 1, the name does not fit"),
        ('{"": 1}', "at member 1, the name does not fit"),
        (f'{{"A": "{CANARY}\\u0000"}}', "at member 1, the value holds a NUL byte"),
        (f'{{"A": "{CANARY}\\ud800"}}', "at member 1, the value is not UTF-8 text"),
        ('{"A": NaN}', "is not JSON"),
        ('{"A":' * 100_000, "is not JSON"),
    ],
    ids=range(14),
)
def test_a_json_file_that_cannot_be_used(tmp_path: Path, content: str, why: str) -> None:
    assert why in complaint(file(tmp_path, "a.json", content))


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    file(tmp_path, "outside", CANARY)
    (inside / "A").symlink_to("../outside")
    assert "`A` in it leads out of its mount" in complaint(inside)
    (inside / "A").unlink()
    os.mkfifo(inside / "A")
    assert "`A` in it is not a regular file" in complaint(inside)
    (inside / "A").unlink()
    (inside / "A").mkdir()
    assert "`A` in it is not a regular file" in complaint(inside)
    (inside / "A").rmdir()
    file(inside, "A", b"\xff" + CANARY.encode())
    assert "`A` in it is binary (it is not UTF-8)" in complaint(inside)
    (inside / "A").unlink()
    file(inside, "a-b", CANARY)
    assert "at `a-b`, the name does not fit" in complaint(inside)


def test_a_fifo_is_no_env_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.env")
    assert "is not a regular file" in complaint(tmp_path / "a.env")


def test_a_folder_of_ten_thousand_files_is_the_largest(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("value")
    for number in range(10_000):
        (tmp_path / f"V{number}").symlink_to("shared") if number % 2 else (tmp_path / f"V{number}").write_text("value")
    (tmp_path / "shared").rename(tmp_path / "..shared")
    for number in range(1, 10_000, 2):
        (tmp_path / f"V{number}").unlink()
        (tmp_path / f"V{number}").symlink_to("..shared")
    assert len(variables(tmp_path)) == 10_000
    file(tmp_path, "V", "value")
    assert "sets more than 10,000 variables" in complaint(tmp_path)


def test_all_files_of_a_folder_together_have_a_limit(tmp_path: Path) -> None:
    for number in range(17):
        file(tmp_path, f"V{number}", CANARY[0] * 64 * 1024)
    assert "is larger than 1 MiB" in complaint(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    file(tmp_path, "a.env", CANARY).chmod(0)
    assert "cannot be read (Permission denied)" in complaint(f"{tmp_path}/a.env,optional")


@pytest.mark.parametrize(
    "spec",
    [
        "",
        ",optional",
        "a.env,",
        "a.env,optional=yes",
        "a.env,optional,optional",
        "a.env,prefix",
        "a.env,prefix=",
        "a.env,prefix=1A",
        "a.env,prefix=A-",
        "a.env,format=yaml",
        "a.env,format",
        f"a.env,{CANARY}",
    ],
)
def test_a_word_that_is_not_understood_is_refused(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    assert (caught.value.code, caught.value.exit_code) == ("R206", 2)
    assert CANARY not in f"{caught.value} {caught.value.help}"


def test_a_spec_is_a_value() -> None:
    assert parse_spec("a/b.env,format=dotenv,optional,prefix=A_") == EnvFile(Path("a/b.env"), "A_", True, "dotenv")
    assert parse_spec("a=b.env") == EnvFile(Path("a=b.env"))


def test_without_python_dotenv_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    file(tmp_path, "a.env", f"A={CANARY}")
    program = (
        "import sys; sys.modules['dotenv'] = None\n"
        "from firn_runtime.env_files import parse_spec, with_env_files\n"
        "from firn_runtime.errors import FirnError\n"
        "try: with_env_files({}, [parse_spec(sys.argv[1])])\n"
        "except FirnError as error: print(error.code, error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a.env"], capture_output=True, text=True, check=True
    )
    assert (
        answer.stdout
        == f'R206 the env file `{tmp_path}/a.env` needs python-dotenv: pip install "firn-runtime[dotenv]"\n'
    )


@given(
    st.dictionaries(st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True), st.text(st.characters(codec="utf-8")))
)
def test_whatever_a_json_file_or_a_folder_holds_comes_out(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    import json

    values = {name: text.replace("\0", "") for name, text in values.items()}
    folder = tmp_path_factory.mktemp("env")
    assert variables(file(folder, "a.json", json.dumps(values))) == values
    (folder / "inside").mkdir()
    for name, text in values.items():
        file(folder / "inside", name, f"{text}\r\n")
    assert variables(folder / "inside") == values


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("env")
    for name in ("a.env", "a.json"):
        path = file(folder, name, content)
        try:
            found = variables(path)
        except InputsMissing:
            continue
        assert all(type(text) is str for pair in found.items() for text in pair)
