"""What is a secret and what is none, by its key and its form."""

import base64
import random
import string

import pytest

from firn_compiler.scan.engine import leaks
from firn_compiler.scan.found import Text
from firn_compiler.scan.words import sort_of

CHANCE = random.Random(7)
RANDOM = "".join(CHANCE.choices(string.ascii_letters + string.digits, k=40))
HEX = "".join(CHANCE.choices("0123456789abcdef", k=40))
PASSWORD = "Tr0ub4dor" + "&3"


@pytest.mark.parametrize(
    ("key", "sort"),
    [
        ("password", "password"),
        ("dbPassword", "password"),
        ("DB-PASSWORD", "password"),
        ("PGPASSWORD", "password"),
        ("registry_password", "password"),
        ("spring.datasource.password", "password"),
        ("api_key", "token"),
        ("X-Api-Key", "token"),
        ("AWSSecretKey", "token"),
        ("npmtoken", "token"),
        ("secret_id", "token"),
        ("key", "key"),
        ("salt", "key"),
        ("secret_ref", ""),
        ("secretKeyRef", ""),
        ("password_file", ""),
        ("password_policy", ""),
        ("api_key_header", ""),
        ("max_tokens", ""),
        ("partition_key", ""),
        ("primary_key", ""),
        ("public_key", ""),
        ("next_page_token", ""),
        ("token_ttl", ""),
        ("NOPASSWD", ""),
        ("tokenizer", ""),
        ("description", ""),
    ],
)
def test_a_key_says_what_its_value_is(key: str, sort: str) -> None:
    assert sort_of(key) == sort


SECRETS = {
    "a password under its key": Text(PASSWORD, "password"),
    "a word under a password": Text("lantern", "password"),
    "digits under a password": Text("12345678", "password"),
    "hexadecimal under a token": Text(HEX, "api_key"),
    "a value below its key": Text(HEX, "value", "api_key"),
    "a random text alone": Text(RANDOM),
    "an address": Text(f"postgres://reader:{PASSWORD}@db/shop"),
    "an address with a token": Text(f"https://{RANDOM}@example.com/repository.git"),
    "a header": Text(f"Authorization: Bearer {RANDOM}"),
    "a credential": Text(f"Basic {base64.b64encode(b'etl:' + PASSWORD.encode()).decode()}", "Authorization"),
    "an option": Text(f"--password={PASSWORD}"),
    "a variable of a shell": Text(f"PGPASSWORD={PASSWORD} psql -h db"),
    "a short option": Text(f"mysql -u etl -p{PASSWORD} shop"),
    "a user of curl": Text(f"curl -su etl:{PASSWORD} https://example.com".replace("-su", "-s -u")),
    "a user in SQL": Text(f"create user etl with password '{PASSWORD}'"),
    "a user in SQL of another kind": Text(f"create user etl identified by '{PASSWORD}'"),
    "a comment": Text(f" the old one was password: {PASSWORD}"),
    "JSON in a text": Text(f'{{"login": {{"user": "etl", "password": "{PASSWORD}"}}}}'),
    "a default of a template": Text(f"{{{{ env.DB_PASSWORD:{PASSWORD} }}}}"),
    "a default of a shell": Text(f"${{DB_PASSWORD:-{PASSWORD}}}"),
    "base64": Text(base64.b64encode(f"password={PASSWORD}".encode()).decode()),
    "base64 twice": Text(base64.b64encode(base64.b64encode(f"password={PASSWORD}".encode())).decode()),
    "hexadecimal of a text": Text(f"password={PASSWORD}".encode().hex()),
    "percent-encoded": Text(f"password%3D{PASSWORD.replace('&', '%26')}"),
    "escaped": Text(f"\\u0070assword={PASSWORD}"),
    "pieces that SQL joins": Text(f"select '{RANDOM[:18]}' || '{RANDOM[18:]}'"),
    "lines that a shell joins": Text(f"mysql -u etl \\\n  -p{PASSWORD}"),
    "signs that nobody sees": Text(f"pass\u200bword={PASSWORD}"),
}
HARMLESS = {
    "a reference": Text("polaris-oauth-credentials", "secret_ref"),
    "a name of a secret": Text("orders-api", "token"),
    "a variable's name": Text("DB_PASSWORD", "password"),
    "a template": Text("{{ env.DB_PASSWORD }}", "password"),
    "a variable of a shell": Text("${DB_PASSWORD}", "password"),
    "a path": Text("/var/run/secrets/shop/password", "password"),
    "an address in a store": Text("vault:secret/data/shop#password", "password"),
    "an ARN": Text("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3", "secret"),
    "a placeholder": Text("<your-api-key>", "api_key"),
    "another placeholder": Text("change-me-please", "password"),
    "a manual's key": Text("AKIAIOSFODNN7" + "EXAMPLE"),
    "a commit": Text(HEX, "revision"),
    "a digest": Text("sha256:" + HEX + HEX[:24], "image_digest"),
    "hexadecimal alone": Text(HEX),
    "an id": Text("3b241101-e2bb-4255-8caf-4136c566a962", "tenant_id"),
    "a digest in prose": Text("the digest sha256:" + HEX + HEX[:24] + " of the file"),
    "a token that is cut short": Text(f"tokens look like {RANDOM}…"),
    "a type of a column": Text("varchar(40)", "secret_key"),
    "a policy": Text("at least 12 characters", "password_policy"),
    "a name in camel case": Text("OrdersByCustomerAndCountryOfTheLastYear"),
    "a label of an interface": Text("Passwort", "password"),
    "SQL about passwords": Text("select user_id, password_hash, md5(email) as token from users where password = $1"),
    "prose about passwords": Text("The password is kept in the vault; ask the platform team for a token."),
    "base64 of plain text": Text(base64.b64encode(b"select id, name from customers order by 1").decode()),
    "an address without a password": Text("postgresql://reader@db.example.com:5432/shop", "dsn"),
    "a public key": Text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + RANDOM[:35], "host_key"),
    "a certificate": Text(f"-----BEGIN CERTIFICATE-----\n{RANDOM}\n{RANDOM}\n-----END CERTIFICATE-----"),
    "a header of a key without its body": Text("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"),
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_found(text: Text) -> None:
    assert leaks([text])


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_harmless_is_left_alone(text: Text) -> None:
    assert leaks([text]) == []


def test_every_text_answers_for_itself() -> None:
    texts = [*SECRETS.values(), *HARMLESS.values()]
    assert {leak.number for leak in leaks(texts)} == set(range(len(SECRETS)))


def test_the_most_exact_rule_is_told_once_for_one_place() -> None:
    token = "ghp_" + RANDOM[:36]
    assert [(leak.rule, leak.start, leak.end) for leak in leaks([Text(f"x {token}", "api_key")])] == [
        ("github-token", 2, 42)
    ]


def test_places_are_counted_in_characters() -> None:
    found = leaks([Text(f"größer – als: password={RANDOM}")])
    assert [(leak.start, leak.end) for leak in found] == [(23, 23 + len(RANDOM))]
