"""`firn help`: the page of a code, readable on a terminal, as it is written elsewhere."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from firn_compiler.cli import help_command
from firn_compiler.manual import PAGES, codes, contents, title
from firn_compiler.render.page import as_text
from firn_runtime.cli import COMPILER_COMMANDS

DOCS = Path(__file__).parents[2] / "docs/diagnostics"
MARKDOWN = """\
# E999: a **bold** title

A paragraph that is long enough to be filled, with [a link](../x.md) and `code span` in it.

Wrong:

```yaml
# flow.yaml
steps: []

jobs: []
```

- one
- two that
  goes on

| key | type | default | meaning |
| --- | --- | --- | --- |
| `host` | text | required | Where it is, in words that go on and on. |
| `password` | `a`, `b` | `a` | As whom. |

| name | type |
| --- | --- |
| `rows` | integer |
"""


def asked(*words: str) -> Result:
    return CliRunner().invoke(help_command, words)


def test_a_pipe_gets_the_page_as_it_is_written() -> None:
    for code in ("E301", "e301"):
        assert asked(code).stdout == (DOCS / "E301.md").read_text()


def test_codes_of_warnings_and_of_the_runtime_have_pages_too() -> None:
    assert asked("W301").stdout.startswith("# W301: ")
    assert asked("R201").stdout.startswith("# R201: ")


def test_connectors_steps_and_parts_of_a_platform_have_pages_by_each_of_their_names() -> None:
    for word, first in {
        "db/postgres": "# db / postgres",
        "postgresql": "# db / postgres",
        "Write": "# write",
        "db": "# Connectors",
        "steps": "# Steps",
        "polaris": "# catalogs",
        "oauth2": "# credentials",
    }.items():
        said = asked(word).stdout
        assert said.startswith(first + "\n")
        assert "<!--" not in said


def test_a_misspelt_name_is_answered_with_the_closest() -> None:
    for wrong, right in {"wirte": "write", "postgress": "postgres", "db/sqlite": "db/sqlite3"}.items():
        assert f"there is no page `{wrong}`; did you mean `{right}`?" in asked(wrong).stderr


def test_alone_it_lists_every_code_once_with_its_title() -> None:
    result = asked()
    assert result.exit_code == 0
    listed = re.findall(r"^  ([EWR]\d{3})  (.+)$", result.stdout, re.MULTILINE)
    assert sorted(listed) == [(code, title(code)) for code in codes()]
    assert "Others" not in contents()


def test_an_unknown_code_is_a_usage_error_that_names_the_closest() -> None:
    result = asked("E3011")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no page `E3011`; did you mean `E301`?" in result.stderr


def test_a_word_that_is_no_code_is_answered_with_what_helps() -> None:
    for word in ("compile", "../README", "x"):
        result = asked(word)
        assert result.exit_code == 2
        assert "`firn help` lists them; a command explains itself with `--help`" in result.stderr


def test_the_pages_of_the_package_are_those_of_the_docs() -> None:
    assert {one.name: one.resolve() for one in PAGES.iterdir()} == {
        name: DOCS.parent / name for name in ("connectors", "diagnostics", "platform", "steps")
    }
    assert codes() == sorted(page.stem for page in DOCS.glob("[EWR][0-9]*.md"))


def test_the_runtime_knows_that_the_command_comes_with_the_compiler() -> None:
    assert "help" in COMPILER_COMMANDS


def test_a_page_becomes_text_with_filled_prose_and_indented_code() -> None:
    assert (
        as_text(MARKDOWN, width=40, colour=False)
        == """\
E999: a bold title

A paragraph that is long enough to be
filled, with a link and `code span` in
it.

Wrong:

    # flow.yaml
    steps: []

    jobs: []

- one
- two that goes on

host      text, required
    Where it is, in words that go on and
    on.
password  a, b, default a
    As whom.

rows  integer
"""
    )


def test_only_the_title_is_coloured() -> None:
    text = as_text(MARKDOWN, width=40, colour=True)
    assert text.startswith("\x1b[1mE999: a bold title\x1b[0m\n")
    assert text.count("\x1b") == 2


def test_a_terminal_gets_text_without_fences() -> None:
    ours, theirs = pty.openpty()
    script = "import sys; from firn_compiler.cli import help_command; help_command(sys.argv[1:])"
    child = subprocess.Popen([sys.executable, "-c", script, "E301"], stdout=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # Linux's word for the end of a terminal
        pass
    os.close(ours)
    assert child.wait() == 0
    assert "\x1b[1mE301: " in shown.decode()
    assert "```" not in shown.decode()
