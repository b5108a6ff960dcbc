"""How a system is authenticated to: four modes, each a closed schema, told apart by `mode`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.form import Form
from firn_schemas.secret import Secret

ACCOUNT = Form(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+|[0-9]{1,30}", "must be a service account's e-mail address or number")


@record
class StaticCredentials:
    """Long-lived names and keys, each a reference to a secret."""

    mode: Literal["static"] = doc("References to user and password, or to keys.")
    user: Secret | None = doc("User name.", default=None, aliases=["username"])
    password: Secret | None = doc("The user's password.", default=None)
    access_key_id: Secret | None = doc("Identifier of an access key.", default=None, aliases=["access_key"])
    secret_access_key: Secret | None = doc("The access key itself.", default=None, aliases=["secret_key"])
    session_token: Secret | None = doc("Token that a temporary access key needs.", default=None)
    token: Secret | None = doc("A bearer token.", default=None, aliases=["bearer_token"])
    private_key: Secret | None = doc("A private key.", default=None)


@record
class OAuth2Credentials:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4); the token is kept fresh."""

    mode: Literal["oauth2"] = doc("Client credentials; the token is kept fresh.")
    client_id: str | Secret = doc("The client's identifier.")
    client_secret: Secret = doc("The client's secret.")
    scope: str | None = doc("What is asked for.", default=None, examples=["PRINCIPAL_ROLE:DATA_ENGINEER"])
    token_url: str | None = doc(
        "Where tokens are given; absent: where the system itself says.",
        default=None,
        aliases=["token_uri"],
    )
    audience: str | None = doc("For whom the token is meant.", default=None)
    auth_method: Literal["client_secret_basic", "client_secret_post"] = doc(
        "How the client shows its secret (RFC 6749, section 2.3.1): in a header, or in the form.",
        default="client_secret_basic",
    )


@record
class IamRoleCredentials:
    """An AWS role: the ambient one, or another that it may assume."""

    mode: Literal["iam_role"] = doc("An AWS role, ambient or by web identity.")
    role_arn: str | None = doc(
        "The role to assume; absent: the ambient one.", default=None, examples=["arn:aws:iam::123456789012:role/Lake"]
    )
    session_name: str | None = doc("Name of the session, as AWS logs it; absent: flow and run.", default=None)
    external_id: str | None = doc("What the role's owner asks of those who assume it with other keys.", default=None)
    web_identity_token_file: str | None = doc("File of the pod's token; absent: as AWS's variables say.", default=None)


@record
class ServiceAccountCredentials:
    """A workload identity of Google Cloud or Azure: the pod's own, or another that it may impersonate."""

    mode: Literal["service_account"] = doc("GCP or Azure workload identity.")
    provider: Literal["gcp", "azure"] = doc("Whose identity it is.")
    account: str | None = doc(
        "GCP: account to act as; absent: the pod's own, or the one that the file of a federated identity names.",
        default=None,
        examples=["loader@example.iam.gserviceaccount.com"],
        aliases=["service_account"],
        form=ACCOUNT,
    )
    tenant_id: str | None = doc("Azure: the tenant; absent: as the pod's variables say.", default=None)
    client_id: str | None = doc("Azure: the identity's client; absent: as the pod's variables say.", default=None)
    scope: str | None = doc(
        "What is asked for; several are separated by spaces. GCP: absent, all of the cloud platform. Azure: required.",
        default=None,
        examples=["https://storage.azure.com/.default"],
    )


Credentials = StaticCredentials | OAuth2Credentials | IamRoleCredentials | ServiceAccountCredentials
"""Every mode."""
