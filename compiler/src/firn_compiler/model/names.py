"""Texts of a certain form, as types of their own."""

import re
from typing import Any, NewType

from firn_schemas.form import Form

Name = NewType("Name", str)
Version = NewType("Version", str)
Namespace = NewType("Namespace", str)
Duration = NewType("Duration", str)
Sha256 = NewType("Sha256", str)
Exactly = NewType("Exactly", str)
Filled = NewType("Filled", str)
Day = NewType("Day", str)


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def is_duration(text: str) -> bool:
    """Whether `seconds` knows what the text means."""
    return re.fullmatch(TEXTS[Duration].pattern, text, re.ASCII) is not None


def seconds(duration: "float | str") -> float:
    """Return a duration as seconds, whole ones as an integer; a number is that already."""
    if isinstance(duration, str):
        found = re.fullmatch(r"([0-9.]+)(ms|s|m|h|d)", duration)
        assert found is not None  # the shape check has seen it
        duration = float(found[1]) * _UNITS[found[2]]
    return int(duration) if isinstance(duration, float) and duration.is_integer() else duration


def number_meant(key: str, text: str) -> str:
    """Return help for a text where a number is asked for: its quotes, or a unit that the key's name has already."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return "remove the quotes"
    size = re.fullmatch(r"(\d{1,9}) ?([kmg])i?b?", text.lower())
    if size is not None and key.endswith(("_bytes", "_size")):
        return f"write the number of bytes: `{int(size[1]) * 1024 ** ('kmg'.index(size[2]) + 1)}`"
    time = _duration_meant(text)
    if time and key.endswith(("_seconds", "timeout")):
        return f"write the number of seconds: `{seconds(time)}`"
    if time and key.endswith("_days") and seconds(time) % _UNITS["d"] == 0:
        return f"write the number of days: `{int(seconds(time) / _UNITS['d'])}`"
    return ""


def duration_meant(text: str) -> str:
    """Return help for a duration in other words, such as `5 minutes` or `PT5M`; empty where none is seen."""
    meant = _duration_meant(text)
    return f"write `{meant}`" if meant else ""


def _duration_meant(text: str) -> str:
    form = r"\s*(?:pt|p(?=\d+d))?([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|milli|s|m(?!o)|h|d|(?=\s*\Z))[a-z]*\s*"
    found = re.fullmatch(form, text.lower())
    return f"{found[1]}{found[2].replace('milli', 'ms')}" if found else ""


TEXTS: dict[Any, Form] = {
    Name: Form(
        "[a-zA-Z][a-zA-Z0-9_-]{0,99}",
        "must begin with a letter and hold only letters, digits, `_` and `-`, at most 100",
    ),
    Version: Form(
        r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?",
        "must be a semantic version such as `1.0.0`",
    ),
    Namespace: Form(
        r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*",
        "must be names joined by dots, such as `bronze` or `analytics.bronze`",
    ),
    Duration: Form(
        r"[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d)",
        "must be a number of seconds, or a number with its unit (`ms`, `s`, `m`, `h`, `d`) such as `5m`",
    ),
    Sha256: Form(r"(sha256:)?[0-9a-f]{64}", "must be a SHA-256 digest: 64 hexadecimal digits"),
    Day: Form(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "must be a day such as `2027-06-30`"),
    Filled: Form(r"[\s\S]+", "must not be empty"),
    Exactly: Form(r"==[0-9A-Za-z.!+-]+", "must be one exact version such as `==1.4.2`"),
}
"""Every such type, with its form."""
