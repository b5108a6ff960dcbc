"""Files of other tools are named for what they are, in one finding; a flow with mistakes, or half ported, never is."""

import pytest

from compiler.projects import PLATFORM, compiled
from firn_compiler.checks.foreign import TOOLS

FILES: dict[str, list[str]] = {
    "a Bitbucket pipeline": ["image: python:3\npipelines: {default: [{step: {script: [pytest]}}]}\n"],
    "a CircleCI configuration": [
        "version: 2.1\njobs: {build: {steps: [checkout]}}\nworkflows: {main: {jobs: [build]}}\n"
    ],
    "a Cloud Build configuration": ["steps:\n  - {name: docker, args: [build, .]}\nimages: [app]\n"],
    "a CloudFormation template": [
        "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  B: {Type: AWS::S3::Bucket, Name: !Sub 'x-${Env}'}\n",
        "Resources: {B: {Type: AWS::S3::Bucket}}\n",
    ],
    "a Compose file": [
        "version: '3.9'\nservices:\n  db: {image: postgres:16}\nvolumes: {data: {}}\n",
        "name: shop\nservices:\n  web: {build: .}\n",
    ],
    "a Conda environment": ["name: ml\nchannels: [conda-forge]\ndependencies: [python=3.11]\n"],
    "a Dagster configuration": ["storage: {postgres: {postgres_db: {hostname: db}}}\nrun_launcher: {class: K}\n"],
    "a Dagster run configuration": [
        "resources: {io_manager: {config: {base_dir: x}}}\nops: {load: {config: {n: 1}}}\n"
    ],
    "a Databricks bundle": ["bundle: {name: shop}\nresources: {jobs: {d: {name: d}}}\ntargets: {dev: {}}\n"],
    "a GitHub action": ["name: setup\ndescription: x\ninputs: {v: {required: true}}\nruns: {using: composite}\n"],
    "a GitHub workflow": [
        "name: ci\non: push\njobs:\n  test:\n    runs-on: ubuntu\n    steps: [{uses: a/b@v4}, {id: v, run: make}]\n",
        "name: ci\non: {workflow_call: {}}\njobs: {call: {uses: o/r/x.yml@main, secrets: inherit}}\n",
    ],
    "a GitLab pipeline": ["stages: [build]\nbuild:\n  stage: build\n  script: [make]\n  retry: 2\n"],
    "a Helm chart": ["apiVersion: v2\nname: firn\nversion: 0.1.0\ndependencies: [{name: postgresql}]\n"],
    "a Kestra flow": ["id: d\nnamespace: a.b\ntasks:\n  - {id: x, type: io.kestra.core.Log, message: hi}\n"],
    "a Kubernetes manifest": [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Secret\n",
        "{{- if .Values.on }}\napiVersion: v1\nkind: Service\nspec:\n"
        "  {{- range .Values.ports }}\n  port: {{ .port }}\n  {{- end }}\n{{- end }}\n",
    ],
    "a Meltano project": [
        "version: 1\nplugins: {extractors: [{name: tap-x}]}\njobs: [{name: el, tasks: [tap-x target-y]}]\n",
        "version: 1\nplugins: {loaders: [{name: target-y}]}\n",
    ],
    "a Prefect project": ["name: p\ndeployments:\n  - {name: daily, entrypoint: 'flows.py:main'}\n"],
    "a Prometheus configuration": ["global: {scrape_interval: 15s}\nscrape_configs: [{job_name: a}]\n"],
    "a Serverless service": ["service: orders\nprovider: {name: aws}\nresources: {Outputs: {}}\n"],
    "a Sling replication": ["source: PG\ntarget: SNOW\nstreams: {orders: {mode: incremental}}\n"],
    "a Taskfile": ["version: '3'\ntasks: {build: {cmds: [go build]}}\n"],
    "a Travis configuration": ["language: python\nscript: pytest\njobs: {include: [{stage: deploy}]}\n"],
    "a configuration of Great Expectations": ["config_version: 3.0\ndatasources: {pg: {}}\nstores: {}\n"],
    "a dbt project": [
        "name: shop\nversion: '1.0.0'\nconfig-version: 2\nprofile: shop\n",
        "name: shop\nversion: '1.0.0'\nmodel-paths: [models]\nprofile: shop\n",
    ],
    "a pre-commit configuration": ["repos:\n  - {repo: local, hooks: [{id: mypy, language: system}]}\n"],
    "an Airbyte connector": ["version: 4.3.0\ntype: DeclarativeSource\ncheck: {type: CheckStream}\nstreams: []\n"],
    "an Airflow DAG": ["etl:\n  default_args: {owner: me}\n  tasks: {a: {operator: x}}\n"],
    "an Azure pipeline": [
        "trigger: [main]\nsteps:\n  - {task: UsePython@0, inputs: {versionSpec: '3'}}\n",
        "pool: {vmImage: ubuntu}\nsteps: [{script: pytest}]\n",
        "trigger: none\njobs: [{job: a, steps: [{bash: make}]}]\n",
        "trigger: none\nresources: {repositories: []}\nstages: [{stage: build}]\n",
    ],
    "an MkDocs configuration": ["site_name: Docs\nplugins: [search]\nextra: !ENV x\n"],
    "an OpenAPI description": [
        "openapi: 3.0.3\ninfo: {title: a, version: 1.0.0}\npaths: {}\nsecurity: [{bearer: []}]\n",
        "swagger: '2.0'\ninfo: {title: a}\npaths: {}\n",
    ],
    "an OpenTelemetry Collector's configuration": [
        "receivers: {otlp: {}}\nexporters: {}\nconnectors: {spanmetrics: {}}\n"
    ],
    "profiles of dbt": ["shop:\n  target: dev\n  outputs:\n    dev: {type: postgres, host: localhost}\n"],
    "properties of dbt models": ["version: 2\nmodels:\n  - {name: orders, columns: [{name: id, tests: [unique]}]}\n"],
    "rules of Prometheus": ["groups: [{name: n, rules: [{alert: Down, expr: up == 0}]}]\n"],
    "sources of dbt": ["version: 2\nsources:\n  - {name: shop, schema: public, tables: [{name: orders}]}\n"],
    "values of a Helm chart": ["replicaCount: 2\nimage: {repository: a}\nresources: {limits: {cpu: 1}}\n"],
}
CASES = [pytest.param(tool, text, id=f"{tool}-{at}") for tool, texts in FILES.items() for at, text in enumerate(texts)]


@pytest.mark.parametrize(("tool", "text"), CASES)
def test_a_file_of_another_tool_is_named_in_one_finding(tool: str, text: str) -> None:
    for noun, found in (("flow", compiled(text)), ("platform", compiled(platform=text))):
        assert [one.message for one in found.diagnostics] == [f"this is no {noun}: it looks like {tool}"]


def test_every_tool_has_its_case() -> None:
    assert FILES.keys() == {tool for tool, _ in TOOLS}


@pytest.mark.parametrize(
    "text",
    [
        "name: n\non: push\njobs:\n  - id: a\n    runs-on: x\n    steps: [{id: o, type: sql, inputs: {}}]\n",
        "name: n\non: push\njobs:\n  a:\n    steps: [{uses: x}, {id: o, typ: sqll, inputs: {sql: select 1}}]\n",
        "id: n\nnamespace: a.b\ntasks: [{id: a, type: io.kestra.Log}, {id: q, type: sql, inputs: {sql: select 1}}]\n",
        "name: n\nversion: '1.0.0'\nconfig-version: 2\nmodels: {}\nvars: {}\nseeds: {}\ntransforms: [{type: dbt}]\n",
        "name: n\nversion: '1.0.0'\nservices: {db: {image: x}}\nvolumes: {}\nsteps:\n",
        "nmae: n\nverison: '1.0.0'\nstpes: [{id: a, typ: sql}]\n",
    ],
    ids=["list of jobs", "mapping of jobs", "tasks", "transforms", "no steps yet", "misspelt"],
)
def test_a_flow_with_keys_of_another_tool_is_still_a_flow(text: str) -> None:
    found = [one.message for one in compiled(text).diagnostics]
    assert len(found) > 1
    assert not any(message.startswith("this is") for message in found)


@pytest.mark.parametrize(
    "text",
    [
        "services: {db: {image: x}}\nvolumes: {}\nversion: '1.0.0'\nconnectors: {}\n",
        "services: {db: {image: x}}\nstorage: {default: {type: local, root: out}}\n",
        "apiVersion: v1\nkind: Platform\nconectors: {db: {typ: postgers}}\n",
        "apiVersion: v1\nkind: Platform\ncompute: {default: {type: duckdb}}\n",
    ],
    ids=["version and a part", "storage", "misspelt connectors", "compute"],
)
def test_a_platform_with_keys_of_another_tool_is_still_a_platform(text: str) -> None:
    found = [one.message for one in compiled(platform=text).diagnostics]
    assert len(found) > 1
    assert not any(message.startswith("this is") for message in found)


def test_a_platform_whose_parts_a_flow_has_too_is_no_flow() -> None:
    text = "version: '1.0.0'\nstorage: {default: {type: local, root: out}}\ngovernance: {}\n"
    assert [one.message for one in compiled(text).diagnostics] == ["this is a platform, not a flow"]


def test_a_flow_without_steps_of_its_own_is_no_platform() -> None:
    text = "name: n\nversion: '1.0.0'\nstorage: default\ncompute: default\ntransforms: [{type: dbt, path: x}]\n"
    found = compiled(platform=text)
    assert [one.message for one in found.diagnostics] == ["this is a flow, not a platform"]


def test_what_is_neither_is_told_so_without_a_name() -> None:
    found = compiled("checks for orders: [row_count > 0]\nfilters: {}\n", PLATFORM)
    message = "this is no flow: it has no part of one, and its keys are unknown"
    assert [one.message for one in found.diagnostics] == [message]
