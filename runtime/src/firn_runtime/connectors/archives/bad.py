"""Why an archive is refused, and how a name that an outsider chose is shown."""

from firn_runtime.confined_paths import shown


class BadArchive(Exception):
    """Ends the reading of an archive; the text goes on after ``the archive `x.zip` is refused: ``."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.reason, self.help = reason, help


class PasswordNeeded(BadArchive):
    """The archive's password is not the one that is known, or none is."""


CUT_OFF = "it is cut off"
DAMAGED = "its compressed data is damaged"
"""Said in several places."""


def member(name: str) -> str:
    """Return a member's name for a message."""
    return f"its member `{shown(name)}`"
