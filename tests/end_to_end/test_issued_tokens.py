"""Tokens that servers issue while a flow runs: an API that gives them back leaves no trace of them anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from runtime.connectors.server import Answer, Asked, serving
from servers import s3

FIRN = str(Path(sys.executable).parent / "firn")
CANARY = "cAnary-t0ken-91f/7+Q=="
SECRET = "canary-client-secret-42"
ASSERTION = "canary-eyJhbGciOiJub25lIn0.e30"
OAUTH2 = """\
      mode: oauth2
      client_id: firn
      client_secret: {{secret_ref: client}}
      token_url: "{tokens}/token"
"""
GCP = "      {{mode: service_account, provider: gcp}}\n"
AZURE = '      {{mode: service_account, provider: azure, scope: "https://api.example.com/.default"}}\n'
FLOW = """\
name: echoing
version: "1.0.0"
resources: {api: {profile: api}, tools: {profile: tools}}
jobs:
  - id: http
    steps:
      - {id: ask, type: http, inputs: {resource: api, method: GET, path: /echo}}
      - {id: say, type: run_process, inputs: {resource: tools, command: [ls, "{{ steps.ask.outputs.json.asked }}"]}}
  - id: read
    steps:
      - {id: rows, type: read, inputs: {resource: api, path: /rows, schema: {asked: bigint}}}
      - {id: publish, type: write, inputs: {from: rows, resource: storage, path: rows.parquet, mode: replace}}
"""


def issuing(asked: Asked) -> Answer:
    answer = {"access_token": CANARY, "token_type": "Bearer", "expires_in": 3600}
    return Answer(answer, headers={"Metadata-Flavor": "Google"})


def echo(asked: Asked) -> Answer:
    """Give back what proves the caller's identity, as text and as JSON in a text."""
    shown = asked.headers.get("authorization", "")
    return Answer([{"asked": shown}] if asked.path == "/rows" else {"asked": shown, "again": json.dumps([shown])})


@pytest.mark.parametrize("credentials", [OAUTH2, GCP, AZURE], ids=["oauth2", "gcp", "azure"])
def test_a_token_that_an_api_gives_back_is_masked_everywhere(tmp_path: Path, credentials: str) -> None:
    (tmp_path / "jwt").write_text(ASSERTION)
    (tmp_path / "flow.yaml").write_text(FLOW)
    with serving(issuing) as tokens, serving(echo) as api:
        (tmp_path / "platform.yaml").write_text(
            f"""\
version: "1.0.0"
environment: test
workspace: {{cleanup: never}}
storage: {{default: {{type: local, root: out}}}}
connectors:
  tools: {{type: process, config: {{allowed: [ls]}}}}
  api:
    type: rest
    config: {{base_url: "{api.url}"}}
    credentials:
{credentials.format(tokens=tokens.url)}"""
        )
        environ = {
            "AZURE_AUTHORITY_HOST": tokens.url,
            "AZURE_CLIENT_ID": "c",
            "AZURE_FEDERATED_TOKEN_FILE": "jwt",
            "AZURE_TENANT_ID": "t",
            "CLIENT": SECRET,
            "GCE_METADATA_HOST": tokens.url.removeprefix("http://"),
        }
        shown = [firn(tmp_path, *words, **environ) for words in COMMANDS]
    assert [len(tokens.asked) > 0, len(api.asked) > 1] == [True, True]
    assert f"Bearer {CANARY}" in {one.headers.get("authorization") for one in api.asked}
    assert "'Bearer ***'" in "".join(shown)
    left = {path: path.read_bytes() for path in (tmp_path / ".firn").rglob("*") if path.is_file()}
    pages = {path for path in left if "rows" in path.parts}  # what an API gives as data is data
    for canary in (CANARY, SECRET, ASSERTION):
        assert canary not in "".join(shown)
        assert [path for path, content in left.items() if canary.encode() in content and path not in pages] == []


COMMANDS = [
    ("compile", "flow.yaml", "-p", "platform.yaml"),
    ("preflight",),
    ("run", "--log-format", "json", "--events", ".firn/events"),
    ("runs", "last"),
]


ASSUMED = f"""\
<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{CANARY}</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""
COPY = """\
name: copy
version: "1.0.0"
resources: {files: {profile: files}, lake: {profile: lake}}
steps:
  - {id: rows, type: read, inputs: {resource: files, path: rows.csv}}
  - {id: publish, type: write, inputs: {from: rows, resource: lake, path: rows.parquet, mode: replace}}
"""


def test_a_bucket_is_used_by_a_pod_s_role_in_a_session_named_for_flow_and_run(tmp_path: Path) -> None:
    bucket = s3.moto().bucket()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("id\n1\n")
    (tmp_path / "jwt").write_text(ASSERTION)
    (tmp_path / "flow.yaml").write_text(COPY)
    (tmp_path / "platform.yaml").write_text(
        f"""\
version: "1.0.0"
environment: test
storage: {{default: {{type: local, root: out}}}}
connectors:
  files: {{type: local, config: {{root: data}}}}
  lake:
    type: s3
    config: {{bucket: {bucket}, endpoint: "{s3.moto().endpoint}", path_style_access: true}}
    credentials: {{mode: iam_role}}
"""
    )
    with serving(lambda asked: Answer(ASSUMED.encode())) as service:
        role = "arn:aws:iam::123456789012:role/Lake"
        environ = {"AWS_ENDPOINT_URL_STS": service.url, "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "jwt"}
        shown = [firn(tmp_path, *words, **environ) for words in COMMANDS[:2]]
        shown.append(firn(tmp_path, "run", "--run-id", "r7", **environ))
    assert [one["Key"] for one in s3.moto().client().list_objects_v2(Bucket=bucket)["Contents"]] == ["rows.parquet"]
    names = [dict(parse_qsl(one.body.decode()))["RoleSessionName"] for one in service.asked]
    assert names == ["firn", "copy@r7"]  # of the preflight, and of the run
    assert not [one for one in (CANARY, SECRET, ASSERTION) if one in "".join(shown)]


def firn(folder: Path, *words: str, **environ: str) -> str:
    answer = subprocess.run(
        [FIRN, *words], cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environ}
    )
    assert "Traceback" not in answer.stderr
    return answer.stdout + answer.stderr
