"""Names of files as SMB servers take them: those that mean one file on every server, and no stream, alias or device."""

import re

from firn_runtime.confined_paths import shown
from firn_runtime.errors import ConnectorError

_RESERVED = re.compile(r'[\x00-\x1f\\:*?"<>|]')
"""MS-FSCC, section 2.1.5.2. A `:` would name a stream of a file, or a drive."""
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_LONGEST = 255
"""Units of UTF-16 in one part."""


def native(name: str) -> str:
    r"""Return a name below the share with `\` between its parts; raise ConnectorError for one that is no file's."""
    for part in name.split("/") if name else ():
        reason = _reason(part)
        if reason:
            raise ConnectorError("data", f"`{shown(name)}` is no name of a file on a share: {reason}", "rename it")
    return name.replace("/", "\\")


def _reason(part: str) -> str:
    if part in ("", ".", ".."):
        return "a part between two `/` is empty, `.` or `..`"
    if _RESERVED.search(part):
        return r'it holds one of `\ : * ? " < > |`, or a control character'
    if part.endswith((".", " ")):
        return "a part ends with a dot or a space, which some servers leave out"
    if _DEVICES.fullmatch(part):
        return "a part is the name of a device"
    return "a part is too long" if len(part.encode("utf-16-le", "surrogatepass")) > 2 * _LONGEST else ""
