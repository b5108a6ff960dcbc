"""The one pass over everything never drops what a precise rule would report."""

import importlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firn_compiler.scan.engine import leaks
from firn_compiler.scan.found import Text
from firn_compiler.scan.linear import CHUNK, Patterns, weakened
from firn_compiler.scan.rules import RULES, Rule
from firn_compiler.scan.upstream import UPSTREAM, Upstream

PATTERNS = Patterns((rule.pattern, rule.part) for rule in RULES)
NEUTRAL = st.sampled_from(["", "orders of ", "x=", "'", "– ", "a\nb ", '{"a": "'])


def matching(pattern: str) -> st.SearchStrategy[str]:
    """Return texts that Python's `re` takes the pattern to match, of the signs that files are made of."""
    alphabet = st.characters(codec="ascii", exclude_characters="\0\1")
    return st.from_regex(re.compile(pattern, re.ASCII), alphabet=alphabet)


@pytest.mark.parametrize("number", range(len(RULES)), ids=[rule.name for rule in RULES])
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_rule_matches_the_first_pass_has_seen(number: int, data: st.DataObject) -> None:
    text = data.draw(NEUTRAL) + data.draw(matching(RULES[number].pattern)) + data.draw(NEUTRAL)
    whole = text.encode()
    found = list(PATTERNS.matches(number, whole))
    assert not found or number in PATTERNS.present(whole)


@pytest.mark.parametrize("row", UPSTREAM, ids=lambda row: row.rule)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_plug_in_of_detect_secrets_reports_the_first_pass_has_seen(row: Upstream, data: st.DataObject) -> None:
    detector = getattr(importlib.import_module(f"detect_secrets.plugins.{row.module}"), row.detector)()
    pattern = data.draw(st.sampled_from([*detector.denylist]))
    line = data.draw(matching(pattern.pattern if not pattern.flags & re.IGNORECASE else f"(?i){pattern.pattern}"))
    line = line.partition("\n")[0]
    number = next(at for at, rule in enumerate(RULES) if rule.name == row.rule)
    if any(detector.analyze_string(line)):
        assert number in PATTERNS.present(line.encode()), line


@given(
    st.lists(st.sampled_from(["ab{3}c", "x{2,}", "[a-f]{12,40}z", "k{1}", "q{0,3}r"]), min_size=1),
    st.text("abckqrxz", max_size=60),
)
def test_a_weakened_pattern_matches_wherever_the_pattern_does(parts: list[str], text: str) -> None:
    pattern = "".join(parts).encode()
    assert not re.search(pattern, text.encode()) or re.search(weakened(pattern), text.encode())


def test_patterns_of_every_set_are_found_and_numbered_from_the_first() -> None:
    patterns = Patterns((f"word{number}x", "") for number in range(2 * CHUNK + 3))
    assert patterns.present(b"word0x") == [0]
    assert patterns.present(f"word{CHUNK}x word{2 * CHUNK + 2}x".encode()) == [CHUNK, 2 * CHUNK + 2]
    assert patterns.present(b"nothing") == []


def test_a_match_may_begin_with_the_last_sign_of_the_one_before() -> None:
    patterns = Patterns([("(?:^|,)(a+)(?:,|$)", "")])
    assert [spans[1] for spans in patterns.matches(0, b"aa,aaa,a")] == [(0, 2), (3, 6), (7, 8)]


def test_a_text_with_more_in_it_than_is_read_is_refused() -> None:
    text = "' || '\\u0041%41 {{ env.A:%2541 }}" * 60_000
    assert [leak.rule for leak in leaks([Text(text)])] == ["too-much-encoded"]


def test_a_rule_is_known_by_one_name_and_says_what_it_finds() -> None:
    seen: dict[str, Rule] = {}
    for rule in RULES:
        assert seen.setdefault(rule.name, rule).kind == rule.kind
        assert re.fullmatch("[a-z0-9-]{3,60}", rule.name)
        assert re.match("(?:a|an|the) ", rule.kind), rule.kind
