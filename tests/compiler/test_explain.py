"""`firn explain`: where a value comes from, asked of sources and of what was compiled from them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from firn_compiler.cli import compile_command, explain_command
from firn_compiler.explanation import RULE

CANARY = "CANARY-5up3r-s3cret"
BASE = """\
version: "1.0.0"
variables: {host: db, domain: example.com}
storage:
  default: {type: local, root: out}
connectors:
  shop_db:
    type: postgres
    config:
      host: base.example.com
      database: shop
      user: reader
      password: {secret_ref: shop-base, key: password}
    options: {connect_timeout: 30, application_name: nightly, sslmode: require}
"""
MIDDLE = """\
version: "1.0.0"
extends: ../base/platform.yaml
connectors:
  shop_db:
    config: {host: eu.example.com}
    options: {connect_timeout: 20}
    locked: [config.port, config.user]
"""
LEAF = """\
version: "1.0.0"
environment: prod
extends: ../eu/platform.yaml
connectors:
  shop_db:
    config:
      host: "{{ var.host }}.{{ var.domain }}"
      password: {secret_ref: shop-prod, key: password}
    options: {connect_timeout: 15, application_name: null}
    locked: [config.host]
"""
FLOW = """\
name: daily
version: "1.0.0"
variables: {days: 7}
resources:
  shop:
    profile: shop_db
    options: {connect_timeout: 5, sslmode: null}
  api:
    type: rest
    config: {base_url: "https://api.example.com", headers: {X.Y: dotted, X/Y: slashed, x~1y: tilde}}
steps:
  - id: orders
    type: read
    inputs: {resource: shop, table: orders, columns: [id, amount]}
    retry: {max_attempts: 3}
  - id: rates
    type: read
    inputs: {resource: api, request: {path: /rates, params: {days: "{{ var.days }}"}}}
  - id: both
    type: sql
    inputs: {sql_file: both.sql}
  - id: publish
    type: write
    inputs: {from: both, resource: storage, path: "out/{{ run.id }}.parquet", mode: replace}
"""
FILES = {
    "platform/base/platform.yaml": BASE,
    "platform/eu/platform.yaml": MIDDLE,
    "platform/prod/platform.yaml": LEAF,
    "flow.yaml": FLOW,
    "both.sql": "select orders.id from orders\n",
}
EVERY_LAYER = """\
flows.daily.resources.shop.options.connect_timeout = 5
  set by      flow.yaml:7:32
  replaces    platform/prod/platform.yaml:9:32   15
  replaces    platform/eu/platform.yaml:6:32     20
  replaces    platform/base/platform.yaml:13:32  30
  replaces    (default)                          10
"""
WITH_VARIABLES = """\
flows.daily.resources.shop.config.host = "db.example.com"
  set by      platform/prod/platform.yaml:7:13  {{ var.host }}.{{ var.domain }}
  replaces    platform/eu/platform.yaml:5:20    "eu.example.com"
  replaces    platform/base/platform.yaml:9:13  "base.example.com"

variables.domain = "example.com"
  set by      platform/base/platform.yaml:2:31

variables.host = "db"
  set by      platform/base/platform.yaml:2:19
"""
DAYS = """
flows.daily.variables.days = 7
  set by      flow.yaml:3:19
"""
ONE_LAYER = """\
flows.daily.resources.shop.config.{} = {}
  set by      platform/{}/platform.yaml:{}
"""
BOTH = pytest.mark.parametrize("asked", ["the sources", "the artifact"])
"""Ask the sources themselves, or the artifact and the map beside it."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        put(name, text)
    compile_here()
    return tmp_path


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def compile_here(*words: str) -> None:
    result = CliRunner().invoke(compile_command, ["flow.yaml", "--env", "prod", "--no-cache", *words])
    assert (result.exit_code, result.stderr) == (0, "")


def asked_for(*words: str) -> Result:
    return CliRunner().invoke(explain_command, words)


def explained(asked: str, path: str, *words: str) -> str:
    """Return what is said of a path, without the rule that ends every answer."""
    sources = ["--env", "prod"] if asked == "the sources" else []
    result = asked_for(path, *sources, *words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f"\nrule: {RULE}\n")
    return result.stdout.removesuffix(f"\nrule: {RULE}\n")


def rows(asked: str, path: str) -> Any:
    sources = ["--env", "prod"] if asked == "the sources" else []
    result = asked_for(path, *sources, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)["explanations"]


def names(asked: str, path: str) -> list[str]:
    return [row["path"].removeprefix("flows.daily.") for row in rows(asked, path)]


def refused(*words: str) -> str:
    """Return the one sentence that refuses the question."""
    result = asked_for(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    usage, sentence = result.stderr.split("\n\n")
    assert usage == "Usage: explain [OPTIONS] [SOURCE] PATH\nTry 'explain --help' for help."
    return sentence.removeprefix("Error: ").removesuffix("\n")


@BOTH
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("resources.shop.options.connect_timeout", EVERY_LAYER),
        ("flows.daily.resources.shop.options.connect_timeout", EVERY_LAYER),
        ("resources/shop/options/connect_timeout", EVERY_LAYER),
        ("resources.shop.config.host", WITH_VARIABLES),
        ("resources.shop.config.user", ONE_LAYER.format("user", '"reader"', "base", "11:13")),
        (
            "resources.shop.config.password",
            ONE_LAYER.format("password", "{secret_ref: shop-prod, key: password}", "prod", "8:17")
            + "  replaces    platform/base/platform.yaml:12:17  {secret_ref: shop-base, key: password}\n",
        ),
        (
            "jobs.main.steps.rates.inputs.request.params",
            "flows.daily.jobs.main.steps.rates.inputs.request.params.days = 7\n"
            f"  set by      flow.yaml:18:68  {{{{ var.days }}}}\n{DAYS}",
        ),
    ],
    ids=["every layer", "by the flow's name", "slashes", "variables", "one layer", "secret", "a mapping of one"],
)
def test_a_value_names_what_set_it_and_all_that_it_replaced(project: Path, asked: str, path: str, text: str) -> None:
    assert explained(asked, path) == text


def test_the_payloads_pointer_is_a_way_to_ask_for_it(project: Path) -> None:
    path = "payload.flows.daily.resources.shop.options.connect_timeout"
    assert explained("the artifact", path) == EVERY_LAYER


@BOTH
def test_machines_are_told_the_same_and_the_defaults_place_is_no_file(project: Path, asked: str) -> None:
    def at(file: str | None, line: int | None, **value: Any) -> dict[str, Any]:
        return {"file": file, "line": line, "column": 32 if line else None} | value

    assert rows(asked, "resources.shop.options.connect_timeout") == [
        {
            "path": "flows.daily.resources.shop.options.connect_timeout",
            "value": 5,
            "removed": False,
            "written": "",
            "set_by": at("flow.yaml", 7),
            "replaces": [
                at("platform/prod/platform.yaml", 9, value=15),
                at("platform/eu/platform.yaml", 6, value=20),
                at("platform/base/platform.yaml", 13, value=30),
                at(None, None, value=10),
            ],
        }
    ]


@BOTH
def test_the_text_as_it_was_written_is_told_to_machines_too(project: Path, asked: str) -> None:
    row, *variables = rows(asked, "resources.shop.config.host")
    assert (row["value"], row["written"]) == ("db.example.com", "{{ var.host }}.{{ var.domain }}")
    assert {one["path"]: one["value"] for one in variables} == {
        "variables.domain": "example.com",
        "variables.host": "db",
    }
    (row,) = rows(asked, "jobs.main.steps.publish.inputs.path")
    assert row["value"]["$concat"] == ["out/", {"$ref": "run.id"}, ".parquet"]
    assert row["written"] == "out/{{ run.id }}.parquet"


@BOTH
def test_a_null_of_the_flow_removes_and_the_question_is_still_answered(project: Path, asked: str) -> None:
    assert explained(asked, "resources.shop.options.sslmode") == (
        "flows.daily.resources.shop.options.sslmode is removed\n"
        "  removed by  flow.yaml:7:44\n"
        '  replaces    platform/base/platform.yaml:13:72  "require"\n'
    )


def test_a_null_of_the_flow_brings_the_default_back(project: Path) -> None:
    put("flow.yaml", FLOW.replace("connect_timeout: 5", "connect_timeout: null"))
    compile_here()
    for asked in ("the sources", "the artifact"):
        text = explained(asked, "resources.shop.options.connect_timeout")
        assert text.startswith(
            "flows.daily.resources.shop.options.connect_timeout = 10, the default again\n"
            "  removed by  flow.yaml:7:32\n"
            "  replaces    platform/prod/platform.yaml:9:32   15\n"
            "  replaces    platform/eu/platform.yaml:6:32     20\n"
            "  replaces    platform/base/platform.yaml:13:32  30\n"
            "  replaces    (default)                          10\n"
        )


@BOTH
def test_the_default_lies_below_what_removed_all_of_its_mapping(project: Path, asked: str) -> None:
    put("platform/base/platform.yaml", BASE.replace("options: {connect_timeout: 30, ", "options: null #"))
    compile_here()
    assert explained(asked, "resources.shop.options.connect_timeout").endswith(
        "  replaces    platform/eu/platform.yaml:6:32     20\n"
        "  replaces    platform/base/platform.yaml:13:14  null\n"
        "  replaces    (default)                          10\n"
    )


@BOTH
def test_a_null_where_nothing_stood_replaces_no_default(project: Path, asked: str) -> None:
    put("platform/prod/platform.yaml", LEAF.replace("    config:\n", "    config:\n      port: null\n"))
    compile_here()
    text = explained(asked, "resources.shop.config.port")
    assert text == "flows.daily.resources.shop.config.port = 5432\n  set by      (default)\n"


def test_a_null_of_the_platform_removes_from_the_platform(project: Path) -> None:
    assert explained("the sources", "connectors.shop_db.options.application_name") == (
        "connectors.shop_db.options.application_name is removed\n"
        "  removed by  platform/prod/platform.yaml:9:54\n"
        '  replaces    platform/base/platform.yaml:13:54  "nightly"\n'
    )


def test_a_null_of_the_platform_is_named_where_the_flow_meets_the_default(project: Path) -> None:
    text = explained("the sources", "resources.shop.options.application_name")
    assert "removed by  platform/prod/platform.yaml:9:54\n" in text


def test_a_list_replaces_the_whole_list_below_it(project: Path) -> None:
    assert names("the sources", "connectors.shop_db.locked") == ["connectors.shop_db.locked[0]"]
    (row,) = rows("the sources", "connectors.shop_db.locked")
    assert (row["value"], row["set_by"]["file"]) == ("config.host", "platform/prod/platform.yaml")


def test_a_list_says_which_list_it_replaced(project: Path) -> None:
    (row,) = rows("the sources", "connectors.shop_db.locked[0]")
    assert [one["value"] for one in row["replaces"]] == [["config.port", "config.user"]]


@BOTH
def test_a_reference_says_which_reference_it_replaced(project: Path, asked: str) -> None:
    (row,) = rows(asked, "resources.shop.config.password")
    assert [one["value"] for one in row["replaces"]] == [{"$secret": {"ref": "shop-base", "key": "password"}}]


def test_mappings_are_merged_and_every_leaf_has_its_own_history(project: Path) -> None:
    found = {
        row["path"]: [row["set_by"]["file"], *(one["file"] for one in row["replaces"])]
        for row in rows("the sources", "connectors.shop_db.config")
    }
    base, middle, leaf = (f"platform/{name}/platform.yaml" for name in ("base", "eu", "prod"))
    assert found == {
        "connectors.shop_db.config.host": [leaf, middle, base],
        "variables.domain": [base],
        "variables.host": [base],
        "connectors.shop_db.config.database": [base],
        "connectors.shop_db.config.user": [base],
        "connectors.shop_db.config.password": [leaf, base],
    }


@BOTH
@pytest.mark.parametrize(
    "path", ["jobs.main.steps.orders.inputs.columns[1]", "jobs.main.steps.orders.inputs.columns.1"]
)
def test_an_item_is_asked_for_by_its_index(project: Path, asked: str, path: str) -> None:
    (row,) = rows(asked, path)
    assert row["value"] == "amount"
    assert row["set_by"] == {"file": "flow.yaml", "line": 14, "column": 59}


def test_an_item_has_one_name_wherever_it_is_asked_for(project: Path) -> None:
    path = "jobs.main.steps.orders.inputs.columns[1]"
    assert names("the artifact", path) == names("the sources", path) == [path]


@BOTH
@pytest.mark.parametrize(("key", "value"), [("X.Y", "dotted"), ("X/Y", "slashed"), ("x~1y", "tilde")])
def test_a_key_with_signs_of_a_path_is_asked_for_as_it_is_written(
    project: Path, asked: str, key: str, value: str
) -> None:
    found = {row["path"]: row["value"] for row in rows(asked, f"resources.api.config.headers.{key}")}
    assert found[f"flows.daily.resources.api.config.headers.{key}"] == value


@BOTH
def test_keys_that_read_alike_are_both_explained(project: Path, asked: str) -> None:
    assert len(rows(asked, "resources.api.config.headers.X.Y")) == 2
    assert len(rows(asked, "resources.api.config.headers")) == 3


@BOTH
def test_a_dotted_key_and_a_key_in_a_key_are_both_explained(project: Path, asked: str) -> None:
    inputs = "sql: 'select $v', params: {v: {a.b: 1, a: {b: 2}}}"
    put("flow.yaml", FLOW.replace("table: orders, columns: [id, amount]", inputs).replace("orders.id", "1"))
    compile_here()
    assert sorted(row["value"] for row in rows(asked, "jobs.main.steps.orders.inputs.params")) == [1, 2]


@BOTH
def test_a_part_of_a_name_is_not_the_name(project: Path, asked: str) -> None:
    sources = ["--env", "prod"] if asked == "the sources" else []
    assert refused("resources.shop.options.connect_time", *sources).startswith(
        "there is no value `resources.shop.options.connect_time`; near it: `resources.shop.options."
    )
    assert names(asked, "resources.shop.options.connect_timeout") == ["resources.shop.options.connect_timeout"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "resources.shop.option",
            "near it: `resources.shop.config`, `resources.shop.driver`, `resources.shop.kind`, "
            "`resources.shop.options`; did you mean `resources.shop.options`?",
        ),
        (
            "resources.shopp.config.host",
            "near it: `resources.api`, `resources.compute`, `resources.shop`, `resources.storage`; "
            "did you mean `resources.shop`?",
        ),
        (
            "resources.shop.config.hots",
            "near it: `resources.shop.config.database`, `resources.shop.config.host`, "
            "`resources.shop.config.password`, `resources.shop.config.port`, `resources.shop.config.user`; "
            "did you mean `resources.shop.config.host`?",
        ),
    ],
)
def test_what_is_not_there_names_what_is_near(project: Path, path: str, sentence: str) -> None:
    assert refused(path, "--env", "prod") == f"there is no value `{path}`; {sentence}"


def test_a_root_that_is_not_there_names_those_that_are(project: Path) -> None:
    assert refused("conectors", "--env", "prod") == (
        "there is no value `conectors`; near it: `connectors`, `environment`, `extends`, `flows`, `jobs`, `lock`, "
        "`max_parallel`, `resources`, `security`, `state`, `storage`, `variables`, `version`, `workspace`; "
        "did you mean `connectors`?"
    )


def test_what_is_not_in_the_artifact_names_what_is_near(project: Path) -> None:
    assert refused("resources.shop.option") == (
        "there is no value `resources.shop.option`; near it: `resources.shop.config`, `resources.shop.driver`, "
        "`resources.shop.kind`, `resources.shop.options`; "
        "did you mean `resources.shop.options`?"
    )


@pytest.mark.parametrize("path", ["", ".", "[0]", "..", "resources..shop", "resources.shop[0]", "*", "\0"])
def test_a_path_that_is_none_is_refused(project: Path, path: str) -> None:
    assert refused(path, "--env", "prod").startswith(f"there is no value `{path}`; near it: ")
    assert refused(path).startswith(f"there is no value `{path}`; near it: ")


def test_an_artifact_explains_its_defaults_as_the_sources_do(project: Path) -> None:
    text = "flows.daily.resources.shop.config.port = 5432\n  set by      (default)\n"
    assert explained("the sources", "resources.shop.config.port") == text
    assert explained("the artifact", "resources.shop.config.port") == text


def test_an_artifact_explains_the_sql_that_came_from_a_file(project: Path) -> None:
    found = {
        row["path"].rpartition(".")[2]: row["value"] for row in rows("the artifact", "jobs.main.steps.both.inputs")
    }
    assert None not in found.values()


@BOTH
def test_what_a_step_does_not_say_is_not_explained(project: Path, asked: str) -> None:
    assert "jobs.main.steps.orders.outputs" not in names(asked, "jobs.main.steps.orders")


@BOTH
@pytest.mark.parametrize("path", ["jobs.main.steps.orders.retry.max_attempts", "jobs.main.steps.orders.type"])
def test_every_value_of_a_step_can_answer_where_it_comes_from(project: Path, asked: str, path: str) -> None:
    assert len(rows(asked, path)) == 1


def test_what_the_platform_locks_is_explained_although_a_flow_sets_it(project: Path) -> None:
    put("flow.yaml", FLOW.replace("profile: shop_db", "profile: shop_db\n    config: {host: mine.example.com}"))
    result = asked_for("resources.shop.config.host", "--env", "prod")
    assert result.stdout.startswith(
        'flows.daily.resources.shop.config.host = "mine.example.com"\n'
        "  set by      flow.yaml:7:20\n"
        '  replaces    platform/prod/platform.yaml:7:13  "db.example.com"\n'
    )
    assert result.stderr.splitlines()[:2] == [
        "error[E701]: `config.host` is locked by the platform",
        "  flow.yaml:7:20  resources.shop.config.host",
    ]


def test_errors_are_not_mixed_into_what_machines_read(project: Path) -> None:
    put("flow.yaml", FLOW.replace("mode: replace", "mode: replce"))
    result = asked_for("resources.shop.config.user", "--env", "prod", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [row["value"] for row in json.loads(result.stdout)["explanations"]] == ["reader"]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("path", ["resources.shop.config.password", "connectors.shop_db.config", "connectors"])
@pytest.mark.parametrize("layer", ["base", "eu", "prod"])
def test_a_secret_that_someone_wrote_is_never_shown(project: Path, layer: str, path: str, form: str) -> None:
    name = f"platform/{layer}/platform.yaml"
    written = f"config: {{password: {CANARY}, "
    change = {"base": ("{secret_ref: shop-base, key: password}", CANARY), "eu": ("config: {", written)}
    put(name, FILES[name].replace(*change.get(layer, ("{secret_ref: shop-prod, key: password}", CANARY))))
    result = asked_for(path, "--env", "prod", "--format", form)
    assert CANARY in Path(name).read_text()
    assert CANARY not in result.output


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_that_someone_wrote_into_a_flow_is_never_shown(project: Path, form: str) -> None:
    put("flow.yaml", FLOW.replace("profile: shop_db", f"profile: shop_db\n    config: {{password: {CANARY}}}"))
    assert CANARY not in asked_for("resources.shop", "--env", "prod", "--format", form).output


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("where", ["flow", "platform", "command line"])
def test_a_secret_that_someone_wrote_into_a_variable_is_never_shown(project: Path, where: str, form: str) -> None:
    put("platform/prod/platform.yaml", LEAF.replace("{secret_ref: shop-prod, key: password}", "'{{ var.pw }}'"))
    words = ["--var", f"pw={CANARY}"] if where == "command line" else []
    if where == "platform":
        put("platform/base/platform.yaml", BASE.replace("host: db,", f"host: db, pw: {CANARY},"))
    if where == "flow":
        put("platform/prod/platform.yaml", LEAF)
        written = "profile: shop_db\n    config: {password: '{{ var.pw }}'}"
        put("flow.yaml", FLOW.replace("profile: shop_db", written).replace("days: 7", f"days: 7, pw: {CANARY}"))
    for path in ("variables.pw", "variables", "resources.shop"):
        result = asked_for(path, "--env", "prod", "--format", form, *words)
        assert result.exit_code == 0
        assert CANARY not in result.output


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_values_of_references_are_never_looked_up(
    project: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PROD_PASSWORD", CANARY)
    for sources in (["--env", "prod"], []):
        result = asked_for("resources", *sources, "--format", form)
        assert "shop-prod" in result.output
        assert CANARY not in result.output


def test_an_artifact_is_named_and_its_files_are_shown_from_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("made").mkdir()
    compile_here("-o", "made/x.json")
    assert asked_for("made/x.json", "resources.shop.config.host").stdout.startswith(WITH_VARIABLES)
    monkeypatch.chdir("made")
    text = WITH_VARIABLES.replace("platform/", f"{project.resolve()}/platform/")
    assert asked_for("x.json", "resources.shop.config.host").stdout.startswith(text)
    monkeypatch.chdir("../platform/prod")
    first = asked_for("../../made/x.json", "resources.shop.config.host").stdout.splitlines()[1]
    assert first.split() == ["set", "by", "platform.yaml:7:13", "{{", "var.host", "}}.{{", "var.domain", "}}"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no file `compiled_artifacts.map.json`: make it with `firn compile`"),
        ("[", "`compiled_artifacts.map.json` is not JSON"),
        ("[]", "`compiled_artifacts.map.json` is not JSON of this kind"),
        ("{}", "`compiled_artifacts.map.json` belongs to another artifact: compile again"),
    ],
)
def test_a_map_that_is_missing_or_another_is_refused(project: Path, content: str | None, sentence: str) -> None:
    beside = Path("compiled_artifacts.map.json")
    if content is None:
        beside.unlink()
    else:
        beside.write_text(content)
    assert refused("resources.shop") == sentence


def test_sources_without_a_platform_say_that_one_is_missing(project: Path) -> None:
    sentence = refused("flow.yaml", "resources.shop.config.host")
    assert sentence.endswith("; what a platform says is known with `-p FILE` or `--env NAME`")


def test_the_map_of_an_artifact_that_has_changed_since_is_refused(project: Path) -> None:
    old = Path("compiled_artifacts.map.json").read_bytes()
    put("flow.yaml", FLOW.replace("connect_timeout: 5", "connect_timeout: 6"))
    compile_here()
    Path("compiled_artifacts.map.json").write_bytes(old)
    assert refused("resources.shop") == "`compiled_artifacts.map.json` belongs to another artifact: compile again"


@pytest.mark.parametrize("timeout", ["6", "5.0"])
def test_an_artifact_that_was_edited_is_refused(project: Path, timeout: str) -> None:
    text = Path("compiled_artifacts.json").read_text()
    put("compiled_artifacts.json", text.replace('"connect_timeout": 5', f'"connect_timeout": {timeout}'))
    assert Path("compiled_artifacts.json").read_text() != text
    assert refused("resources.shop") == "`compiled_artifacts.json` was edited or damaged: compile again"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no file `x.json`: make it with `firn compile`"),
        ("", "`x.json` is not JSON"),
        ("[]", "`x.json` is not JSON of this kind"),
        ('{"payload": {}}', "`x.json` is not an artifact"),
        ('{"payload": {"flows": [], "resources": {}}}', "`x.json` is not an artifact"),
    ],
)
def test_what_is_no_artifact_is_refused(project: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        put("x.json", content)
    assert refused("x.json", "resources.shop") == sentence


@pytest.mark.parametrize(
    "damage",
    [
        {"files": None},
        {"replaced": None},
        {"values": {"/flows/daily/jobs/9/steps/0/inputs/x": [0, 1, 1]}},
        {"values": {"/flows/daily/resources/shop/config/host": [99, 1, 1]}},
        {"values": {"/flows": [0, 1, 1]}},
    ],
    ids=str,
)
def test_a_damaged_map_is_refused(project: Path, damage: dict[str, Any]) -> None:
    beside = Path("compiled_artifacts.map.json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | damage))
    assert "compiled_artifacts.map.json" in refused("resources.shop")


def test_each_flow_of_a_project_answers_for_itself(project: Path) -> None:
    put("second/flow.yaml", FLOW.replace("name: daily", "name: second").replace("timeout: 5", "timeout: 6"))
    put("second/both.sql", FILES["both.sql"])
    result = CliRunner().invoke(compile_command, [".", "--env", "prod", "--no-cache"])
    assert result.exit_code == 0, result.output
    for source, *rest in ((".", "--env", "prod"), ("compiled_artifacts.json",)):
        words = [source, "resources.shop.options.connect_timeout", *rest, "--format", "json"]
        found = json.loads(asked_for(*words).stdout)["explanations"]
        assert {row["path"]: row["value"] for row in found} == {
            "flows.daily.resources.shop.options.connect_timeout": 5,
            "flows.second.resources.shop.options.connect_timeout": 6,
        }
        words[1] = "flows.second." + words[1]
        assert [row["value"] for row in json.loads(asked_for(*words).stdout)["explanations"]] == [6]


def test_a_flow_without_a_platform_explains_its_own_values(project: Path) -> None:
    result = asked_for("flow.yaml", "jobs.main.steps.orders.inputs.table")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f'flows.daily.jobs.main.steps.orders.inputs.table = "orders"\n  set by      flow.yaml:14:37\n\nrule: {RULE}\n'
    )


def told(*words: str) -> str:
    """Return what is said of the sources in the current folder, without the rule."""
    result = asked_for(*words, "--env", "prod")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.removesuffix(f"\nrule: {RULE}\n")


CORPUS = Path(__file__).parents[1] / "corpus" / "valid"
LAYERED = """\
name: daily
version: "1.0.0"
variables: {days: 7}
observability: {traces: false, metrics: null, attributes: {service.name: daily}}
resources:
  shop: {profile: shop_db, options: {connect_timeout: 5, sslmode: null, application_name: null}}
jobs:
  - id: first
    retry: {max_attempts: 2, on: [timeout]}
    timeout: 5m
    lock: {key: marts, ttl_seconds: 2m}
    steps:
      - id: one
        type: sql
        inputs: {sql: "select {{ var.days }} as n"}
        retry: {max_attempts: 3, backoff: 500ms}
      - id: two
        type: query
        inputs: {resource: compute, sql: select 1 as n}
        on_no_data: skip_job
        outputs: {n: "{{ result.rows[0].n }}"}
  - id: second
    depends_on: [first]
    when: jobs.first.outputs.n > 0
    steps:
      - id: orders
        type: read
        inputs: {resource: shop, table: orders, columns: "{{ var.columns }}"}
      - id: publish
        type: write
        inputs: {from: orders, resource: gold, path: "out/{{ run.id }}.parquet", mode: replace}
"""
PARTS = """\
observability: {traces: true, metrics: true}
layers: {gold: {storage_ref: default, namespace: gold}}
state: {backend: sqlite, path: base.db}
workspace: {root: work}
security: {mode: internal_fast, secret_mounts: [/a, /b], plugins: []}
"""


def layered() -> None:
    """Write a project in which every part of the language has a history."""
    put("platform/base/platform.yaml", BASE.replace("host: db", "host: db, columns: [id, amount]") + PARTS)
    put("platform/prod/platform.yaml", LEAF + "state: {path: null}\nsecurity: {secret_mounts: [/c]}\n")
    put("flow.yaml", LAYERED)


@pytest.mark.parametrize("case", ["layered", *(one.parent.name for one in CORPUS.glob("*/arguments.txt"))])
def test_an_artifact_and_its_sources_tell_the_same(project: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layered()
    words = ["flow.yaml", "--env", "prod"]
    if case != "layered":
        monkeypatch.chdir(CORPUS / case)
        words = ["flow.yaml", "-p", "platform.yaml"]
    made = str(project / "x.json")
    result = CliRunner().invoke(compile_command, [*words, "--no-cache", "-o", made])
    assert result.exit_code == 0, result.output
    payload = json.loads(Path(made).read_text())["payload"]
    for part in payload.keys() - {"features", "requires", "sources"}:
        rows = [
            json.loads(asked_for(*sources, f"{part}.", "--format", "json").stdout)["explanations"]
            for sources in ([made], words)
        ]
        of_artifact, of_sources = ({one["path"]: plain(one) for one in found} for found in rows)
        unused = {name for name in of_sources.keys() - of_artifact.keys() if ".variables." in name}
        assert of_artifact == {name: one for name, one in of_sources.items() if name not in unused}, part


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without what the artifact adds: the beginning that a place keeps."""
    value = row["value"]
    if isinstance(value, dict):
        value = {key: one for key, one in value.items() if key != "prefix"}
    return row | {"value": value}


@BOTH
def test_a_value_tells_the_variable_in_it_with_the_command_line_on_top(project: Path, asked: str) -> None:
    put("platform/base/platform.yaml", BASE.replace("host: db", "host: db, days: 1"))
    compile_here("--var", "days=3")
    words = ["--var", "days=3"] if asked == "the sources" else []
    chain = (
        "flows.daily.variables.days = 3\n"
        "  set by      (command line)\n"
        "  replaces    platform/base/platform.yaml:2:29  1\n"
        "  replaces    flow.yaml:3:19                    7\n"
    )
    assert explained(asked, "steps.rates.inputs.request.params", *words).endswith(f"{{{{ var.days }}}}\n\n{chain}")
    assert explained(asked, "variables.days", *words) == chain


def test_the_map_holds_only_variables_that_are_used(project: Path) -> None:
    put("flow.yaml", FLOW.replace("days: 7", "days: 7, spare: 8"))
    compile_here()
    known = json.loads(Path("compiled_artifacts.map.json").read_text())
    assert known["variables"] == {
        "/flows/daily/variables/days": ["flows.daily.variables.days", 7],
        "/variables/domain": ["variables.domain", "example.com"],
        "/variables/host": ["variables.host", "db"],
    }


def test_a_variable_tells_one_chain_with_the_command_line_on_top(project: Path) -> None:
    put("platform/base/platform.yaml", BASE.replace("host: db", "host: db, days: 1"))
    put("platform/prod/platform.yaml", LEAF + "variables: {days: 2}\n")
    chain = (
        "  replaces    platform/prod/platform.yaml:11:19  2\n"
        "  replaces    platform/base/platform.yaml:2:29   1\n"
        "  replaces    flow.yaml:3:19                     7\n"
    )
    assert told("variables.days", "--var", "days=30") == (
        "flows.daily.variables.days = 30\n  set by      (command line)\n" + chain
    )
    assert told("variables.days").startswith(
        "flows.daily.variables.days = 2\n  set by      platform/prod/platform.yaml:11:19\n"
    )
    assert told("variables.host", "--var", "host=x") == (
        'variables.host = "x"\n  set by      (command line)\n  replaces    platform/base/platform.yaml:2:19  "db"\n'
    )


def test_the_command_line_is_named_to_machines(project: Path) -> None:
    result = asked_for("variables.days", "--env", "prod", "--var", "days=30", "--format", "json")
    (row,) = json.loads(result.stdout)["explanations"]
    assert row["set_by"] == {"file": "--var", "line": None, "column": None}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "jobs.first.steps.one.retry.backoff",
            "flows.daily.jobs.first.steps.one.retry.backoff = 0.5\n"
            "  set by      flow.yaml:16:43  500ms\n"
            "  replaces    (default)        1\n",
        ),
        (
            "jobs.first.steps.two.retry.on",
            'flows.daily.jobs.first.steps.two.retry.on[0] = "timeout"\n'
            "  set by      flow.yaml:9:35\n"
            '  replaces    (default)       ["connection", "timeout", "rate_limited", "server_error"]\n',
        ),
        ("jobs.first.timeout", "flows.daily.jobs.first.timeout = 300\n  set by      flow.yaml:10:14  5m\n"),
        (
            "jobs.second.when",
            'flows.daily.jobs.second.when = {"$op": {"args": [{"$ref": "jobs.first.outputs.n"}, 0], "name": ">"}}\n'
            "  set by      flow.yaml:24:11  jobs.first.outputs.n > 0\n",
        ),
        ("jobs.second.depends_on", 'flows.daily.jobs.second.depends_on[0] = "first"\n  set by      flow.yaml:23:18\n'),
        (
            "observability.traces",
            "flows.daily.observability.traces = false\n"
            "  set by      flow.yaml:4:25\n"
            "  replaces    platform/base/platform.yaml:14:25  true\n",
        ),
        (
            "observability.metrics",
            "flows.daily.observability.metrics is removed\n"
            "  removed by  flow.yaml:4:41\n"
            "  replaces    platform/base/platform.yaml:14:40  true\n",
        ),
        (
            "state.path",
            'state.path = ".firn/state.db", the default again\n'
            "  removed by  platform/prod/platform.yaml:11:15\n"
            '  replaces    platform/base/platform.yaml:16:32  "base.db"\n',
        ),
        (
            "security.secret_mounts",
            'security.secret_mounts[0] = "/c"\n'
            "  set by      platform/prod/platform.yaml:12:28\n"
            '  replaces    platform/base/platform.yaml:18:48  ["/a", "/b"]\n',
        ),
        (
            "jobs.second.steps.orders.inputs.columns[1]",
            'flows.daily.jobs.second.steps.orders.inputs.columns[1] = "amount"\n'
            "  set by      flow.yaml:28:58  {{ var.columns }}\n"
            '\nvariables.columns[0] = "id"\n  set by      platform/base/platform.yaml:2:33\n'
            '\nvariables.columns[1] = "amount"\n  set by      platform/base/platform.yaml:2:37\n',
        ),
        ("layers.gold.namespace", 'layers.gold.namespace = "gold"\n  set by      platform/base/platform.yaml:15:50\n'),
    ],
)
def test_every_part_of_a_project_tells_its_history(project: Path, path: str, text: str) -> None:
    layered()
    assert told(path) == text


def test_a_layers_folder_has_the_history_of_its_namespace_and_the_system_of_its_storage(project: Path) -> None:
    layered()
    put("platform/prod/platform.yaml", LEAF + "layers: {gold: {namespace: marts.gold}}\n")
    assert told("resources.gold.config.root") == (
        'flows.daily.resources.gold.config.root = "out/marts/gold"\n'
        "  set by      platform/prod/platform.yaml:11:28  marts.gold\n"
        '  replaces    platform/base/platform.yaml:15:50  "out/gold"\n'
        '  replaces    platform/base/platform.yaml:4:32   "out"\n'
    )
    assert told("resources.gold.kind") == (
        'flows.daily.resources.gold.kind = "files"\n  set by      platform/base/platform.yaml:4:19  local\n'
    )


def test_a_text_of_several_lines_stands_below_its_name(project: Path) -> None:
    sql = "sql: |\n        select amount\n        from orders\n        where amount > {{ var.days }}\n"
    put("flow.yaml", FLOW.replace("{sql_file: both.sql}", f"\n      {sql}"))
    assert told("jobs.main.steps.both.inputs") == (
        "flows.daily.jobs.main.steps.both.inputs.sql =\n"
        "      select amount\n"
        "      from orders\n"
        "      where amount > 7\n"
        "  set by      flow.yaml:22:12\n"
        "      select amount\n"
        "      from orders\n"
        f"      where amount > {{{{ var.days }}}}\n{DAYS}"
    )


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_a_format_of_findings_is_none_of_explanations(project: Path, form: str) -> None:
    assert "is not one of 'text', 'json'" in refused("resources.shop", "--format", form)


def test_a_null_between_two_layers_is_a_layer_of_what_a_flow_sets(project: Path) -> None:
    put("platform/prod/platform.yaml", LEAF.replace("connect_timeout: 15", "connect_timeout: null"))
    compile_here()
    for asked in ("the sources", "the artifact"):
        (row,) = rows(asked, "resources.shop.options.connect_timeout")
        assert [row["value"], *(one["value"] for one in row["replaces"])] == [5, None, 20, 30, 10]


def test_a_reference_is_told_whole_layer_by_layer_whatever_each_of_them_says_of_it(project: Path) -> None:
    put("platform/eu/platform.yaml", MIDDLE.replace("config: {", "config: {password: {secret_ref: shop-eu}, "))
    put("platform/prod/platform.yaml", LEAF.replace("key: password}", "key: null}"))
    compile_here()
    for asked in ("the sources", "the artifact"):
        assert explained(asked, "resources.shop.config.password") == (
            "flows.daily.resources.shop.config.password = {secret_ref: shop-prod}\n"
            "  set by      platform/prod/platform.yaml:8:17\n"
            "  replaces    platform/eu/platform.yaml:5:24    {secret_ref: shop-eu, key: password}\n"
            "  replaces    platform/base/platform.yaml:12:17  {secret_ref: shop-base, key: password}\n"
        ).replace("5:24    ", "5:24     ")


def test_nulls_between_layers_hide_none_of_them(project: Path) -> None:
    put("platform/eu/platform.yaml", MIDDLE.replace("config: {", "config: {password: {secret_ref: shop-eu}, "))
    nulls = "connectors: {shop_db: {config: {password: null}, options: null}}\n"
    put("platform/none/platform.yaml", "version: '1.0.0'\nextends: ../eu/platform.yaml\n" + nulls)
    put("platform/prod/platform.yaml", LEAF.replace("../eu", "../none"))
    own = "    config: {password: {secret_ref: shop-own}}\n    options: {connect"
    put("flow.yaml", FLOW.replace("    options: {connect", own))
    compile_here()
    for asked in ("the sources", "the artifact"):
        assert layers(asked, "resources.shop.options.connect_timeout") == [5, 15, None, 20, 30, 10]
        assert layers(asked, "resources.shop.options.sslmode")[1:] == [None, "require"]
        references = [
            one and (one["$secret"]["ref"], one["$secret"].get("key"))
            for one in layers(asked, "resources.shop.config.password")
        ]
        eu, base = ("shop-eu", "password"), ("shop-base", "password")
        assert references == [("shop-own", "password"), ("shop-prod", "password"), None, eu, base]


def layers(asked: str, path: str) -> list[Any]:
    """Return the values that a value had, the one that holds first."""
    (row,) = rows(asked, path)
    return [row["value"], *(one["value"] for one in row["replaces"])]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ('resources.api.config.headers["X.Y"]', "resources.api.config.headers.X.Y"),
        ("resources['shop'].params.host", "resources.shop.config.host"),
        ('resources.api.config.headers."X.Y"', "resources.api.config.headers.X.Y"),
        ("steps[0].inputs.table", "jobs.main.steps.orders.inputs.table"),
        ("steps.orders.inputs.columns[1]", "jobs.main.steps.orders.inputs.columns[1]"),
        ("jobs[0].steps.orders.inputs.table", "jobs.main.steps.orders.inputs.table"),
        ("flows.daily.jobs.main.steps[0].inputs.table", "jobs.main.steps.orders.inputs.table"),
    ],
)
def test_a_path_may_be_written_as_a_finding_or_a_program_writes_it(project: Path, path: str, name: str) -> None:
    for asked in ("the sources", "the artifact"):
        assert name in names(asked, path)


def test_a_variable_is_found_as_a_template_names_it(project: Path) -> None:
    assert names("the sources", "var.days") == ["variables.days"]
