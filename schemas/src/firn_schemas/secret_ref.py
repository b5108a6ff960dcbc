"""References to secrets: their grammar, and the one place of the environment where each may stand.

The rules are those of docs/language.md, "Secret references".
"""

import re

from firn_schemas.base import doc, record

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")
MAX_NAME = 253
"""The longest name of a Kubernetes Secret (RFC 1123 subdomain)."""

SYSTEM_VARIABLES = frozenset(
    {
        *("PATH", "HOME", "USER", "SHELL", "PWD", "OLDPWD", "LANG", "LOGNAME", "HOSTNAME", "TERM", "TMPDIR", "TZ"),
        *("MAIL", "EDITOR", "DISPLAY", "SHLVL", "IFS", "UID", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH"),
    }
)
"""Variables that a system sets for its own purposes: a reference that would read one of them is refused."""


@record
class SecretRef:
    """Names a secret; never holds its value."""

    secret_ref: str = doc("The secret's name, as in the environment or under a secret mount.", examples=["shop-db"])
    key: str | None = doc("One key of a secret that has several.", default=None, examples=["password"])

    @property
    def variable(self) -> str:
        """The environment variable that holds the value: reference, or reference and key, in UPPER_SNAKE_CASE."""
        return variable_name(self.secret_ref, self.key)

    def __str__(self) -> str:
        return self.secret_ref if self.key is None else f"{self.secret_ref}/{self.key}"


def valid_name(name: str) -> bool:
    """Whether `name` is a well-formed secret name: it can be a file name and never leaves its folder."""
    return len(name) <= MAX_NAME and NAME.match(name) is not None


def valid_key(key: str) -> bool:
    """Whether `key` is a well-formed key of a Kubernetes Secret (alphanumerics, `-`, `_`, `.`; not `.` or `..`)."""
    return len(key) <= MAX_NAME and re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", key) is not None


def variable_name(ref: str, key: str | None) -> str:
    """Return the environment variable for a reference; `polaris-oauth`, `id` → `POLARIS_OAUTH_ID`."""
    text = ref if key is None else f"{ref}_{key}"
    return re.sub(r"[^A-Za-z0-9]", "_", text).upper()
