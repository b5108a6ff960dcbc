"""Redaction: a secret is masked in every form in which a program may write it, and ordinary text stays as it is."""

import gzip
import json
import threading
import urllib.parse
from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firn_runtime.redaction.redactor import Redactor
from firn_schemas.base import Json
from firn_schemas.secret import MASK, Secret
from runtime.redaction_corpus import documents, lines, secrets
from runtime.redaction_forms import ENCODINGS, SHAPES, Shape, forms, readable

PASSWORD = "k7#Vq!9x$TfL2@"
TOKEN = "c4n4ryTokenZ8qW3xN5vB7mK1jH6gF2dS9"


def masking(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add(Secret(value))
    return redactor


MASKS = {shape.name: masking(shape.value) for shape in SHAPES}


def test_at_most_one_form_in_twenty_stays_readable() -> None:
    answers = [(shape.name, name, readable(shape, ENCODINGS[name], MASKS[shape.name].text)) for shape, name in forms()]
    left = [(shape, name) for shape, name, open_ in answers if open_]
    assert len(answers) >= 1000
    assert len(left) <= 0.05 * len(answers), left


def test_a_form_that_nothing_decodes_counts_as_readable() -> None:
    shape = Shape("token", TOKEN)
    assert readable(shape, lambda value: gzip.compress(value.encode()).hex(), masking(TOKEN).text)
    assert readable(shape, lambda value: value, lambda text: text)
    assert not readable(shape, lambda value: value, masking(TOKEN).text)


@pytest.mark.parametrize("shape", [one for one in SHAPES if one.name not in ("pin", "word")], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "name",
    """as it is|quote everything|quote_plus|every byte in percent|percent twice|base64|base64 for URLs, no padding
base64 after one byte|base64 after two bytes|base64 after three bytes|base64 twice|base64 in lines|base64 of a JSON line
base64 of UTF-16|base32|hex|hex in capitals|hex with colons|JSON|JSON twice|JSON in a URL|shell|shell, ANSI-C|repr
repr of bytes|HTML|entities, decimal|entities, hex|SQL|unicode escapes|hex escapes|octal escapes|quoted-printable
UTF-16 in hex|backwards|rot13|a list of characters|with spaces|capitals|small letters|in lines""".replace(
        "\n", "|"
    ).split("|"),
)
def test_the_promised_encodings_are_masked(shape: Shape, name: str) -> None:
    assert not readable(shape, ENCODINGS[name], MASKS[shape.name].text)


def test_fifty_secrets_change_no_ordinary_line() -> None:
    redactor = masking(*secrets())
    ordinary = [*lines(6000), *documents()]
    assert [line for line in ordinary if redactor.text(line) != line] == []


@pytest.mark.parametrize("value", list(secrets()))
def test_a_line_with_a_secret_in_it_keeps_the_rest(value: str) -> None:
    masked = masking(*secrets()).text(f"10:42 login failed ({value}), attempt 3")
    assert masked.startswith("10:42 login failed (")
    assert masked.endswith("), attempt 3")
    assert value not in masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"a {PASSWORD} b", "a *** b"),
        (f"{PASSWORD}{PASSWORD}", MASK),
        (f"{PASSWORD}{TOKEN}{PASSWORD}", MASK),
        (f"{PASSWORD} {PASSWORD}", "*** ***"),
        (f"x={b64encode(PASSWORD.encode()).decode()};", "x=***;"),
        (f"x={urllib.parse.quote(b64encode(PASSWORD.encode()).decode())}", "x=***"),
        (f"token={TOKEN[:14]}...", "token=***..."),
        (f"***{PASSWORD}***", MASK),
        ("nothing ******** here", "nothing ******** here"),
    ],
)
def test_the_mask_tells_no_length(text: str, masked: str) -> None:
    assert masking(PASSWORD, TOKEN).text(text) == masked


def test_without_a_secret_everything_is_given_back_as_it_is() -> None:
    redactor = Redactor()
    value: Json = [{"a": TOKEN}]
    text, content = f"a {TOKEN}", TOKEN.encode()
    assert redactor.text(text) is text
    assert redactor.value(value) is value
    assert redactor.bytes(content) is content


def test_text_and_bytes_without_the_secret_are_given_back_as_they_are() -> None:
    redactor, text, content = masking(TOKEN), "an ordinary line, 100 %", b"\xff\x00 bytes"
    assert redactor.text(text) is text
    assert redactor.bytes(content) is content


def test_json_is_masked_in_values_and_keys_and_keeps_its_numbers() -> None:
    value: dict[str, Json] = {
        "n": 482913,
        "x": [1.5, None, True, f"a {TOKEN}"],
        TOKEN: {"deep": [[TOKEN]]},
        "list": list(TOKEN),
    }
    masked = masking(TOKEN, "482913").value(value)
    assert masked == {"n": 482913, "x": [1.5, None, True, "a ***"], MASK: {"deep": [[MASK]]}, "list": [MASK]}
    assert TOKEN in value


def test_bytes_that_are_not_text_are_kept() -> None:
    assert masking(TOKEN).bytes(b"\xff\xfe " + TOKEN.encode() + b" \x80") == b"\xff\xfe *** \x80"
    assert masking(TOKEN).bytes(TOKEN.encode("utf-16-le")) == b"***\x00"


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_secret_that_is_split_between_chunks_is_masked(size: int) -> None:
    output = f"first {TOKEN}\nsecond ü {PASSWORD} and\rthird {TOKEN}".encode()
    stream = masking(TOKEN, PASSWORD).stream()
    chunks = [stream.feed(output[at : at + size]) for at in range(0, len(output), size)]
    assert b"".join([*chunks, stream.flush()]) == "first ***\nsecond ü *** and\rthird ***".encode()
    assert stream.flush() == b""


def test_a_complete_line_is_given_on_at_once() -> None:
    stream = masking(TOKEN).stream()
    assert stream.feed(b"one\ntw") == b"one\n"
    assert stream.feed(b"o\n") == b"two\n"


def test_a_line_that_never_ends_is_given_on_in_parts_and_never_through_a_secret() -> None:
    stream = masking(TOKEN).stream()
    line = (f"{TOKEN}, and then " * 20_000).encode()
    given_on = [stream.feed(line[at : at + 8192]) for at in range(0, len(line), 8192)]
    assert max(map(len, given_on)) < 100_000
    assert b"".join([*given_on, stream.flush()]) == b"***, and then " * 20_000


def test_the_password_of_a_dsn_is_masked_alone_and_its_host_stays_readable() -> None:
    redactor = masking("postgresql://loader:Tr0ub%40dor-9@db.shop.example.com:5432/shop?sslmode=require")
    assert redactor.text("cannot reach db.shop.example.com:5432/shop") == "cannot reach db.shop.example.com:5432/shop"
    assert redactor.text("user loader, password Tr0ub@dor-9") == "user loader, password ***"
    assert redactor.text("password=Tr0ub%40dor-9 host=db") == "password=*** host=db"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("mysql://x@db/shop?user=a&password=Qw3rty-Zx98", "Qw3rty-Zx98"),
        ("https://hooks.example.com/services/T0AB12/B0CD34/x9Y8z7W6v5U4", "T0AB12/B0CD34/x9Y8z7W6v5U4"),
        ("https://ghp_x9Y8z7W6v5U4t3S2@example.com/a.git", "ghp_x9Y8z7W6v5U4t3S2"),
        (r"host=db user=x password='Qw3\'rty Zx98'", "Qw3'rty Zx98"),
        ("Server=db;Uid=x;Pwd={Qw3rty;Zx98};Database=shop", "Qw3rty;Zx98"),
        (json.dumps({"type": "x", "nested": [{"client_secret": "Qw3rty-Zx98"}]}), "Qw3rty-Zx98"),
        (
            '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\n"}',
            "MIIEvQIBADANBg",
        ),
        ("user: loader\ntoken: Qw3rty-Zx98-77\n", "Qw3rty-Zx98-77"),
        ("first-Qw3rty-line\nother-Zx98-line", "other-Zx98-line"),
    ],
)
def test_the_secret_parts_of_a_value_are_masked_alone(value: str, part: str) -> None:
    redactor = masking(value)
    assert redactor.text(f"failed with {part} today") == "failed with *** today"
    assert redactor.text(f"failed with {value} today") == "failed with *** today"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----",
        "project shop-prod, type service_account, loader@shop-prod.example.com",
        "https://oauth2.example.com/token answers 400",
    ],
)
def test_what_a_service_account_file_has_in_common_with_others_stays(text: str) -> None:
    assert masking(next(one.value for one in SHAPES if one.name == "service account")).text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password postgres refused", "password *** refused"),
        ("cG9zdGdyZXM= and 706f737467726573", "*** and ***"),
        ("%70ostgres p-o-s-t-g-r-e-s", "*** ***"),
        ("postgresql, mypostgres and Postgres 16", "postgresql, mypostgres and Postgres 16"),
    ],
)
def test_a_common_word_is_masked_as_it_is_and_not_inside_of_others(text: str, masked: str) -> None:
    assert masking("postgres").text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [("pin 482913.", "pin ***."), ("1482913 4829135", "1482913 4829135"), ("[4, 8, 2, 9, 1, 3]", "[***]")],
)
def test_a_number_is_masked_where_no_other_digit_touches_it(text: str, masked: str) -> None:
    assert masking("482913").text(text) == masked


@pytest.mark.parametrize("value", ["a1!", "x", "9", "42", "?!"])
def test_a_value_of_a_few_characters_is_masked_where_no_letter_touches_it(value: str) -> None:
    assert masking(value).text(f"is ({value}) or b{value}b") == f"is (***) or b{value}b"


def test_secrets_may_be_added_while_others_mask() -> None:
    redactor = masking(TOKEN)
    leaks: list[str] = []
    added = [f"{TOKEN[::-1]}-{n:04}-zX" for n in range(40)]

    def mask() -> None:
        for _ in range(300):
            leaks.extend(one for one in [TOKEN] if one in redactor.text(f"a {one} b"))

    threads = [threading.Thread(target=mask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for value in added:
        redactor.add(Secret(value))
        assert redactor.text(f"a {value} b") == "a *** b"
    for thread in threads:
        thread.join()
    assert leaks == []


@pytest.mark.parametrize("value", ["a" * 65_536, "abc" * 20_000, "\n" * 50, " " * 9, "\\" * 40, "%41" * 40, "é" * 30])
def test_values_of_no_sense_are_masked_too(value: str) -> None:
    assert masking(value).text(f"<{value}>") in ("<***>", "***")


@pytest.mark.parametrize(
    "value",
    [
        "a=b" * 20_000, "a=b c" * 12_000, "a b" * 20_000, "a: " + " " * 60_000 + "x", "x" * 60_000 + "=", "=" * 60_000,
        "'" * 60_000, "a='" + "\\" * 60_000, "[" * 1000 + '"' + TOKEN + '"' + "]" * 1000, "-----BEGIN A-----" * 4_000,
        "x://" * 16_000, "x://" + "@" * 60_000, "{" * 60_000, "%" * 60_000, "a" + " " * 60_000 + "=b",
    ],
    ids=lambda value: value[:8],
)  # fmt: skip
def test_a_hostile_value_is_taken_in_without_delay(value: str) -> None:
    assert value not in masking(value).text(f"<{value}>")


def test_a_value_that_is_no_text_is_masked_by_its_rest() -> None:
    masked = masking(f"{TOKEN}\udcff{PASSWORD}").text(f"({TOKEN}\udcff{PASSWORD})")
    assert masked in ("(***)", "(***\udcff***)")


def test_a_large_value_is_masked_whole_and_in_parts() -> None:
    large = "".join(b64encode(f"{n * 7919} {n * n}".encode()).decode().rstrip("=") for n in range(4000))[:65_536]
    redactor = masking(large)
    assert redactor.text(f"a {large} b") == "a *** b"
    assert redactor.text(f"a {large[1000:1050]} b") == "a *** b"
    assert redactor.text(f"a {b64encode(large.encode()).decode()} b") == "a *** b"


VALUES = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=40),
    st.sampled_from([PASSWORD, TOKEN, *(one.value for one in SHAPES)]),
).filter(lambda value: any(character not in "* " for character in value.strip()))
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(VALUES, AROUND, AROUND)
@example("a***b***c***d", "a", "d")
@example("x" * 12, "xxx", "xxx")
def test_masked_text_never_holds_the_secret(value: str, before: str, after: str) -> None:
    assert value not in masking(value).text(f"{before} {value} {after}")


@given(VALUES, VALUES, AROUND)
def test_masking_twice_is_masking_once(one: str, two: str, around: str) -> None:
    redactor = masking(one, two)
    masked = redactor.text(f"{one[:9]}{two}{one[9:]} {around} {b64encode(one.encode()).decode()}{around}{two[3:]}")
    assert redactor.text(masked) == masked


@given(st.text(st.characters(categories=["Ll", "Zs", "Po"], max_codepoint=0x24F), max_size=300))
def test_text_without_the_secret_is_unchanged(text: str) -> None:
    assert masking("7519-2846-0937-5512-8890", TOKEN.upper().replace("A", "4")).text(text) == text


@given(st.lists(st.sampled_from([TOKEN[:9], TOKEN[9:], "\n", "é", " and "]), max_size=30))
def test_a_stream_says_what_its_whole_text_would(parts: list[str]) -> None:
    stream = masking(TOKEN).stream()
    answer = b"".join([*(stream.feed(part.encode()) for part in parts), stream.flush()])
    assert TOKEN.encode() not in answer
    expected = "".join(masking(TOKEN).text(line) for line in "".join(parts).splitlines(keepends=True))
    assert answer.decode() == expected
