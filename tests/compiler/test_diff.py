"""`firn diff` and `firn compile --check`: what changed in meaning, and whether anything did."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from compiler.projects import FLOW, PLATFORM, compiled
from firn_compiler.cli import compile_command
from firn_compiler.commands.diff import diff_command

JOBS = """\
name: hello
version: "1.0.0"
jobs:
  - id: a
    steps:
      - id: one
        type: sql
        inputs: {sql: select 1 as x}
      - id: two
        type: sql
        inputs: {sql: "select 2 as y, 'a' as z"}
  - id: b
    steps:
      - id: n
        type: sql
        inputs: {sql: select 3 as z}
      - id: publish
        type: write
        inputs: {from: n, resource: storage, path: z.parquet, mode: replace}
"""
ONE = "      - id: one\n        type: sql\n        inputs: {sql: select 1 as x}\n"
TWO = "      - id: two\n        type: sql\n        inputs: {sql: \"select 2 as y, 'a' as z\"}\n"
A, B = JOBS[JOBS.index("  - id: a") : JOBS.index("  - id: b")], JOBS[JOBS.index("  - id: b") :]
SECRET = """\
  shop: {type: postgres, config: {host: h, database: d, user: u, password: {secret_ref: NAME, key: password}}}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(name: str, flow: str = FLOW, platform: str = PLATFORM, **variables: Any) -> str:
    """Compile texts into an artifact of that name."""
    result = compiled(flow, platform, **variables)
    assert result.artifact is not None, result.diagnostics
    Path(name).write_bytes(result.artifact)
    return name


def diff(*words: str) -> Result:
    return CliRunner().invoke(diff_command, words)


def said(old: str, new: str) -> tuple[int, str]:
    result = diff(old, new)
    assert result.stderr == ""
    return result.exit_code, result.stdout


def rows(old: str, new: str) -> tuple[int, Any]:
    result = diff(old, new, "--format", "json")
    assert result.stderr == ""
    return result.exit_code, json.loads(result.stdout)["changes"]


def check(*words: str) -> Result:
    Path("flow.yaml").write_text(FLOW)
    Path("platform.yaml").write_text(PLATFORM)
    return CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml", "--no-cache", "--check", *words])


SAME = [
    FLOW,
    "# a comment\n" + FLOW,
    FLOW.replace("\n", "\r\n"),
    FLOW.replace("orders.csv", '"orders.csv"'),
    FLOW.replace("{profile: files}", "\n    # why\n    profile: files"),
    "\ufeff---\n" + FLOW + "...\n",
]


@pytest.mark.parametrize("flow", SAME, ids=["itself", "comment", "line endings", "quotes", "block", "markers"])
def test_what_means_the_same_is_no_difference(flow: str) -> None:
    old, new = made("old.json"), made("new.json", flow)
    assert said(old, new) == (0, "no difference in meaning\n")
    assert rows(old, new) == (0, [])


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (
            JOBS.replace("select 1 as x", "select 7 as x"),
            "flow hello: what comes out\n"
            '  changed  flows.hello.jobs.a.steps.one.inputs.sql  "select 1 as x" → "select 7 as x"\n',
        ),
        (
            JOBS.replace(TWO, ""),
            "flow hello: what comes out, how the work is done, only words\n  removed  flows.hello.jobs.a.steps.two\n",
        ),
        (
            JOBS.replace(ONE, ONE + ONE.replace("one", "more")),
            "flow hello: what comes out, how the work is done, only words\n  added    flows.hello.jobs.a.steps.more\n",
        ),
        (
            JOBS.replace(ONE + TWO, TWO + ONE),
            'flow hello: what comes out\n  changed  flows.hello.jobs.a.steps  ["one", "two"] → ["two", "one"]\n',
        ),
        (
            JOBS.replace(TWO, "").replace("      - id: publish", TWO + "      - id: publish"),
            "flow hello: what comes out, how the work is done, only words\n"
            "  removed  flows.hello.jobs.a.steps.two\n"
            "  added    flows.hello.jobs.b.steps.two\n",
        ),
        (
            JOBS.replace("id: one", "id: uno"),
            "flow hello: what comes out\n"
            "  removed  flows.hello.jobs.a.steps.one\n"
            "  added    flows.hello.jobs.a.steps.uno\n",
        ),
        (
            JOBS.replace(A + B, B + A),
            'flow hello: what comes out, how the work is done\n  changed  flows.hello.jobs  ["a", "b"] → ["b", "a"]\n',
        ),
        (
            JOBS.replace("  - id: b\n", "  - id: b\n    depends_on: [a]\n    timeout: 5m\n"),
            "flow hello: what comes out, how the work is done\n"
            '  changed  flows.hello.jobs.b.depends_on  [] → ["a"]\n'
            "  added    flows.hello.jobs.b.timeout  300\n",
        ),
        (
            JOBS.replace("  - id: b\n", "  - id: b\n    timeout: 5m\n"),
            "flow hello: how the work is done\n  added    flows.hello.jobs.b.timeout  300\n",
        ),
        (
            JOBS + "owner: me\n",
            'flow hello: only words\n  added    flows.hello.owner  "me"\n',
        ),
        (
            JOBS.replace('"1.0.0"', '"1.0.1"'),
            'flow hello: what comes out\n  changed  flows.hello.version  "1.0.0" → "1.0.1"\n',
        ),
        (
            JOBS.replace("name: hello", "name: hallo"),
            "  added    flows.hallo\n  removed  flows.hello\n",
        ),
        (
            JOBS.replace(
                "{sql: select 1 as x}", "\n          sql: |\n            select 1 as x,\n              2 as y"
            ),
            "flow hello: what comes out\n"
            "  changed  flows.hello.jobs.a.steps.one.inputs.sql\n"
            "           - select 1 as x\n"
            "           + select 1 as x,\n"
            "           +   2 as y\n",
        ),
        (
            JOBS.replace("select 1 as x", f"select '{'é' * 60}' as x"),
            "flow hello: what comes out\n"
            "  changed  flows.hello.jobs.a.steps.one.inputs.sql  "
            f'"select 1 as x" → "select \'{"é" * 50}…\n',
        ),
    ],
    ids=[
        "a query",
        "a step less",
        "a step more",
        "steps in another order",
        "a step in another job",
        "a step of another name",
        "jobs in another order",
        "an edge",
        "a limit",
        "a word for people",
        "a version",
        "a flow of another name",
        "a text of several lines",
        "a long text",
    ],
)
def test_a_change_of_the_flow_is_named_by_ids(flow: str, text: str) -> None:
    assert said(made("old.json", JOBS), made("new.json", flow)) == (1, text)


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        (
            PLATFORM.replace("root: data", "root: elsewhere"),
            "flow hello: what comes out\n"
            "resource src: what comes out\n"
            '  changed  resources.src.config.root  "data" → "elsewhere"\n',
        ),
        (
            PLATFORM.replace("{root: data}", "{root: data}, options: {compression: gzip}"),
            "flow hello: how the work is done\n"
            "resource src: how the work is done\n"
            '  changed  resources.src.options.compression  "auto" → "gzip"\n',
        ),
        (
            PLATFORM.replace("environment: test", "environment: prod"),
            '  changed  environment  "test" → "prod"\n',
        ),
        (
            PLATFORM.replace("root: data", "root: '{{ env.ROOT:x }}'"),
            "flow hello: what comes out\n"
            "resource src: what comes out\n"
            '  changed  resources.src.config.root  "data" → {"$env": {"default": "x", "name": "ROOT"}}\n',
        ),
        (
            PLATFORM + "workspace: {cleanup: always}\n",
            '  changed  workspace.cleanup  "on_success" → "always"\n',
        ),
    ],
    ids=["a setting", "an option", "the environment", "a variable of the run", "the workspace"],
)
def test_a_change_of_the_platform_is_named_by_resources(platform: str, text: str) -> None:
    assert said(made("old.json"), made("new.json", platform=platform)) == (1, text)


def test_a_secret_is_named_as_operations_mount_it() -> None:
    flow = FLOW.replace("profile: files", "profile: shop").replace("path: orders.csv", "table: orders")
    old = made("old.json", flow, PLATFORM + SECRET.replace("NAME", "shop-a"))
    new = made("new.json", flow, PLATFORM + SECRET.replace("NAME", "shop-b"))
    assert said(old, new) == (
        1,
        "flow hello: what comes out\n"
        "resource src: what comes out\n"
        '  changed  resources.src.config.password.$secret.ref  "shop-a" → "shop-b"\n'
        "secrets: needs now shop-b/password\n"
        "secrets: no longer needs shop-a/password\n",
    )


def test_both_directions_say_the_same_turned_round() -> None:
    old, new = made("old.json", JOBS), made("new.json", JOBS.replace(TWO, "").replace("select 3", "select 4"))
    there, back = rows(old, new)[1], rows(new, old)[1]
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert [(one["path"], turned[one["kind"]], one["new"], one["old"]) for one in there] == [
        (one["path"], one["kind"], one["old"], one["new"]) for one in back
    ]


def test_machines_are_told_every_value() -> None:
    new = made("new.json", JOBS.replace("select 1 as x", "select 7 as x").replace(TWO, "") + "owner: me\n")
    code, found = rows(made("old.json", JOBS), new)
    assert code == 1
    assert [(one["path"], one["kind"], one["old"], one["new"]) for one in found if one["path"] != "sources"] == [
        ("flows.hello.jobs.a.steps.one.inputs.sql", "changed", "select 1 as x", "select 7 as x"),
        ("flows.hello.jobs.a.steps.two", "removed", found[1]["old"], None),
        ("flows.hello.owner", "added", None, "me"),
    ]
    assert found[1]["old"]["inputs"] == {"sql": "select 2 as y, 'a' as z"}


def test_many_changes_are_cut_in_the_text_and_not_for_machines() -> None:
    steps = "".join(f"  - {{id: s{i:02}, type: sql, inputs: {{sql: select 1 as x}}}}\n" for i in range(60))
    old = made("old.json", f'name: hello\nversion: "1.0.0"\nsteps:\n{steps}')
    new = made("new.json", f'name: hello\nversion: "1.0.0"\nsteps:\n{steps}'.replace("select 1", "select 2"))
    code, text = said(old, new)
    assert (code, text.count("  changed  "), text.splitlines()[-1]) == (1, 50, "and 10 more")
    assert len([one for one in rows(old, new)[1] if one["path"] != "sources"]) == 60


@pytest.mark.parametrize(
    "platform",
    [PLATFORM + "  unused: {type: local, config: {root: x}}\n", PLATFORM.replace("\nst", "\nvariables: {x: 1}\nst")],
    ids=["a connector that nobody uses", "a variable that nobody uses"],
)
def test_a_source_that_changes_nothing_is_no_difference_and_is_named(platform: str) -> None:
    old, new = made("old.json"), made("new.json", platform=platform)
    sentence = "no difference in meaning, only in the text of `platform.yaml`\n"
    assert said(old, new) == (0, sentence)
    assert rows(old, new) == (0, [])
    assert json.loads(diff(old, new, "--format", "json").stdout)["sources"] == ["platform.yaml"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("columns: [id, n]", "columns: [id, m]"), "flows.hello.jobs.main.steps.rows.inputs.columns"),
        (("{id: 1, v: 1}", "{id: 1, v: 3}"), "flows.hello.jobs.main.steps.rows.inputs.params.p"),
        (("lineage: 1", "lineage: 2"), "flows.hello.jobs.main.steps.rows.inputs.params.q.lineage"),
    ],
    ids=["columns of a read", "items with the same id", "a key as the compiler has it"],
)
def test_what_a_step_says_is_never_taken_for_what_follows(change: tuple[str, str], line: str) -> None:
    flow = (
        FLOW.replace("profile: files", "profile: shop")
        .replace(
            "path: orders.csv",
            "sql: 'select $p, $q', columns: [id, n], params: {p: [{id: 1, v: 1}, {id: 1, v: 2}], q: {lineage: 1}}",
        )
        .replace("id: orders", "id: rows")
        .replace("from: orders", "from: rows")
    )
    platform = PLATFORM + SECRET.replace("NAME", "shop")
    code, text = said(made("old.json", flow, platform), made("new.json", flow.replace(*change), platform))
    assert (code, text.splitlines()[1].split()[:2]) == (1, ["changed", line])


def test_what_is_in_no_fingerprint_is_shown() -> None:
    old, new = made("old.json"), made("new.json", platform=PLATFORM + "observability: {traces: true}\n")
    assert said(old, new) == (1, "  added    flows.hello.observability\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no file `other.json`: make it with `firn compile`"),
        ("", "`other.json` is not JSON"),
        ("[]", "`other.json` is not JSON of this kind"),
        ("{}", "`other.json` is not an artifact"),
        ('{"payload": {"flows": {}}}', "`other.json` is not an artifact"),
    ],
)
def test_what_is_no_artifact_is_refused(content: str | None, sentence: str) -> None:
    if content is not None:
        Path("other.json").write_text(content)
    for words in ((made("old.json"), "other.json"), ("other.json", made("old.json"))):
        result = diff(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[-1] == f"Error: {sentence}"


@pytest.mark.parametrize(
    "payload",
    [
        {"flows": {}, "resources": {}},
        {"flows": {"hello": 1}, "resources": {}, "requires": {"secrets": []}},
        {"flows": {"hello": {"jobs": []}}, "resources": {}, "requires": {"secrets": []}},
        {"flows": {}, "resources": {}, "requires": {"secrets": [{}]}},
    ],
    ids=str,
)
def test_a_payload_of_another_shape_is_refused(payload: Any) -> None:
    Path("other.json").write_text(json.dumps({"payload": payload}))
    result = diff(made("old.json"), "other.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: `other.json` ")


@pytest.mark.parametrize("format", ["firn.artifacts/2", "firn.artifacts/11", "something", ""])
def test_an_artifact_of_another_format_is_refused(format: str) -> None:
    text = Path(made("old.json")).read_text()
    Path("other.json").write_text(text.replace("firn.artifacts/1", format))
    result = diff("old.json", "other.json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_of_a_long_text_the_part_that_changed_is_shown() -> None:
    query = f"'select {', '.join(f'{number} as a{number}' for number in range(40))}"
    old, new = (JOBS.replace("select 1 as x", f"{query}, {number} as z'") for number in (7, 8))
    _, text = said(made("old.json", old), made("new.json", new))
    part = "as a35, 36 as a36, 37 as a37, 38 as a38, 39 as a39, {} as z"
    assert text.splitlines()[-1].partition(".sql  ")[2] == f'…{part.format(7)}" → …{part.format(8)}"'


def test_the_check_passes_where_the_file_is_what_would_be_written() -> None:
    made("compiled_artifacts.json")
    result = check()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("compiled_artifacts.json: hello for test\nsha256:")


def test_the_check_writes_nothing() -> None:
    made("compiled_artifacts.json", FLOW.replace("orders.csv", "other.csv"))
    before = Path("compiled_artifacts.json").read_bytes()
    assert check().exit_code == 1
    assert check("-o", "missing.json").exit_code == 1
    assert sorted(path.name for path in Path().iterdir()) == ["compiled_artifacts.json", "flow.yaml", "platform.yaml"]
    assert Path("compiled_artifacts.json").read_bytes() == before


def test_the_check_says_where_only_line_ends_were_changed() -> None:
    made("x.json", FLOW)
    Path("x.json").write_bytes(Path("x.json").read_bytes().replace(b"\n", b"\r\n"))
    result = check("-o", "x.json")
    assert result.exit_code == 1
    assert ".gitattributes" in result.stderr
    assert "compile again" not in result.stderr


def test_the_check_says_what_changed() -> None:
    made("x.json", FLOW.replace("orders.csv", "other.csv"))
    result = check("-o", "x.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.strip() for line in result.stderr.splitlines()] == [
        "error[E110]: `x.json` is not what these sources compile to",
        "help: compile again and commit the result",
        "flow hello: what comes out",
        'changed  flows.hello.jobs.main.steps.orders.inputs.path  "other.csv" → "orders.csv"',
        "",
        "1 error",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: text.replace("  ", " ", 1),
        lambda text: text.replace("firn.artifacts/1", "firn.artifacts/2"),
        lambda text: text.replace('"digest": "sha256:', '"digest": "sha256:0', 1),
        lambda text: "",
        lambda text: "[]",
        lambda text: '{"payload": 1}',
        lambda text: '{"payload": {"flows": {"hello": 1}, "resources": []}}',
    ],
    ids=["a line more", "a space less", "format", "digest", "empty", "a list", "no payload", "another shape"],
)
def test_the_check_refuses_every_other_file(change: Any) -> None:
    made("x.json")
    Path("x.json").write_text(change(Path("x.json").read_text()))
    result = check("-o", "x.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[:2] == [
        "error[E110]: `x.json` is not what these sources compile to",
        "  help: compile again and commit the result",
    ]


def test_the_check_is_a_finding_like_any_other_for_machines() -> None:
    result = check("-o", "missing.json", "--format", "json")
    (found,) = json.loads(result.stdout)["diagnostics"]
    assert (result.exit_code, result.stderr, found["code"]) == (1, "", "E110")
    assert (found["message"], found["help"]) == (
        "there is no artifact `missing.json` to compare with",
        "run `firn compile` without `--check`",
    )


def test_the_check_of_a_broken_project_says_what_is_broken_alone() -> None:
    made("compiled_artifacts.json", FLOW.replace("orders.csv", "other.csv"))
    Path("broken.yaml").write_text(FLOW.replace("mode: replace", "mode: replce"))
    Path("platform.yaml").write_text(PLATFORM)
    result = CliRunner().invoke(compile_command, ["broken.yaml", "-p", "platform.yaml", "--check", "--format", "json"])
    assert [one["code"] for one in json.loads(result.stdout)["diagnostics"]] == ["E204"]
