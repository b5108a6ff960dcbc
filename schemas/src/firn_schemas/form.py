"""Forms of texts: a pattern, and the rule in words. A message never quotes the text: it may be a secret."""

import re
from typing import NamedTuple


class Form(NamedTuple):
    """The form of a text, as a pattern of JSON Schema, and the rule in words."""

    pattern: str
    rule: str

    def check(self, text: str) -> str:
        """Return the text; raise ValueError with the rule, never with the text."""
        if not self.fits(text):
            raise ValueError(self.rule)
        return text

    def fits(self, text: str) -> bool:
        """Say whether the whole text has the form."""
        return re.fullmatch(self.pattern, text, re.ASCII) is not None


_HOST = r"(?![^:]*:\d+$)[^\s/@\\-][^\s/@\\]*"
HOST = Form(_HOST, "must be a host name or address alone, without scheme, port or path")
SOCKET_OR_HOST = Form(rf"[/@].*|{_HOST}", HOST.rule)
BUCKET = Form(r"[^\s/:]+", "must be the bucket's name alone, without `s3://` and folders")
REGION = Form(r"[A-Za-z0-9_.-]*", "must be a region's name such as `eu-central-1`")
