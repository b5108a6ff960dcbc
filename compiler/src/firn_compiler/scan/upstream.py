"""The one door to detect-secrets: its own plug-ins as rules, over values in memory.

A plug-in is imported when the first pass has seen its shape. Its settings, files, filters and pragmas are not used:
they are globals of the process, and a comment switches them off.
"""

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from firn_compiler.scan.found import Found


class Upstream(NamedTuple):
    """A plug-in of detect-secrets, and a pattern that matches wherever it reports: its only group is that stretch."""

    rule: str
    kind: str
    module: str
    detector: str
    pattern: str
    but: str = ""
    """What it reports as well, and is none: the beginning of a name."""


UPSTREAM: tuple[Upstream, ...] = (
    Upstream(
        "artifactory-detector",
        "an Artifactory credential",
        "artifactory",
        "ArtifactoryDetector",
        r"(AKC[0-9A-Za-z]{10,}|AP[0-9A-F][0-9A-Za-z]{8,})",
    ),
    Upstream(
        "aws-detector",
        "an AWS key",
        "aws",
        "AWSKeyDetector",
        r"((?:A3T[0-9A-Z]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}|(?i:aws[^\n\x00]{0,20}(?:key|pwd|pw|password|pass|token)"
        r"[^\n\x00]{0,20}['\"][0-9a-z/+]{40}['\"]))",
    ),
    Upstream(
        "azure-storage-detector",
        "an Azure storage key",
        "azure_storage_key",
        "AzureStorageKeyDetector",
        r"(AccountKey=[0-9A-Za-z+/=]{88})",
    ),
    Upstream(
        "cloudant-detector",
        "a Cloudant credential",
        "cloudant",
        "CloudantDetector",
        r"(?i)((?:cloudant|cl|clou)[_-]?(?:api)?(?:key|pwd|pw|password|pass|token)[\"'\] :=>]{1,8}"
        r"(?:[0-9a-f]{64}|[a-z]{24})|https?://[0-9a-z_-]+:(?:[0-9a-f]{64}|[a-z]{24})@[0-9a-z_-]+\.cloudant\.com)",
    ),
    Upstream(
        "discord-detector",
        "a Discord bot token",
        "discord",
        "DiscordBotTokenDetector",
        r"([MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27})",
    ),
    Upstream(
        "github-detector",
        "a GitHub token",
        "github_token",
        "GitHubTokenDetector",
        r"((?:ghp|gho|ghu|ghs|ghr)_[0-9A-Za-z_]{36})",
    ),
    Upstream(
        "gitlab-detector",
        "a GitLab token",
        "gitlab_token",
        "GitLabTokenDetector",
        r"((?:glpat|gldt|glft|glsoat|glrt|glimt|glptt|glagent|gloas|glcbt)-[0-9A-Za-z_-]{20,}|GR1348941[0-9A-Za-z_-]{20,})",
    ),
    Upstream(
        "ibm-cloud-detector",
        "an IBM Cloud API key",
        "ibm_cloud_iam",
        "IbmCloudIamDetector",
        r"(?i)((?:ibm|iam|cloud|key|pwd|pass|token)[0-9a-z_-]*[\"'\] :=>]{1,8}[0-9a-z_-]{44})",
    ),
    Upstream(
        "ibm-cos-detector",
        "an IBM object storage key",
        "ibm_cos_hmac",
        "IbmCosHmacDetector",
        r"(?i)(secret[_-]?(?:access)?[_-]?key[\"'\] :=>]{1,8}[0-9a-f]{48})",
    ),
    Upstream("jwt-detector", "a JSON web token", "jwt", "JwtTokenDetector", r"(eyJ[0-9A-Za-z_=-]+\.[0-9A-Za-z_=-]+)"),
    Upstream("mailchimp-detector", "a Mailchimp key", "mailchimp", "MailchimpDetector", r"([0-9a-z]{32}-us[0-9]{1,2})"),
    Upstream("npm-detector", "an npm token", "npm", "NpmDetector", r"(//[^\n\x00]+/:_authToken=[^\n\x00]+)"),
    Upstream(
        "openai-detector",
        "an OpenAI API key",
        "openai",
        "OpenAIDetector",
        r"(sk-[0-9A-Za-z_-]{20,}T3BlbkFJ[0-9A-Za-z]{20})",
    ),
    Upstream(
        "pypi-detector",
        "a PyPI token",
        "pypi_token",
        "PypiTokenDetector",
        r"(pypi-(?:AgEIcHlwaS5vcmc|AgENdGVzdC5weXBpLm9yZw)[0-9A-Za-z_-]{70,})",
    ),
    Upstream(
        "sendgrid-detector",
        "a SendGrid key",
        "sendgrid",
        "SendGridDetector",
        r"(SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43})",
    ),
    Upstream(
        "slack-detector",
        "a Slack credential",
        "slack",
        "SlackDetector",
        r"((?i:xox[abposr]-[0-9]+-[0-9a-z-]+|https://hooks\.slack\.com/services/T[0-9A-Z_]+/B[0-9A-Z_]+/[0-9A-Z_]+))",
    ),
    Upstream(
        "softlayer-detector",
        "a SoftLayer credential",
        "softlayer",
        "SoftlayerDetector",
        r"(?i)((?:softlayer|sl)[_-]?(?:api)?[_-]?(?:key|pwd|password|pass|token)[\"'\] :=>]{1,8}[0-9a-z]{64}"
        r"|https?://api[^\n\x00]softlayer[^\n\x00]com/soap/v3(?:[^\n\x00]1)?/[0-9a-z]{64})",
    ),
    Upstream(
        "square-detector", "a Square secret", "square_oauth", "SquareOAuthDetector", r"(sq0csp-[0-9A-Za-z\\_-]{43})"
    ),
    Upstream("stripe-detector", "a Stripe key", "stripe", "StripeDetector", r"([rs]k_live_[0-9A-Za-z]{24})"),
    Upstream(
        "telegram-detector",
        "a Telegram bot token",
        "telegram_token",
        "TelegramBotTokenDetector",
        r"([0-9]{8,10}:[0-9A-Za-z_-]{35})",
    ),
    Upstream("twilio-detector", "a Twilio key", "twilio", "TwilioKeyDetector", r"((?:AC|SK)[0-9a-z]{32})", "AC"),
)
"""Its plug-ins by shape. Left out: key words, entropy and user info, judged by context here, and public addresses."""


def reports(row: Upstream, found: Found) -> bool:
    """Whether the plug-in itself reports the stretch that its pattern found, on the line where it stands."""
    line = found.before.rpartition("\n")[2] + found.secret + found.after.partition("\n")[0]
    return any(secret and secret in found.secret for secret in _plugin(row).analyze_string(line))


@cache
def _plugin(row: Upstream) -> Any:
    return getattr(import_module(f"detect_secrets.plugins.{row.module}"), row.detector)()
