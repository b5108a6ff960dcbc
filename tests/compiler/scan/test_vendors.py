"""The table of tokens' formats: both engines read it alike, it finds its tokens, and it leaves configuration alone."""

import base64
import hashlib
import re
from collections import Counter

import pytest
import re2
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from firn_compiler.scan.vendors import BESIDE, FORMATS, Beside, Format

ASCII = st.characters(min_codepoint=32, max_codepoint=126)
ROWS: tuple[Format | Beside, ...] = (*FORMATS, *BESIDE)
QUICK = settings(
    max_examples=3,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
DIGEST = hashlib.sha256(b"firn").hexdigest()
SHA512 = hashlib.sha512(b"firn").digest()
HARMLESS = [
    # Digests and what is built of them
    hashlib.md5(b"firn").hexdigest(),
    hashlib.sha1(b"firn").hexdigest(),
    hashlib.sha1(b"firn").hexdigest()[:7],
    DIGEST,
    DIGEST.upper(),
    SHA512.hex(),
    f"sha256:{DIGEST}",
    f"sha512-{base64.b64encode(SHA512).decode()}",
    f"sha256-{base64.b64encode(bytes.fromhex(DIGEST)).decode()}",
    f"python:3.11-slim@sha256:{DIGEST}",
    f"ghcr.io/acme/loader:1.4.2@sha256:{DIGEST}",
    f"--hash=sha256:{DIGEST}",
    f"s3://lake/landing/{DIGEST}.parquet",
    f"export_{hashlib.md5(b'a').hexdigest()}",
    f"cache-{DIGEST}",
    base64.b64encode(b"the quick brown fox jumps over the lazy dog, and again, and once more").decode(),
    base64.b64encode(b"select id, name from customers where country = 'NO' order by 1").decode(),
    base64.b64encode(bytes(96)).decode(),
    base64.b64encode(b"\xff" * 96).decode(),
    base64.b64encode(b'{"type": "record", "name": "customer", "fields": []}').decode(),
    base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
    *"""
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
-----BEGIN PGP PUBLIC KEY BLOCK-----
3b241101-e2bb-4255-8caf-4136c566a962
urn:uuid:3b241101-e2bb-4255-8caf-4136c566a962
customers-3b241101-e2bb-4255-8caf-4136c566a962.csv
job-3b241101-e2bb-4255-8caf-4136c566a962
00000000-0000-0000-0000-000000000000
arn:aws:iam::123456789012:role/ApplicationDeploymentRoleForDataPipelinesInProduction
arn:aws:sns:eu-west-1:123456789012:Alerts-For-Data-Pipeline-In-Production-Eu
arn:aws:kms:eu-west-1:123456789012:key/3b241101-e2bb-4255-8caf-4136c566a962
arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/warehouse/password-a1b2c3
projects/acme-data-prod/secrets/warehouse-password/versions/latest
https://acme.vault.azure.net/secrets/warehouse-password
https://acmelake.blob.core.windows.net/landing/customers/2024/01/02/part-0000.parquet
https://example.com/a/b/c?page=2&sort=name&signature=none
https://api.github.com/repos/acme/loader/actions/runs/1234567890/logs
https://hooks.slack.com/services/
https://hooks.slack.com/services/${var.slack_path}
https://discord.com/api/webhooks/{{ env.HOOK }}
https://acme.webhook.office.com/webhookb2/
https://dbc-a1b2c3d4-e5f6.cloud.databricks.com/sql/1.0/warehouses/a1b2c3d4e5f6a7b8
https://xy12345.eu-central-1.snowflakecomputing.com
postgresql://loader@warehouse.internal:5432/analytics?sslmode=require
jdbc:postgresql://warehouse.internal:5432/analytics?sslmode=require
mongodb+srv://cluster0.ab1cd.mongodb.net/analytics
kafka-0.kafka-headless.streaming.svc.cluster.local:9092
pkc-4nym6.us-east-1.aws.confluent.cloud:9092
amqp://rabbitmq.messaging.svc.cluster.local:5672/pipeline
gs://acme-data-lake/raw/customers/dt=2024-01-02/part-00000-of-00010.avro
abfss://landing@acmelake.dfs.core.windows.net/customers/
deployment.apps/daily-customers-loader-7d9f8b6c5d-x2x4z
system:serviceaccount:data-platform:daily-customers-loader
loader-7d9f8b6c5d-x2x4z
registry.internal:5000/data/loader:2024.01.02-rc1
quay.io/acme/very-long-image-name-for-the-customer-loader:v1.2.3
firn_compiler.scan.vendors
org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog
com.fasterxml.jackson.databind.deser.BeanDeserializerFactory
airflow.providers.amazon.aws.operators.redshift_data.RedshiftDataOperator
io.confluent.connect.avro.AvroConverter
eyewear_catalog_production.eyewear_products_current.transactions
pat.customer_acquisition_cost.monthly_recurring_revenue
s.customer_acquisition_cost_by_channel
hvs.customer_acquisition_channel_name
dp.pt.customer_acquisition_cost_by_channel_and_month
sl.order_line_number
sk.customer_surrogate_key
SG.country
a_very_long_snake_case_identifier_that_names_a_table_of_customers_by_region_and_month
customer_lifetime_value_prediction_training_dataset_version_twelve
live_customer_orders_with_shipping_details_table
test_customer_orders_with_shipping_details_are_loaded
secret_name_of_the_warehouse_password_in_production
sk_live_customer_snapshot
sk_test_placeholder
pk_customer_id
re_training_schedule
web_analytics_sessions
api_org_structure_by_department
npm_package_downloads_by_country_and_month
hf_model_training_runs
key-value-pairs-of-the-customer-table
api-gateway-access-logs-by-customer-and-month
sk-learn-model-training-pipeline-for-the-customer-churn-prediction
pat-exports-by-country-and-by-customer-segment
sub-customers-by-country-and-by-customer-segment
glue-catalog-tables-by-country-and-by-customer-segment
dapi-gateway-logs
ops_dashboard_daily_refresh_of_all_customer_tables
shpat_orders
live_2024_customers
y0_y1_interpolation_of_the_values
fw_rules
ASIA_PACIFIC_REGION_SALES
ASIAPACIFICREGION
AKIA
ACCOUNTS_RECEIVABLE_LEDGER_OPEN_ITEMS
AC-2024-000123
SKU-0000123456789
SK1234567890
API-DOCUMENTATION
AGE-SECRET-KEY-1
WAREHOUSE_PASSWORD
AWS_SECRET_ACCESS_KEY
GITHUB_TOKEN
SNOWFLAKE_PRIVATE_KEY_PASSPHRASE
env.WAREHOUSE_PASSWORD
${env.WAREHOUSE_PASSWORD}
{{ secrets.slack_webhook }}
vault:secret/data/warehouse#password
aws-sm://prod/warehouse/password
secret_ref: warehouse-password
op://data-platform/warehouse/password
projects/acme/locations/eu/keyRings/data/cryptoKeys/warehouse
1.2.3
v1.0-rc.1+build.20240102
>=3.11,<4
2024-01-02T03:04:05.678901+00:00
2024-01-02T03:04:05Z/P1DT12H
*/15 2-6 * * 1-5
0 30 2 ? * MON-FRI
1234567890123456
123456789012:table
1/1200000000000000
+47 22 00 00 00
10.0.0.0/16
2001:db8:85a3::8a2e:370:7334
^[0-9]{4}-[0-9]{2}-[0-9]{2}$
[A-Za-z0-9_-]{20,}
sk_live_...
sk_live_<your key>
ghp_<token>
ghp_...
github_pat_<token>
xoxb-your-token-here
xoxp-<token>
AKIA...
AIza...
sk-ant-...
glpat-<token>
dapi<32 hexadecimal digits>
Bearer <token>
eyJ...
whsec_<secret>
SharedAccessKey=${var.key}
AccountKey=<account key>
sig=<signature>
AVG(amount) OVER (PARTITION BY customer_id ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
0x1f8b0800000000000003
America/Argentina/ComodRivadavia
text/csv;charset=utf-8;header=present
loader@acme-data-prod.iam.gserviceaccount.com
123456789012-abcdefghijklmnop.apps.googleusercontent.com
""".strip().splitlines(),
]
ESCAPES = re.compile(r"\\[^0-9A-Za-z]")
CLASSES = re.compile(r"\[[^\]]*\]")


def bounded(pattern: str) -> str:
    return f"(?:^|[^0-9A-Za-z])({pattern})(?:[^0-9A-Za-z]|$)"


BOUNDED = {row.rule: re2.compile(bounded(row.pattern)) for row in FORMATS}


def test_every_rule_has_a_name_of_its_own() -> None:
    assert [rule for rule, count in Counter(row.rule for row in ROWS).items() if count > 1] == []


def test_rules_are_named_in_kebab_case_and_their_kinds_complete_a_sentence() -> None:
    for row in ROWS:
        assert re.fullmatch("[0-9a-z]+(-[0-9a-z]+)*", row.rule), row
        assert re.fullmatch(r"(a|an|the) [0-9A-Za-z &#.-]*[0-9A-Za-z]", row.kind), row


def test_providers_are_named_as_keys_name_them() -> None:
    for row in BESIDE:
        assert row.names, row
        assert all(re.fullmatch("[0-9a-z_]+", one) for one in row.names), row


def test_patterns_have_nothing_that_the_engines_read_differently() -> None:
    for row in ROWS:
        assert row.pattern.isascii(), row
        assert "[^" not in row.pattern, row
        assert not re.search(r"\\[0-9A-Za-z]", row.pattern), row
        assert all(int(count) <= 1000 for count in re.findall(r"[{,]([0-9]+)", row.pattern)), row
        outside = CLASSES.sub("", ESCAPES.sub("", row.pattern))
        assert not set("^$.") & set(outside), row
        assert set(re.findall(r"\(\?[^:)]*.", outside)) <= {"(?:", "(?i:"}, row
        assert re.compile(row.pattern).groups == re2.compile(row.pattern).groups == 0, row


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.rule)
def test_a_token_is_found_in_a_text_and_both_engines_find_the_same(row: Format) -> None:
    mine = re.compile(bounded(row.pattern))

    @QUICK
    @given(st.from_regex(row.pattern, fullmatch=True, alphabet=ASCII))
    def check(token: str) -> None:
        for text in (token, f"take {token} here", f'"{token}"', f"url=https://{token},"):
            found, same = mine.search(text), BOUNDED[row.rule].search(text)
            assert found is not None
            assert same is not None
            assert found.group(1) == token
            assert found.span(1) == same.span(1)
        assert not token.isalnum() or mine.search(f"a{token}") is None

    check()


@pytest.mark.parametrize("row", BESIDE, ids=lambda row: row.rule)
def test_a_token_without_a_shape_is_read_alike_by_both_engines(row: Beside) -> None:
    mine, other = re.compile(row.pattern), re2.compile(row.pattern)

    @QUICK
    @given(st.from_regex(row.pattern, fullmatch=True, alphabet=ASCII))
    def check(token: str) -> None:
        assert mine.fullmatch(token)
        assert other.fullmatch(token)

    check()


def test_what_configuration_is_full_of_is_no_token() -> None:
    for text in HARMLESS:
        for written in (text, f'key: "{text}"', f"a={text};b={text}"):
            assert [rule for rule, pattern in BOUNDED.items() if pattern.search(written)] == [], text
