"""What a mail server's refusals mean. Its words are an outsider's: they are cut and cleaned before they are shown."""

from collections.abc import Mapping
from typing import NamedTuple

from firn_runtime.errors import ConnectorError, ErrorClass

_SHOWN = 200
"""Characters of a server's words."""
_BUSY: frozenset[int] = frozenset([421, 450, 451, 452])
_LOGIN: frozenset[int] = frozenset([530, 534, 535, 538])
_BY_STAGE: Mapping[str, ErrorClass] = {
    "at the login": "auth",
    "before its greeting": "server_error",
    "when it was greeted": "server_error",
}
"""What a final refusal means where it is not about the message."""
_HELP: Mapping[ErrorClass, str] = {
    "auth": "look at `user` and `password`",
    "rate_limited": "the server wants it later: give the step a `retry`",
}


class Reply(NamedTuple):
    """A reply; `lines` are the server's words, which nobody has cleaned."""

    code: int
    lines: tuple[str, ...]

    @property
    def said(self) -> str:
        """Return code and words as they may be shown, in brackets."""
        words = "".join(one if one.isprintable() else " " for one in " ".join(self.lines))
        words = " ".join(words.split())
        return f" ({self.code}{' ' if words else ''}{words[:_SHOWN]}{'…' if len(words) > _SHOWN else ''})"


def class_of(reply: Reply, stage: str) -> ErrorClass:
    """Return which class of error a refusal is."""
    if reply.code in _BUSY:
        return "rate_limited"
    if reply.code in _LOGIN:
        return "auth"
    return _BY_STAGE.get(stage, "data") if 500 <= reply.code < 600 else "server_error"


def refused(server: object, stage: str, reply: Reply) -> ConnectorError:
    """Return what a refusal is to the step."""
    kind = class_of(reply, stage)
    message = f"the login at {server} is refused" if kind == "auth" else f"{server} said no {stage}"
    return ConnectorError(kind, f"{message}{reply.said}", _HELP.get(kind, ""))
