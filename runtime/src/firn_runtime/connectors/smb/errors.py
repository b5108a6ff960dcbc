"""What an SMB server's refusals mean: the status codes of MS-ERREF, section 2.3.1. Texts of servers are never shown."""

from typing import NamedTuple

from firn_runtime.errors import ConnectorError, ErrorClass

NOT_FOUND = frozenset([0xC000000F, 0xC0000034, 0xC000003A])
"""There is no such file, name or path."""
NO_MORE_FILES = 0x80000006
DENIED = 0xC0000022
"""The user has no right to it; also the answer to who would replace a folder, or what is open."""


class Meaning(NamedTuple):
    """What a status code is to a step."""

    error_class: ErrorClass
    message: str
    help: str = ""


_LOGIN = Meaning("auth", "the login is refused", "look at `user`, `password` and `domain`")
_EXPIRED = Meaning("auth", "the account cannot be used now", "its password has expired, or it is disabled or locked")
_ELSEWHERE = Meaning("data", "the name leads elsewhere by a link", "name what it leads to")
_NO_NAME = Meaning("data", "the server takes the name for none of a file")
_IN_USE = Meaning("conflict", "another program has the file open", "run again when it is done")
_BUSY = Meaning("rate_limited", "the server has no room for another session now")
_GONE = Meaning("conflict", "the file is no longer there")
_LOST = Meaning("connection", "the server has ended the session")
_MEANINGS: dict[int, Meaning] = {
    0x8000002D: _ELSEWHERE,
    0xC000000F: _GONE,
    0xC0000011: Meaning("conflict", "the file has become shorter"),
    DENIED: Meaning("auth", "the user may not do that there", "the server's administrator can let it"),
    0xC0000033: _NO_NAME,
    0xC0000034: _GONE,
    0xC0000035: Meaning("conflict", "the name is that of something else, such as a folder"),
    0xC0000039: _NO_NAME,
    0xC000003A: _GONE,
    0xC000003B: _NO_NAME,
    0xC0000043: _IN_USE,
    0xC0000054: _IN_USE,
    0xC0000056: _IN_USE,
    0xC000006A: _LOGIN,
    0xC000006D: _LOGIN,
    0xC000006E: _EXPIRED,
    0xC0000071: _EXPIRED,
    0xC0000072: _EXPIRED,
    0xC000007F: Meaning("server_error", "the server's disk is full"),
    0xC00000B5: Meaning("timeout", "the server gave up waiting"),
    0xC00000BA: Meaning("data", "it is a folder"),
    0xC00000CC: Meaning("data", "the server has no such share", "look at `share`"),
    0xC00000C9: _LOST,
    0xC00000D0: _BUSY,
    0xC0000103: _NO_NAME,
    0xC0000121: _IN_USE,
    0xC000015B: _EXPIRED,
    0xC0000193: _EXPIRED,
    0xC0000203: _LOST,
    0xC0000205: _BUSY,
    0xC0000224: _EXPIRED,
    0xC0000234: _EXPIRED,
    0xC0000257: _ELSEWHERE,
    0xC0000279: _ELSEWHERE,
    0xC000035C: _LOST,
}


class Refused(ConnectorError):
    """The server answered, and said no."""

    def __init__(self, status: int) -> None:
        self.status = status
        meaning = _MEANINGS.get(status) or Meaning("server_error", f"the server says no (status 0x{status:08X})")
        super().__init__(*meaning)
