"""What people, editors and attackers put into YAML files, each with its one answer: a value, or a code and a place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from compiler.places import astray
from compiler.projects import FLOW, compiled
from firn_compiler.document import value_of
from firn_compiler.render.text import render
from firn_compiler.scalars import plain_value
from firn_compiler.yaml_source import MAX_BYTES, Source, parse

MEGA = 1_000_000


class Row(NamedTuple):
    """An input and its answer: a tree, or such as `E106 1:4`."""

    name: str
    content: bytes | Callable[[], bytes]
    answer: Any


def answer(content: bytes) -> Any:
    """Return what the front end makes of the file, in the spelling of the table."""
    parsed = parse(Source("flow.yaml", content))
    for one in parsed.found:
        return f"{one.code} {one.span.line}:{one.span.column}"
    return value_of(parsed.document.root) if parsed.document else None


def laughs(levels: int, width: int) -> bytes:
    rows = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    rows += [f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * width) + "]" for level in range(1, levels)]
    return "\n".join(rows).encode()


def quadratic() -> bytes:
    return b"a: &a [" + b"x, " * 5000 + b"x]\nb: [" + b"*a, " * 5000 + b"*a]\n"


def merges(levels: int) -> bytes:
    rows = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, levels)]
    return "\n".join(rows).encode()


def block_nest(depth: int) -> bytes:
    return b"".join(b" " * level + b"a:\n" for level in range(depth))


BOMBS = [
    Row("billion laughs", lambda: laughs(10, 10), "E107 6:15"),
    Row("a deep chain of doubled aliases", lambda: laughs(64, 2), "E107 16:18"),
    Row("one long list that is named thousands of times", quadratic, "E107 2:161"),
    Row("merge keys that double at every level", lambda: merges(30), "E106 2:10"),
    Row("flow lists 10,000 deep", lambda: b"a: " + b"[" * 10_000 + b"]" * 10_000, "E107 1:43"),
    Row("flow lists 100,000 deep that never close", lambda: b"a: " + b"[" * 100_000, "E107 1:43"),
    Row("flow mappings 100,000 deep", lambda: b"a: " + b"{a: " * 100_000, "E107 1:160"),
    Row("compact block lists 100,000 deep", lambda: b"a:\n" + b"- " * 100_000, "E107 2:79"),
    Row("block mappings 2,000 deep", lambda: block_nest(2_000), "E107 41:41"),
    Row("block mappings 10,000 deep, 50 MB of indentation", lambda: block_nest(10_000), "E107 1:1"),
    Row("explicit keys 100,000 deep", lambda: b"? " * 100_000, "E106 1:3"),
    Row("brackets as keys, 100,000 deep", lambda: b"{" * 100_000, "E106 1:2"),
    Row("a scalar of 100 MB", lambda: b"a: " + b"x" * 100 * MEGA, "E107 1:1"),
    Row("a comment of 100 MB", lambda: b"#" + b"x" * 100 * MEGA + b"\na: 1\n", "E107 1:1"),
    Row("a million keys", lambda: b"".join(b"k%07d: 1\n" % n for n in range(MEGA)), "E107 1:1"),
    Row("a million list items", lambda: b"a:\n" + b"- \n" * MEGA, "E107 100000:2"),
    Row("a million list items on one line", lambda: b"a: [" + b"1," * MEGA + b"]", "E107 1:200001"),
    Row("just too many keys for one file", lambda: b"".join(b"k%d:\n" % n for n in range(200_000)), "E107 100000:8"),
    Row("a scalar just below the size limit", lambda: b"a: " + b"x" * 4 * MEGA, {"a": "x" * 4 * MEGA}),
    Row("a quoted scalar of escapes", lambda: b'a: "' + rb"\u00e9" * 600_000 + b'"', {"a": "é" * 600_000}),
    Row("a comment just below the size limit", lambda: b"#" + b"x" * 4 * MEGA + b"\na: 1\n", {"a": 1}),
    Row("two million blank lines", lambda: b"a: 1\n" + b"\n" * 2 * MEGA, {"a": 1}),
    Row("a folded scalar of two million lines", lambda: b"a: >\n" + b" \n" * 2 * MEGA, {"a": ""}),
    Row("an indentation of four million spaces", lambda: b"a:\n" + b" " * 4 * MEGA + b"b: 1\n", {"a": {"b": 1}}),
    Row("a bell after four million line breaks", lambda: b"a: 1\n" + b"\n" * 4 * MEGA + b"\x07", "E106 4000002:1"),
    Row("a bad byte after four million line breaks", lambda: b"\n" * 4 * MEGA + b"\xff", "E103 4000001:1"),
    Row("a mistake after four million line breaks", lambda: b"a: 1\n" + b"\n" * 4 * MEGA + b"@", "E101 4000002:1"),
    Row("a quote that two million lines do not close", lambda: b"a: '" + b"x\n" * 2 * MEGA, "E101 1:4"),
    Row("a million document markers", lambda: b"---\n" * MEGA, "E106 2:1"),
    Row("a million anchors", lambda: b"".join(b"- &a%d\n" % n for n in range(300_000)), "E107 100000:3"),
    Row("an anchor's name of a million letters", lambda: b"a: &" + b"x" * MEGA + b" 1\n", {"a": 1}),
]

TAGS = [
    Row("a Python object", b"a: !!python/object:os.system {}", "E106 1:4"),
    Row("a Python call", b"a: !!python/object/apply:os.system [ls]", "E106 1:4"),
    Row("a Python name as a key", b"!!python/name:os.system : 1", "E106 1:1"),
    Row("a local tag", b"a: !foo x", "E106 1:4"),
    Row("an integer tag on text", b"a: !!int x", "E106 1:4"),
    Row("a boolean tag on text", b"a: !!bool maybe", "E106 1:4"),
    Row("a text tag on a number", b"a: !!str 1", "E106 1:4"),
    Row("a binary tag on what is no base64", b'a: !!binary "%%%"', "E106 1:4"),
    Row("a timestamp tag", b"a: !!timestamp 2026-99-99", "E106 1:4"),
    Row("a set", b"a: !!set {x, y}", "E106 1:4"),
    Row("an ordered map", b"a: !!omap [x: 1]", "E106 1:4"),
    Row("a verbatim tag", b"a: !<tag:yaml.org,2002:str> x", "E106 1:4"),
    Row("a verbatim tag that does not end", b"a: !<tag:yaml.org x", "E106 1:18"),
    Row("the non-specific tag", b"a: ! 1", "E106 1:4"),
    Row("the non-specific tag on a mapping", b"a: ! {}", "E106 1:4"),
    Row("a tag on the root", b"!foo\na: 1", "E106 1:1"),
    Row("a tag on a list", b"a: !foo\n- 1", "E106 1:4"),
    Row("a tag on a key", b"!foo a: 1", "E106 1:1"),
    Row("a tag on nothing", b"a: !foo", "E106 1:4"),
    Row("a tag with a handle nobody defined", b"a: !e!foo x", "E106 1:4"),
    Row("a tag behind an anchor", b"a: &x !foo y", "E106 1:4"),
    Row("YAML 1.1", b"%YAML 1.1\n---\na: no", "E106 1:1"),
    Row("YAML 1.2", b"%YAML 1.2\n---\na: no", "E106 1:1"),
    Row("YAML 1.3", b"%YAML 1.3\n---\na: no", "E106 1:1"),
    Row("YAML 2.0", b"%YAML 2.0\n---\na: no", "E106 1:1"),
    Row("YAML of a huge version", b"%YAML 1.99999999999\n---\na: no", "E106 1:1"),
    Row("a tag directive", b"%TAG ! tag:example.com,2026:\n---\na: 1", "E106 1:1"),
    Row("an unknown directive", b"%FOO bar\n---\na: 1", "E106 1:1"),
    Row("a directive after a comment", b"# c\n%YAML 1.2\n---\na: 1", "E106 2:1"),
    Row("a directive without a document", b"%YAML 1.2\n", "E106 1:1"),
    Row("a directive without its marker", b"%YAML 1.2\na: 1", "E106 1:1"),
    Row("a percent sign inside", b"a: 100%\nb: x\n", {"a": "100%", "b": "x"}),
]

ANCHORS = [
    Row("an alias of a scalar", b"a: &x 1\nb: *x", {"a": 1, "b": 1}),
    Row("an alias of a mapping", b"a: &x {y: 1}\nb: *x", {"a": {"y": 1}, "b": {"y": 1}}),
    Row("an alias inside its own anchor", b"a: &x [1, *x]", "E106 1:11"),
    Row("an alias of the root", b"&x\na: *x", "E106 2:4"),
    Row("an alias in place of the root", b"*x", "E106 1:1"),
    Row("an alias as a key", b"a: &x y\n*x : 1", "E106 2:1"),
    Row("an anchor on a key", b"&x a: 1", "E106 1:1"),
    Row("an anchor on a key deep inside", b"a:\n  b: {&x c: 1}", "E106 2:7"),
    Row("an anchor that is defined twice", b"a: &x 1\nb: &x 2\nc: *x", "E106 2:4"),
    Row("an anchor defined again inside itself", b"a: &x [&x 1]", "E106 1:8"),
    Row("an alias before its anchor", b"a: *x\nb: &x 1", "E106 1:4"),
    Row("an alias without a name", b"a: * b", "E101 1:4"),
    Row("an anchor without a name", b"a: & b", "E101 1:4"),
    Row("an anchor on nothing", b"a: &x\nb: *x", {"a": None, "b": None}),
    Row("an anchor on an alias", b"a: &x 1\nb: &y *x", "E101 2:7"),
    Row("two anchors on one value", b"a: &x &y 1", "E101 1:7"),
    Row("a colon in an anchor's name", b"a: &x: 1\n", "E101 1:6"),
]

UNICODE = [
    Row("a raw NUL", b"a: x\0y", "E106 1:5"),
    Row("a raw bell", b"a: x\x07y", "E106 1:5"),
    Row("a raw escape in a comment", b"a: 1 # \x1b[31m", "E106 1:8"),
    Row("a raw delete", b"a: \x7f", "E106 1:4"),
    Row("a vertical tab before the mistake", b"a: 1\nb: x\x0by", "E106 2:5"),
    Row("a form feed between lines", b"a: 1\n\x0c\nb: 2", "E106 2:1"),
    Row("a raw C1 control", "a: \u009b31m".encode(), "E106 1:4"),
    Row("a noncharacter", "a: \uffff".encode(), "E106 1:4"),
    Row("an escaped NUL", rb'a: "x\0y"', "E106 1:4"),
    Row("an escaped bell", rb'a: "\x07"', "E106 1:4"),
    Row("an escaped escape", rb'a: "\e[31m"', "E106 1:4"),
    Row("an escaped tab and line break", rb'a: "\t\n\r"', {"a": "\t\n\r"}),
    Row("an escaped lone surrogate", rb'a: "\uD800"', "E101 1:7"),
    Row("an escaped pair of surrogates", rb'a: "\uD83D\uDE00"', "E101 1:7"),
    Row("an escape beyond Unicode", rb'a: "\UFFFFFFFF"', "E101 1:7"),
    Row("an escaped character beyond the BMP", rb'a: "\U0001F600"', {"a": "\U0001f600"}),
    Row("an escape with too few digits", rb'a: "\u12"', "E101 1:7"),
    Row("an escape that YAML does not know", rb'a: "\d+"', "E101 1:5"),
    Row("an escaped slash", rb'a: "\/"', {"a": "/"}),
    Row("a bidi control in a value", "a: x\u202ey".encode(), "E106 1:5"),
    Row("a bidi control in a key", "a\u202e: x".encode(), "E106 1:2"),
    Row("an isolate in a comment", "a: 1 # \u2066x".encode(), "E106 1:8"),
    Row("an Arabic letter mark", "a: \u061cx".encode(), "E106 1:4"),
    Row("a zero-width space in a key", "a\u200bb: x".encode(), "E106 1:2"),
    Row("a zero-width joiner in a value", "a: b\u200dc".encode(), "E106 1:5"),
    Row("a joiner at the end of a word", "a: \u0645\u06cc\u200c".encode(), "E106 1:6"),
    Row("a joiner in a word of Persian", "a: \u0645\u06cc\u200c\u062e".encode(), {"a": "\u0645\u06cc\u200c\u062e"}),
    Row("a sign made of two in a comment", "a: b # \U0001f468\u200d\U0001f4bb".encode(), {"a": "b"}),
    Row("a joiner in a key", "\u0645\u06cc\u200c\u062e: b".encode(), "E106 1:1"),
    Row("a word joiner", "a: b\u2060c".encode(), "E106 1:5"),
    Row("a soft hyphen in a key", "a\u00adb: x".encode(), "E106 1:1"),
    Row("an escaped zero-width space in a value", rb'a: "x\u200by"', {"a": "x\u200by"}),
    Row("an escaped zero-width space in a key", rb'"x\u200by": 1', "E106 1:1"),
    Row("an escaped bidi control in a key", rb'a: {"x\u202Ey": 1}', "E106 1:5"),
    Row("an escaped line break in a key", rb'"x\ny": 1', "E106 1:1"),
    Row("an escaped tab in a key", rb'"x\ty": 1', "E106 1:1"),
    Row("a tag character in a key", "a\U000e0041: 1".encode(), "E106 1:2"),
    Row("a byte order mark at the start", b"\xef\xbb\xbfa: 1", {"a": 1}),
    Row("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbfa: 1", "E106 1:1"),
    Row("a byte order mark inside", b"a: 1\n\xef\xbb\xbfb: 2", "E106 2:1"),
    Row("a byte order mark in a key", b"a\xef\xbb\xbfb: 1", "E106 1:2"),
    Row("an escaped byte order mark in a key", rb'"\uFEFFa": 1', "E106 1:1"),
    Row("only a byte order mark", b"\xef\xbb\xbf", "E102 1:1"),
    Row("UTF-16, little end first", "a: 1".encode("utf-16"), "E103 1:1"),
    Row("UTF-16, big end first", b"\xfe\xff" + "a: 1".encode("utf-16-be"), "E103 1:1"),
    Row("UTF-16 without a mark", "a: 1".encode("utf-16-le"), "E106 1:2"),
    Row("UTF-16 with the big end first and no mark", "a: 1".encode("utf-16-be"), "E106 1:1"),
    Row("UTF-32", "a: 1".encode("utf-32"), "E103 1:1"),
    Row("UTF-32 with the big end first", b"\0\0\xfe\xff" + "a: 1".encode("utf-32-be"), "E103 1:3"),
    Row("Latin-1", "a: 1\nb: größe".encode("latin-1"), "E103 2:6"),
    Row("Latin-1 after a real umlaut", "ä: ".encode() + b"\xe4", "E103 1:4"),
    Row("Latin-1 after a byte order mark", b"\xef\xbb\xbfa: \xe4", "E103 1:4"),
    Row("Latin-1 after lone carriage returns", b"a: 1\rb: \xe4", "E103 2:4"),
    Row("UTF-8 that ends too early", b"a: \xe2\x82", "E103 1:4"),
    Row("an overlong encoding", b"a: \xc0\xaf", "E103 1:4"),
    Row("an encoded surrogate", b"a: \xed\xa0\x80", "E103 1:4"),
    Row("a byte that never occurs", b"a: \xff", "E103 1:4"),
    Row("a code beyond Unicode", b"a: \xf4\x90\x80\x80", "E103 1:4"),
    Row("a column after umlauts and emoji", "ä: 😀\nöü: 😀 !\n😀: !x 1".encode(), "E106 3:4"),
    Row("a column in a line of wide characters", 'ä: {ö: "😀😀", ü: !x 1}'.encode(), "E106 1:17"),
    Row("a syntax error after wide characters", "ä: 😀😀: x".encode(), "E101 1:6"),
    Row("a key that is not normalised", "e\u0301: 1".encode(), "E106 1:1"),
    Row("an escaped key that is not normalised", rb'"e\u0301": 1', "E106 1:1"),
    Row("keys that differ by normalisation alone", "\u00e9: 1\ne\u0301: 2".encode(), "E106 2:1"),
    Row("a key with a compatibility character", "a\ufb01: 1".encode(), {"a\ufb01": 1}),
    Row("a value that is not normalised", "a: e\u0301".encode(), {"a": "e\u0301"}),
    Row("a no-break space as indentation", "a:\n\u00a0b: 1".encode(), "E106 2:1"),
]

BREAKS = [
    Row("Windows line endings", b"a: 1\r\nb: |\r\n  x\r\n  y\r\n", {"a": 1, "b": "x\ny\n"}),
    Row("lone carriage returns", b"a: 1\rb: 2\r", {"a": 1, "b": 2}),
    Row("mixed line endings", b"a: 1\rb: 2\r\nc: 3\nd: !x", "E106 4:4"),
    Row("a bell after lone carriage returns", b"a: 1\rb: \x07", "E106 2:4"),
    Row("a next-line character in plain text", "a: x\u0085y".encode(), "E106 1:5"),
    Row("a next-line character in quoted text", 'a: "x\u0085y"'.encode(), "E106 1:6"),
    Row("a line separator in plain text", "a: x\u2028b: y".encode(), "E106 1:5"),
    Row("a line separator in quoted text", 'a: "x\u2028y"'.encode(), "E106 1:6"),
    Row("a paragraph separator in a block", "a: |\n  x\u2029  y".encode(), "E106 2:4"),
    Row("a paragraph separator in a comment", "a: 1 # \u2029b: 2".encode(), "E106 1:8"),
    Row("escaped line separators", rb'a: "\N\L\P"', {"a": "\u0085\u2028\u2029"}),
    Row("escaped separators in a key", rb'"a\Lb": 1', "E106 1:1"),
    Row("a carriage return inside quotes", b'a: "x\r\n  y"', {"a": "x y"}),
]

WORDS: list[Row] = [
    *(
        Row(f"the word {word}", f"a: {word}".encode(), {"a": word})
        for word in (
            "no",
            "No",
            "NO",
            "yes",
            "Yes",
            "YES",
            "on",
            "ON",
            "off",
            "Off",
            "y",
            "Y",
            "n",
            "N",
            "nULL",
            "tRUE",
        )
    ),
    *(Row(f"the word {word}", f"a: {word}".encode(), {"a": True}) for word in ("true", "True", "TRUE")),
    *(Row(f"the word {word}", f"a: {word}".encode(), {"a": False}) for word in ("false", "False", "FALSE")),
    *(Row(f"nothing as `{word}`", f"a: {word}".encode(), {"a": None}) for word in ("", "~", "null", "Null", "NULL")),
    Row("quoted words", b"a: \"no\"\nb: 'true'\nc: \"~\"\nd: ''", {"a": "no", "b": "true", "c": "~", "d": ""}),
    Row("nothing in flow style", b"a: [~, , null]", "E101 1:8"),
    Row("a comma at the end of a list", b"a: [1, 2, ]", {"a": [1, 2]}),
    Row("keys without values in flow style", b"{a, b: , c}", {"a": None, "b": None, "c": None}),
]

NUMBERS: list[Row] = [
    *(
        Row(f"the number {text}", f"a: {text}".encode(), {"a": value})
        for text, value in {
            "010": 10,
            "-010": -10,
            "08": 8,
            "0o10": 8,
            "0x1F": 31,
            "0xff": 255,
            "1e3": 1000.0,
            "1E+3": 1000.0,
            "1.5e-3": 0.0015,
            "-0": 0,
            "-0.0": -0.0,
            "+1": 1,
            ".5": 0.5,
            "-.5": -0.5,
            "5.": 5.0,
            "00": 0,
            "9007199254740991": 2**53 - 1,
            "-9007199254740991": 1 - 2**53,
            "0.1": 0.1,
            "1e-400": 0.0,
        }.items()
    ),
    *(
        Row(f"the text {text}", f"a: {text}".encode(), {"a": text})
        for text in (
            "1:30",
            "190:20:30.15",
            "1_000",
            "0b1010",
            "0O10",
            "0X1F",
            "0o8",
            "0xZ",
            "-0x1F",
            "+0o7",
            "1e",
            "e3",
            ".",
            "-",
            "+",
            "--1",
            "1.2.3",
            "1,000",
            "2026-99-99",
            "2026-01-31",
            "2026-01-31T10:00:00Z",
            "2026-01-31 10:00:00",
            "١٢٣",
            "１２",
            "0x",
            ".e1",
            "inf",
            "NaN",
            "nan",
            ".Nan",
            "+.nan",
        )
        if text != "-"
    ),
    *(
        Row(
            f"the number {text[:25]} of {len(text)} characters that no artifact can hold",
            f"a: {text}".encode(),
            "E106 1:4",
        )
        for text in (
            ".inf",
            "-.inf",
            "+.Inf",
            ".INF",
            ".nan",
            ".NaN",
            "1e400",
            "-1e400",
            "1e16",
            "9007199254740992",
            "9007199254740993",
            "-9007199254740992",
            "0xFFFFFFFFFFFFFFFF",
            "0o7777777777777777777",
            "1" * 21,
            "0x" + "f" * 30,
            "1" * 5000,
        )
    ),
    Row("zeros before a small integer", b"a: " + b"0" * 30 + b"7", {"a": 7}),
    Row("a quoted number", b"a: '1'", {"a": "1"}),
    Row("a number in a block scalar", b"a: |-\n  1", {"a": "1"}),
    Row("a dash alone as a value", b"a: -", "E101 1:4"),
]

KEYS = [
    Row("an integer as a key", b"1: x", "E106 1:1"),
    Row("a boolean as a key", b"true: x", "E106 1:1"),
    Row("null as a key", b"null: x", "E106 1:1"),
    Row("a number as a key", b"1.5: x", "E106 1:1"),
    Row("not a number as a key", b".nan: x", "E106 1:1"),
    Row("a quoted integer as a key", b"'1': x", {"1": "x"}),
    Row("Norway as a key", b"no: x\non: y", {"no": "x", "on": "y"}),
    Row("a date as a key", b"2026-01-31: x", {"2026-01-31": "x"}),
    Row("no key", b": x", "E101 1:1"),
    Row("an empty quoted key", b"'': x", {"": "x"}),
    Row("an explicit key", b"? a\n: b", {"a": "b"}),
    Row("an explicit key on one line", b"? a : b", "E106 1:3"),
    Row("an explicit key without a value", b"? a", {"a": None}),
    Row("a list as a key", b"? [a, b]\n: c", "E106 1:3"),
    Row("a mapping as a key", b"? {a: b}\n: c", "E106 1:3"),
    Row("a flow list as a key", b"[a, b]: c", "E106 1:1"),
    Row("a block list as a key", b"? - a\n  - b\n: c", "E106 1:3"),
    Row("a block scalar as a key", b"? |\n  a\n: c", "E106 1:3"),
    Row("a question mark inside", b"a?: b?", {"a?": "b?"}),
    Row("a merge key", b"a: &x {y: 1}\nb:\n  <<: *x", "E106 3:3"),
    Row("a merge key of a list", b"a: &x {y: 1}\nb: {<<: [*x, *x]}", "E106 2:5"),
    Row("a quoted merge key", b"'<<': 1", {"<<": 1}),
    Row("a merge sign as a value", b"a: <<", {"a": "<<"}),
    Row("a duplicate key", b"a: 1\nb: 2\na: 3", "E105 3:1"),
    Row("a duplicate key in flow style", b"{a: 1, a: 2}", "E105 1:8"),
    Row("a duplicate key, quoted", b'a: 1\n"a": 2\n', "E105 2:1"),
    Row("a duplicate key by an escape", b'a: 1\n"\\x61": 2\n', "E105 2:1"),
    Row("a duplicate key far below", b"x:\n  - {a: 1}\n  - b: 1\n    c: 2\n    b: 3\n", "E105 5:5"),
    Row("keys that differ by case", b"a: 1\nA: 2", {"a": 1, "A": 2}),
    Row("a key of 1,000 characters", b"k" * 1000 + b": 1", {"k" * 1000: 1}),
    Row("a key of 1,100 characters", b"k" * 1100 + b": 1", "E101 1:1101"),
    Row("a quoted key of 1,100 characters", b"'" + b"k" * 1100 + b"': 1", "E101 1:1103"),
    Row("an explicit key of 1,100 characters", b"? " + b"k" * 1100 + b"\n: 1", "E107 1:3"),
    Row("an explicit key of a million characters", lambda: b"? " + b"k" * MEGA + b"\n: 1", "E107 1:3"),
    Row("a key on two lines", b"a\n b: 1", "E101 1:1"),
    Row("a space before the colon", b"a : 1", {"a": 1}),
]

DOCUMENTS = [
    Row("nothing", b"", "E102 1:1"),
    Row("only spaces", b"   \n\n  ", "E102 1:1"),
    Row("only comments", b"# one\n# two\n", "E102 1:1"),
    Row("only a document marker", b"---\n", "E102 1:1"),
    Row("only an end marker", b"...\n", "E101 1:1"),
    Row("a document marker first", b"---\na: 1\n", {"a": 1}),
    Row("a document marker and a mapping on one line", b"--- {a: 1}", {"a": 1}),
    Row("an end marker last", b"a: 1\n...\n", {"a": 1}),
    Row("an end marker and a comment", b"a: 1\n...\n# bye\n", {"a": 1}),
    Row("content after the end marker", b"a: 1\n...\nb: 2\n", "E106 3:1"),
    Row("two documents", b"a: 1\n---\nb: 2\n", "E106 2:1"),
    Row("a document and an empty one", b"a: 1\n---\n", "E106 2:1"),
    Row("three document markers", b"---\n---\n---\n", "E106 2:1"),
    Row("a directive after the document", b"a: 1\n...\n%YAML 1.2\n---\nb: 2\n", "E106 3:1"),
    Row("two documents of which the second is broken", b"a: 1\n---\n{", "E106 2:1"),
    Row("a list as the root", b"- a\n- b\n", "E202 1:1"),
    Row("a flow list as the root", b"[a]", "E202 1:1"),
    Row("text as the root", b"hello", "E202 1:1"),
    Row("a colon without a space", b"key:value", "E202 1:1"),
    Row("null as the root", b"~", "E102 1:1"),
    Row("a block scalar as the root", b"|\n  x\n", "E202 1:1"),
    Row("an empty mapping as the root", b"{}", {}),
    Row("JSON", b'{"a": [1, 2.5, "x", null, true], "b": {}}', {"a": [1, 2.5, "x", None, True], "b": {}}),
    Row("JSON without spaces", b'{"a":1,"b":[2]}', {"a": 1, "b": [2]}),
]

TABS = [
    Row("a tab as indentation", b"a:\n\tb: 1", "E104 2:1"),
    Row("a tab after spaces", b"a:\n  \tb: 1", "E104 2:3"),
    Row("a tab after a dash", b"a:\n-\tb", "E104 2:2"),
    Row("a tab after a dash before a key", b"a:\n-\tb: 1", "E104 2:2"),
    Row("a tab after a colon", b"a:\tb", {"a": "b"}),
    Row("a tab inside a flow list", b"a: [1,\t2]", {"a": [1, 2]}),
    Row("a tab at the start of a flow line", b"a: [\n\t1]", {"a": [1]}),
    Row("a tab in a block scalar's text", b"a: |\n  x\ty\n", {"a": "x\ty\n"}),
    Row("a tab as a block scalar's indentation", b"a: |\n\tx\n", "E104 2:1"),
    Row("a tab in plain text", b"a: x\ty", {"a": "x\ty"}),
    Row("a tab before a comment", b"a: 1\t# c", {"a": 1}),
    Row("a line with a tab only", b"a: 1\n\t\nb: 2", "E104 2:1"),
]

TEXT = [
    Row("a literal block", b"a: |\n  x\n   y\n\n", {"a": "x\n y\n"}),
    Row("a literal block, stripped", b"a: |-\n  x\n\n", {"a": "x"}),
    Row("a literal block, kept", b"a: |+\n  x\n\n", {"a": "x\n\n"}),
    Row("a literal block with its indentation", b"a: |2\n    x\n", {"a": "  x\n"}),
    Row("indentation and chomping", b"a: |2-\n    x\n\n", {"a": "  x"}),
    Row("chomping and indentation", b"a: |+1\n  x\n\n", {"a": " x\n\n"}),
    Row("an indentation of zero", b"a: |0\n  x", "E101 1:5"),
    Row("an indentation of ten", b"a: |10\n  x", "E101 1:6"),
    Row("an unknown block indicator", b"a: |x\n  x", "E101 1:5"),
    Row("a comment after a block indicator", b"a: | # c\n  x\n", {"a": "x\n"}),
    Row("a block that is less indented than it says", b"a: |4\n  x\n", "E101 2:3"),
    Row("a folded block", b"a: >\n  x\n  y\n\n  z\n", {"a": "x y\nz\n"}),
    Row("a folded block, stripped", b"a: >-\n  x\n  y\n", {"a": "x y"}),
    Row("a folded block, kept", b"a: >+\n  x\n\n", {"a": "x\n\n"}),
    Row("a folded block with deeper lines", b"a: >\n  x\n    y\n  z\n", {"a": "x\n  y\nz\n"}),
    Row("a block without a last line break", b"a: |\n  x", {"a": "x"}),
    Row("an empty block", b"a: |\nb: 1", {"a": "", "b": 1}),
    Row("a block with a comment's sign in it", b"a: |\n  # x\n", {"a": "# x\n"}),
    Row("plain text on several lines", b"a: x\n  y\n\n  z\n", {"a": "x y\nz"}),
    Row("single quotes on several lines", b"a: 'x\n  y'\n", {"a": "x y"}),
    Row("a quote inside single quotes", b"a: 'it''s'", {"a": "it's"}),
    Row("an escaped line break", b'a: "x\\\n   y"', {"a": "xy"}),
    Row("a colon without a space in a value", b"a: b:c", {"a": "b:c"}),
    Row("an address", b"a: http://x.test:80/p?q#f", {"a": "http://x.test:80/p?q#f"}),
    Row("a colon and a space in a value", b"a: b: c", "E101 1:5"),
    Row("a colon at the end of a value", b"a: b:", "E101 1:5"),
    Row("a comment's sign without a space", b"a: b#c", {"a": "b#c"}),
    Row("a comment", b"a: b #c", {"a": "b"}),
    Row("a comment right after quotes", b"a: 'b'#c", {"a": "b"}),
    Row("a colon in a flow mapping without a space", b"{a:1}", {"a:1": None}),
    Row("quoted and glued in a flow mapping", b"{'a':1}", {"a": 1}),
    Row("an address in a flow list", b"a: [http://x.test:80]", {"a": ["http://x.test:80"]}),
    Row("words with colons in brackets", b"a: [tag:daily, a::b, 12:30]", {"a": ["tag:daily", "a::b", "12:30"]}),
    Row("a stand-in of ours in brackets", "a: [x:y, \ue000:\ue001]".encode(), {"a": ["x:y", "\ue000:\ue001"]}),
    Row("a quoted key against its value", b"{'a':b, \"c\":d:e}", {"a": "b", "c": "d:e"}),
    Row("a template without quotes", b"a: {{ var.x }}", "E106 1:5"),
    Row("a mapping in a flow list", b"a: [b: 1]", {"a": [{"b": 1}]}),
    Row("a very long line", lambda: b"a: [" + b"x, " * 40_000 + b"!t 1]", "E106 1:120005"),
]

BROKEN = [
    Row("a flow list that is not closed", b"a: [1, 2", "E101 1:4"),
    Row("a flow list that is not closed before a key", b"a: [1, 2\nb: 3\n", "E101 1:4"),
    Row("a flow mapping that is not closed", b"a: {b: 1", "E101 1:4"),
    Row("a double quote that is not closed", b'a: "x\nb: 1\n', "E101 1:4"),
    Row("a single quote that is not closed", b"a: 'x\nb: 1\n", "E101 1:4"),
    Row("a bracket that was never opened", b"a: ]", "E101 1:4"),
    Row("a brace that was never opened", b"a: }", "E101 1:4"),
    Row("brackets that cross", b"a: [{]}", "E101 1:6"),
    Row("an at sign first", b"a: @x", "E101 1:4"),
    Row("a backtick first", b"a: `x`", "E101 1:4"),
    Row("a percent sign first", b"a: %x", "E101 1:4"),
    Row("a comma first", b"a: ,x", "E101 1:4"),
    Row("an at sign as a key", b"@x: 1", "E101 1:1"),
    Row("text after quotes", b"a: 'x' y", "E101 1:8"),
    Row("a key that is not aligned", b"a: 1\n b: 2", "E101 2:2"),
    Row("a list item that is not aligned", b"a:\n  - b\n - c", "E101 3:2"),
    Row("a list where a key should be", b"a: 1\n- b", "E101 2:1"),
    Row("a line without a colon", b"a: 1\nb\nc: 2", "E101 2:1"),
    Row("a dash inside a line", b"a: - b", "E101 1:4"),
    Row("a greater sign that folds nothing", b"a: > x\n", "E101 1:6"),
    Row("only a quote", b"'", "E101 1:1"),
    Row("only a bracket", b"[", "E101 1:2"),
    Row("only a brace", b"{", "E101 1:2"),
    Row("only a colon", b":", "E101 1:1"),
    Row("only a question mark", b"?", "E106 1:2"),
]

ROWS = [*BOMBS, *TAGS, *ANCHORS, *UNICODE, *BREAKS, *WORDS, *NUMBERS, *KEYS, *DOCUMENTS, *TABS, *TEXT, *BROKEN]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_input_has_its_one_answer(row: Row) -> None:
    content = row.content if isinstance(row.content, bytes) else row.content()
    got = answer(content)
    assert repr(got) == repr(row.answer) if isinstance(got, str) else got == row.answer
    assert json_types(got) == json_types(row.answer)


def json_types(value: Any) -> Any:
    """Tell 1 from 1.0 and from true, which are equal in Python."""
    if isinstance(value, dict):
        return {key: json_types(item) for key, item in value.items()}
    return [json_types(item) for item in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.content, bytes)], ids=lambda row: row.name)
def test_no_input_makes_a_flow_or_a_platform_point_outside_itself(row: Row) -> None:
    assert isinstance(row.content, bytes)
    for result in (compiled(row.content), compiled(platform=row.content)):
        assert result.artifact is None
        assert result.diagnostics
        assert astray(result.diagnostics, result.texts) == []
        assert render(result.diagnostics, result.texts, colour=False)


def test_of_a_file_that_is_too_large_the_beginning_is_searched_for_secrets() -> None:
    secret, filler = "password: Tr0ub4dor&3xY\n", "# filler\n" * (MAX_BYTES // 9)
    before, behind = compiled(FLOW + secret + filler), compiled(FLOW + filler + secret)
    assert [one.code for one in before.diagnostics] == ["E107", "E604"]
    assert [one.code for one in behind.diagnostics] == ["E107"]


def test_names_are_told_apart() -> None:
    names = [row.name for row in ROWS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("word", ["nаme", "ｎame", "Name", "nam\u00e9"])
def test_a_key_that_only_looks_like_a_known_one_is_unknown(word: str) -> None:
    found = compiled(FLOW.replace("name:", f"{word}:", 1)).diagnostics
    assert {one.code for one in found if one.span.line == 1} >= {"E201"}


@pytest.mark.parametrize("word", ["na\u0308me", "name\u0301", "na\u200bme", "\u00a0name", "na\u00adme"])
def test_a_key_that_hides_a_character_is_refused(word: str) -> None:
    (found,) = [one for one in compiled(FLOW.replace("name:", f"{word}:", 1)).diagnostics if one.span.line == 1]
    assert found.code == "E106"


@pytest.mark.parametrize("broken", [b"name: \xff", b"\xef\xbb\xbfname: \xff", "näme: ".encode() + b"\xff"])
def test_the_place_of_bytes_that_are_no_text_counts_characters(broken: bytes) -> None:
    assert answer(b"# \xc3\xa4\r\n" + broken.removeprefix(b"\xef\xbb\xbf")) == "E103 2:7"
    assert answer(broken) == "E103 1:7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {{ var.x }}", "quote a template"),
        ("a: x\u2028y", '"\\u2028"'),
        ("a: @x", "quote the value"),
        ("a: 'x", "close it"),
        ("a: 9007199254740993", "quote it"),
        ("1: x", "quote it"),
        ("%YAML 1.1\n---\na: 1", "remove the line"),
    ],
)
def test_the_help_says_what_to_write(text: str, words: str) -> None:
    assert words in parse(Source("flow.yaml", text.encode())).found[0].help


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740991", 2**53 - 1),
        ("-9007199254740991", 1 - 2**53),
        ("9007199254740992", "9007199254740992"),
        ("1" * 5000, "1" * 5000),
        ("1e3", "1e3"),
        (".nan", ".nan"),
        ("no", "no"),
        ("1.5", 1.5),
        ("~", None),
    ],
)
def test_a_variable_from_the_command_line_stays_text_where_no_artifact_could_hold_it(text: str, value: Any) -> None:
    assert plain_value(text) == value
