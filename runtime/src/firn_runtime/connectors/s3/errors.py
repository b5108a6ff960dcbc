"""What a service that speaks S3 refuses, as connector errors: by its code, without its text, which may hold keys."""

import re

from firn_runtime.connectors.http.hosts import Answer
from firn_runtime.connectors.http.xml import parsed, text_of
from firn_runtime.errors import ConnectorError, ErrorClass

_RIGHTS = "check the credentials, and what they are allowed to do here"
_AGAIN = "`retry` with `on: [conflict]` tries again"
_REGION = "check `region` and `endpoint`"
_CODES: dict[str, tuple[ErrorClass, str, str]] = {
    "AccessDenied": ("auth", "the credentials are not allowed to do this", _RIGHTS),
    "AllAccessDisabled": ("auth", "access is disabled", _RIGHTS),
    "ExpiredToken": ("auth", "the session token has expired", "give a new one, or use a role"),
    "InvalidAccessKeyId": ("auth", "the service does not know the access key", _RIGHTS),
    "InvalidToken": ("auth", "the service does not take the session token", _RIGHTS),
    "RequestTimeTooSkewed": ("auth", "the clock of this machine is wrong", "set it: a signature grows old"),
    "SignatureDoesNotMatch": ("auth", "the service refuses the signature", "check `secret_access_key`"),
    "AuthorizationHeaderMalformed": ("connection", "the bucket is in another region", _REGION),
    "PermanentRedirect": ("connection", "the bucket is elsewhere", _REGION),
    "TemporaryRedirect": ("connection", "the bucket is elsewhere for now", "try again later"),
    "NoSuchBucket": ("connection", "there is no such bucket", "check `bucket`, `region` and `endpoint`"),
    "InvalidObjectState": ("data", "the object lies in an archive of the service", "restore it there, and run again"),
    "KeyTooLongError": ("data", "the key is longer than the service takes", "keys of S3 have 1,024 bytes at most"),
    "NoSuchKey": ("data", "there is no such object", ""),
    "NoSuchUpload": ("conflict", "another has given the upload up, such as a lifecycle rule of the bucket", ""),
    "ConditionalRequestConflict": ("conflict", "another writer is at it", _AGAIN),
    "OperationAborted": ("conflict", "another writer is at it", _AGAIN),
    "PreconditionFailed": ("conflict", "the object has changed meanwhile", _AGAIN),
    "RequestTimeout": ("timeout", "the service waited too long for a request", ""),
    "SlowDown": ("rate_limited", "the service asks for fewer requests", "lower `max_concurrency`"),
    "TooManyRequests": ("rate_limited", "the service asks for fewer requests", "lower `max_concurrency`"),
    "NotImplemented": ("data", "the service cannot do this", "`conditional_writes: false` asks it for less"),
    "EntityTooLarge": ("data", "the object is larger than the service takes", ""),
    "QuotaExceeded": ("process", "the bucket is full", ""),
    "InsufficientStorage": ("process", "the service has no room left", ""),
}
_STATUSES = {
    301: "PermanentRedirect",
    307: "TemporaryRedirect",
    401: "AccessDenied",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    501: "NotImplemented",
    507: "InsufficientStorage",
}
_CODE = re.compile(r"[A-Za-z.]{3,60}\Z")
_NAME = re.compile(r"[a-z0-9-]{2,40}\Z")


def code_of(answer: Answer) -> str:
    """Return the code that an answer gives, in its body or by its status; empty where it gives none."""
    code = text_of(parsed(answer.body), "Code")
    return code if _CODE.match(code) else _STATUSES.get(answer.status, "")


def refused(answer: Answer, what: str) -> ConnectorError:
    """Return the error that stands for an answer that says no; `what` begins its sentence, such as ``reading `a` ``."""
    code = code_of(answer)
    known = _CODES.get(code) or _CODES.get(_STATUSES.get(answer.status, ""))
    if known is None:
        error_class: ErrorClass = "server_error" if answer.status >= 500 else "data"
        known = error_class, f"the service answers {answer.status}", ""
    region = answer.headers.get("x-amz-bucket-region", "")
    help = f"it is in the region `{region}`" if known[2] == _REGION and _NAME.match(region) else known[2]
    shown = f" ({code})" if code else ""
    return ConnectorError(known[0], f"{what}: {known[1]}{shown}", help)
