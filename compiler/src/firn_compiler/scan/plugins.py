"""The providers' formats as plug-ins of detect-secrets, for teams that run it: `detect-secrets scan -p FILE`.

FILE is this file. Firn itself looks for the same formats in one pass (`linear`).
"""

import re

from detect_secrets.plugins.base import RegexBasedDetector

from firn_compiler.scan.vendors import FORMATS, Format


def detector(row: Format) -> type[RegexBasedDetector]:
    """Return the plug-in for a format; its `secret_type` is what the format is called."""
    name = "".join(part.capitalize() for part in row.rule.split("-")) + "Detector"
    pattern = re.compile(rf"(?<![0-9A-Za-z])(?:{row.pattern})(?![0-9A-Za-z])")
    said = {"secret_type": f"{row.kind} ({row.rule})", "denylist": (pattern,), "__module__": __name__}
    return type(f"Firn{name}", (RegexBasedDetector,), said)


globals().update((one.__name__, one) for one in map(detector, FORMATS))
