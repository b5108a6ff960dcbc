"""The formats of providers' tokens: what a credential looks like, wherever it stands.

A table and nothing else: it neither searches a text nor tells a placeholder from a credential. The patterns of `BESIDE`
say little by themselves, so whoever uses them asks more of a value: that it looks random.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """A provider's published token format."""

    rule: str
    """Unique, in kebab-case."""
    kind: str
    """Completes "this is …"."""
    pattern: str
    """The token alone, without its boundaries, in the syntax that RE2 and `re` read alike."""


class Beside(NamedTuple):
    """A token without a shape of its own, known by the provider's name beside it: in the key, or in the text before."""

    rule: str
    """Unique, in kebab-case, also among the formats."""
    kind: str
    """Completes "this is …"."""
    names: tuple[str, ...]
    """Words in lower case, as keys hold them."""
    pattern: str
    """The whole token."""


_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_JSON = r"(?:eyJ|eyA|ewo)[0-9A-Za-z_+/-]{12,}={0,2}"  # base64url of `{"`, `{ ` and `{\n`
_PEM = (
    r"(?:LS0tLS1CRUdJTiBQUklWQVRFIEtF|LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBL|LS0tLS1CRUdJTiBEU0EgUFJJVkFURSBL"
    r"|LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtF|LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ"
    r"|LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBL|LS0tLS1CRUdJTiBQR1AgUFJJVkFURSBL)"
)

FORMATS: tuple[Format, ...] = (
    # Without a provider. The last hyphen of a header is its right boundary, so that a key on the same line counts too.
    Format(
        "private-key",
        "a private key",
        r"-----BEGIN (?:[0-9A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-{4}|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ",
    ),
    Format("private-key-in-base64", "a private key in base64", _PEM + r"[0-9A-Za-z+/_-]{20,}={0,2}"),
    Format("putty-private-key", "a PuTTY private key", r"PuTTY-User-Key-File-[0-9]{1,2}: ?[0-9a-z-]{3,40}"),
    Format("age-secret-key", "an age secret key", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{58,}"),
    Format("jwt", "a JSON web token", _JSON + r"\." + _JSON + r"\.[0-9A-Za-z_+/-]{10,}={0,2}"),
    Format("jwt-in-base64", "a JSON web token in base64", r"ZXlK[0-9A-Za-z+/_-]{60,}={0,2}"),
    Format("secret-token-uri", "a secret token", r"secret-token:[0-9A-Za-z%_.~+/-]{20,}"),
    # By provider
    Format(
        "1password-secret-key",
        "a 1Password secret key",
        r"A3-[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}",
    ),
    Format("1password-service-token", "a 1Password service account token", r"ops_eyJ[0-9A-Za-z+/_-]{200,}={0,3}"),
    Format("adafruit-key", "an Adafruit IO key", r"aio_[0-9A-Za-z]{28}"),
    Format("adobe-client-secret", "an Adobe client secret", r"p8e-[0-9A-Za-z-]{32}"),
    Format("aiven-password", "a password of an Aiven service", r"AVNS_[0-9A-Za-z_-]{19}"),
    Format("airtable-token", "an Airtable personal access token", r"pat[0-9A-Za-z]{14}\.[0-9a-f]{60,66}"),
    Format(
        "airtable-oauth-token", "an Airtable OAuth token", r"oaa[0-9A-Za-z]{14}\.v1\.[0-9A-Za-z_-]{8,}\.[0-9a-f]{32,}"
    ),
    Format("akamai-token", "an Akamai API token", r"akab-[0-9a-z]{16}-[0-9a-z]{16}"),
    Format("alibaba-access-key", "an Alibaba Cloud access key id", r"LTAI[0-9A-Za-z]{12,24}"),
    Format("anthropic-key", "an Anthropic API key", r"sk-ant-[a-z]{2,6}[0-9]{2,4}-[0-9A-Za-z_-]{80,}"),
    Format("apify-token", "an Apify API token", r"apify_api_[0-9A-Za-z]{34,40}"),
    Format("artifactory-key", "an Artifactory API key", r"AKCp[0-9A-Za-z]{60,80}"),
    Format("artifactory-reference-token", "an Artifactory reference token", r"cmVmd[0-9A-Za-z]{59}"),
    Format("asana-token", "an Asana personal access token", r"[0-2]/[0-9]{10,20}(?:/[0-9]{10,20})?:[0-9A-Za-z]{32,}"),
    Format("atlassian-token", "an Atlassian API token", r"AT(?:ATT|CTT|STT)3[0-9A-Za-z+/_=-]{50,}"),
    Format(
        "authress-key",
        "an Authress access key",
        r"(?:sc|ext|scauth|authress)_[0-9A-Za-z]{5,30}\.[0-9A-Za-z]{4,6}\.acc[_-][0-9A-Za-z-]{10,32}"
        r"\.[0-9A-Za-z+/_=-]{30,120}",
    ),
    Format("aws-access-key", "an AWS access key id", r"(?:A3T[0-9A-Z]|AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"),
    Format("aws-appsync-key", "an AWS AppSync API key", r"da2-[0-9a-z]{26}"),
    Format("aws-bedrock-key", "an Amazon Bedrock API key", r"ABSK[0-9A-Za-z+/]{100,280}={0,2}"),
    Format(
        "aws-bedrock-session-key",
        "a short-lived Amazon Bedrock API key",
        r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[0-9A-Za-z+/_-]*={0,2}",
    ),
    Format("aws-login-secret", "a client secret of Login with Amazon", r"amzn1\.oa2-cs\.v1\.[0-9a-f]{64}"),
    Format("aws-mws-token", "an Amazon MWS token", r"amzn\.mws\." + _UUID),
    Format(
        "aws-session-token",
        "an AWS session token",
        r"(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)(?:[0-9A-Za-z+/]|%2[BFbf]){60,}={0,2}",
    ),
    Format("axiom-token", "an Axiom token", r"xa[ap]t-" + _UUID),
    Format(
        "azure-app-configuration",
        "a connection string of Azure App Configuration",
        r"azconfig\.io;Id=[0-9A-Za-z+/=:-]{4,60};Secret=[0-9A-Za-z+/]{36,100}={0,2}",
    ),
    Format(
        "azure-client-secret",
        "a Microsoft Entra client secret",
        r"[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34}",
    ),
    Format(
        "azure-account-key",
        "an access key of an Azure account",
        r"AccountKey=[0-9A-Za-z+/]{84,86}={1,2}",
    ),
    Format(
        "azure-shared-access-key",
        "a shared access key of Azure",
        r"SharedAccessKey=(?:[0-9A-Za-z+/]{86}==|[0-9A-Za-z+/]{43}=)|SharedSecretValue=[0-9A-Za-z+/]{43}=",
    ),
    Format(
        "azure-shared-access-signature",
        "a shared access signature of Azure",
        r"sig=(?:[0-9A-Za-z+/]|%2[BFbf]){43,60}(?:=|%3[Dd])|sv=1\.0&sig=[0-9A-Za-z_-]{43}",
    ),
    Format(
        "azure-function-key",
        "a key of an Azure function",
        r"[0-9A-Za-z_-]{44}AzFu[0-9A-Za-z_-]{5,6}={1,2}"
        r"|azurewebsites\.net/api/[0-9A-Za-z_/-]{1,100}\?code=[0-9A-Za-z_/%-]{20,}={0,2}",
    ),
    # Keys with a signature at a fixed place
    Format(
        "azure-64-byte-key",
        "an Azure access key",
        r"[0-9A-Za-z+/]{76}(?:APIM|ACDb|\+ABa|\+AMC|\+ASt)[0-9A-Za-z+/]{5}[AQgw]==",
    ),
    Format(
        "azure-32-byte-key",
        "an Azure access key",
        r"[0-9A-Za-z+/]{33}(?:AIoT|AzCa|AZEG|AzEG|\+ASb|\+AEh|\+ARm)[A-P][0-9A-Za-z+/]{5}=",
    ),
    Format("azure-search-key", "an Azure search key", r"[0-9A-Za-z]{42}AzSe[A-D][0-9A-Za-z]{5}"),
    Format("azure-registry-key", "a password of an Azure container registry", r"[0-9A-Za-z+/]{42}\+ACR[0-9A-Za-z]{6}"),
    Format(
        "azure-common-key",
        "an Azure access key",
        r"[0-9A-Za-z]{52}JQQJ9[9DH][0-9A-Za-z][A-L][0-9A-Za-z]{16}[A-Za-z][0-9A-Za-z]{7}(?:[0-9A-Za-z]{2}==)?",
    ),
    Format("azure-devops-token", "an Azure DevOps personal access token", r"[0-9A-Za-z]{76}AZDO[0-9A-Za-z]{4}"),
    Format(
        "azure-refresh-token",
        "a Microsoft Entra refresh token",
        r"[01]\.A[0-9A-Za-z_-]{50,}(?:\.[0-9])?\.Ag[0-9A-Za-z_-]{250,}",
    ),
    Format("backblaze-key", "a Backblaze application key", r"K00[0-9][0-9A-Za-z+/]{27}"),
    Format("bitbucket-app-password", "a Bitbucket app password", r"ATBB[0-9A-Za-z_=.-]{32,}"),
    Format("bitbucket-http-token", "a Bitbucket HTTP access token", r"BBDC-[0-9A-Za-z+/@_-]{40,50}"),
    Format("bitwarden-token", "a Bitwarden access token", r"0\." + _UUID + r"\.[0-9A-Za-z]{30}:[0-9A-Za-z+/]{22}=="),
    Format(
        "braintree-token",
        "a Braintree access token",
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    Format("brevo-key", "a Brevo key", r"x(?:keysib|smtpsib)-[0-9a-f]{64}-[0-9A-Za-z]{16}"),
    Format("buildkite-token", "a Buildkite token", r"bk(?:ua|aj|ct|pt|rt)_[0-9A-Za-z]{40,}"),
    Format("cerebras-key", "a Cerebras API key", r"csk-[0-9a-z]{48}"),
    Format("checkly-key", "a Checkly API key", r"cu_[0-9a-f]{32}"),
    Format("chromatic-token", "a Chromatic project token", r"chpt_[0-9a-z]{12,}"),
    Format("circleci-token", "a CircleCI token", r"CCIP(?:AT|RJ)_[0-9A-Za-z]{22}_[0-9A-Za-z]{40}"),
    Format("clickhouse-cloud-key", "a ClickHouse Cloud API key", r"4b1d[0-9A-Za-z]{38}"),
    Format("clickup-token", "a ClickUp token", r"pk_[0-9]{7,9}_[0-9A-Z]{32}"),
    Format("clojars-token", "a Clojars token", r"(?i:CLOJARS)_[0-9A-Za-z]{60}"),
    Format("cloudflare-origin-ca-key", "a Cloudflare origin CA key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    Format("cloudflare-token", "a Cloudflare API credential", r"cf(?:k|ut|at)_[0-9A-Za-z]{40}[0-9a-f]{8}"),
    Format(
        "cloudinary-url", "a Cloudinary credential", r"cloudinary://[0-9]{10,20}:[0-9A-Za-z_-]{20,}@[0-9A-Za-z_-]{2,}"
    ),
    Format("cockroachdb-cloud-key", "a CockroachDB Cloud API key", r"CCDB1_[0-9A-Za-z]{22}_[0-9A-Za-z]{40}"),
    Format("confluent-secret", "a Confluent API secret", r"cflt[0-9A-Za-z+/]{60}"),
    Format("contentful-token", "a Contentful management token", r"CFPAT-[0-9A-Za-z_-]{43}"),
    Format("coralogix-key", "a Coralogix key", r"cx(?:tp|up)_[0-9A-Za-z]{30}"),
    Format("crates-io-token", "a crates.io token", r"cio[0-9A-Za-z]{32}"),
    Format("databricks-token", "a Databricks token", r"(?:dapi|dkea|dose|dsapi)[0-9a-f]{32}(?:-[0-9]{1,2})?"),
    Format("datadog-token", "a Datadog token", r"dd(?:p|w|app|pat)_[0-9A-Za-z]{30,40}"),
    Format("dbt-cloud-token", "a dbt Cloud token", r"dbt[cu]_[0-9A-Za-z+/_-]{30,}={0,2}"),
    Format("deepseek-key", "a DeepSeek API key", r"sk-[0-9a-f]{32}"),
    Format("defined-networking-token", "a Defined Networking token", r"dnkey-[0-9A-Za-z=_-]{26}-[0-9A-Za-z=_-]{52}"),
    Format("dependency-track-key", "a Dependency-Track API key", r"odt_(?:[0-9A-Za-z]{8}_)?[0-9A-Za-z]{32,255}"),
    Format("depot-token", "a Depot token", r"depot_(?:org|project|user)_[0-9a-f]{60,}"),
    Format("digitalocean-token", "a DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    Format("digitalocean-spaces-key", "a DigitalOcean Spaces access key", r"DO(?:00|80)1?[0-9A-Z]{16}"),
    Format(
        "discord-bot-token",
        "a Discord bot token",
        r"[MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38}",
    ),
    Format(
        "discord-webhook",
        "a Discord webhook",
        r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[0-9A-Za-z_-]{60,80}",
    ),
    Format("docker-hub-token", "a Docker Hub token", r"dckr_[op]at_[0-9A-Za-z_-]{27,40}"),
    Format(
        "doppler-token",
        "a Doppler token",
        r"dp\.(?:audit|ct|pt|sa|said|scim|st)\.(?:[0-9a-z_-]{2,35}\.)?[0-9A-Za-z]{40,44}",
    ),
    Format("dropbox-token", "a Dropbox access token", r"sl\.(?:u\.)?[0-9A-Za-z_=-]{130,}"),
    Format("dropbox-long-lived-token", "a Dropbox access token", r"[0-9A-Za-z]{11}AAAAAAAAAA[0-9A-Za-z_=-]{43}"),
    Format("duffel-token", "a Duffel token", r"duffel_(?:test|live)_[0-9A-Za-z_=-]{43}"),
    Format("dynatrace-token", "a Dynatrace token", r"dt0[a-z][0-9]{2}\.[0-9A-Za-z]{24}\.[0-9A-Za-z]{64}"),
    Format("easypost-key", "an EasyPost API key", r"EZ[AT]K[0-9A-Za-z]{54}"),
    Format("elastic-cloud-key", "an Elastic Cloud API key", r"essu_[0-9A-Za-z+/_-]{40,}={0,2}"),
    Format("elevenlabs-key", "an ElevenLabs API key", r"sk_[0-9a-f]{48}"),
    Format("endor-labs-key", "an Endor Labs API key", r"endr\+[0-9A-Za-z-]{16}"),
    Format("exoscale-key", "an Exoscale API key", r"EXO[0-9a-f]{24}"),
    Format("facebook-app-token", "a Facebook app token", r"[0-9]{15,16}(?:\||%7C|%)[0-9A-Za-z_-]{27,40}"),
    Format("facebook-token", "a Facebook access token", r"EAA[0-9A-Za-z]{80,}"),
    Format("figma-token", "a Figma token", r"fig[dopu]r?_[0-9A-Za-z_=-]{38,54}"),
    Format("firecrawl-key", "a Firecrawl API key", r"fc-[0-9a-f]{32}"),
    Format("fireworks-key", "a Fireworks API key", r"fw_[0-9A-Za-z]{22,24}"),
    Format("fleetbase-key", "a Fleetbase API key", r"flb_live_[0-9A-Za-z]{20}"),
    Format("flexport-token", "a Flexport token", r"shltm_[0-9A-Za-z_-]{40}"),
    Format("flutterwave-key", "a Flutterwave key", r"FLW(?:PUB|SEC)K(?:_TEST)?-[0-9A-Za-z]{12,50}(?:-X)?"),
    Format("fly-io-token", "a Fly.io token", r"fo1_[0-9A-Za-z_-]{43}|fm[12][ar]?_[0-9A-Za-z+/_-]{100,}={0,3}"),
    Format("frame-io-token", "a Frame.io token", r"fio-u-[0-9A-Za-z_=-]{64}"),
    Format("fullstory-key", "a FullStory API key", r"(?:na|eu)1\.[0-9A-Za-z+/]{100}"),
    Format("gcp-api-key", "a Google API key", r"AIza[0-9A-Za-z_-]{35}|AQ\.Ab8RN6[0-9A-Za-z_-]{40,}"),
    Format("gcp-client-secret", "a Google OAuth client secret", r"GOCSPX-[0-9A-Za-z_-]{28}"),
    Format("gcp-hmac-key", "a Google Cloud Storage HMAC key id", r"GOOG1E[0-9A-Z]{55,57}|GOOG[0-9A-Z]{20}"),
    Format("gcp-messaging-key", "a Firebase server key", r"[0-9A-Za-z_-]{11}:APA91b[0-9A-Za-z_-]{130,}"),
    Format("gcp-oauth-token", "a Google OAuth access token", r"ya29\.[0-9A-Za-z_-]{20,}"),
    Format("gcp-refresh-token", "a Google OAuth refresh token", r"1//0[0-9A-Za-z_-]{40,}|4/0A[0-9A-Za-z_-]{50,}"),
    Format("gitbook-token", "a GitBook token", r"gb_api_[0-9A-Za-z]{40}"),
    Format("github-token", "a GitHub token", r"gh[oprsu]_[0-9A-Za-z_]{36,255}"),
    Format("github-fine-grained-token", "a GitHub personal access token", r"github_pat_[0-9A-Za-z_]{50,255}"),
    Format(
        "gitlab-token",
        "a GitLab token",
        r"gl(?:dt|ffct|ft|imt|pat|ptt|rtr?|soat|wt)-[0-9A-Za-z_-]{20,300}(?:\.[0-9a-z]{2,9}){0,2}",
    ),
    Format("gitlab-agent-token", "a GitLab agent token", r"glagent-[0-9A-Za-z_-]{50,}"),
    Format("gitlab-job-token", "a GitLab job token", r"glcbt-[0-9A-Za-z]{1,5}_[0-9A-Za-z_-]{20,}"),
    Format("gitlab-oauth-secret", "a GitLab OAuth application secret", r"gloas-[0-9A-Za-z_-]{64}"),
    Format("gitlab-runner-token", "a GitLab runner registration token", r"GR1348941[0-9A-Za-z_-]{20}"),
    Format("gitlab-session", "a GitLab session cookie", r"_gitlab_session=[0-9a-z]{32}"),
    Format("grafana-api-key", "a Grafana API key", r"eyJrIjoi[0-9A-Za-z]{60,400}={0,3}"),
    Format("grafana-cloud-token", "a Grafana Cloud token", r"glc_[0-9A-Za-z+/]{32,400}={0,3}"),
    Format("grafana-service-token", "a Grafana service account token", r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}"),
    Format("groq-key", "a Groq API key", r"gsk_[0-9A-Za-z]{50,54}"),
    Format("harness-token", "a Harness API key", r"[ps]at\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z]{24}\.[0-9A-Za-z]{20}"),
    Format("heroku-key", "a Heroku API key", r"HRKU-[0-9A-Za-z_-]{36,65}"),
    Format("hex-token", "a token of Hex", r"hxt[pw]_[0-9a-f]{64}"),
    Format("honeycomb-key", "a Honeycomb key", r"hc[a-z](?:ik|lk|mk)_[0-9A-Za-z]{32,64}"),
    Format("hubspot-token", "a HubSpot token", r"pat-(?:na|eu|ap)[0-9]-" + _UUID),
    Format("hugging-face-token", "a Hugging Face token", r"(?:hf|api_org)_[0-9A-Za-z]{34,40}"),
    Format("infisical-token", "an Infisical service token", r"st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}"),
    Format("infracost-token", "an Infracost token", r"ico-[0-9A-Za-z]{32}"),
    Format("inngest-key", "an Inngest signing key", r"signkey-[0-9a-z]{2,12}-[0-9a-f]{32,64}"),
    Format("intra42-secret", "an Intra 42 client secret", r"[su]-s4t2(?:ud|af)-[0-9a-f]{64}"),
    Format("ionic-token", "an Ionic token", r"ion_[0-9A-Za-z]{42}"),
    Format("jina-key", "a Jina API key", r"jina_[0-9A-Za-z]{60}"),
    Format("langfuse-key", "a Langfuse secret key", r"sk-lf-" + _UUID),
    Format("langsmith-key", "a LangSmith API key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|ls__[0-9a-f]{32}"),
    Format("launchdarkly-key", "a LaunchDarkly SDK key", r"(?:sdk|mob)-" + _UUID),
    Format("lightdash-token", "a Lightdash token", r"ld(?:pat|svc|app)_[0-9a-f]{32,64}"),
    Format("linear-key", "a Linear API key", r"lin_(?:api|oauth|wh)_[0-9A-Za-z]{40,64}"),
    Format("llamaindex-key", "a LlamaIndex API key", r"llx-[0-9A-Za-z]{48}"),
    Format("lob-key", "a Lob API key", r"(?:live|test)_(?:[0-9a-f]{35}|pub_[0-9a-f]{31})"),
    Format("mailchimp-key", "a Mailchimp API key", r"[0-9a-f]{32}-us[0-9]{1,3}"),
    Format("mailersend-token", "a MailerSend token", r"mlsn\.[0-9a-f]{64}"),
    Format("mailgun-key", "a Mailgun API key", r"(?:pub)?key-[0-9a-f]{32}"),
    Format("mailgun-signing-key", "a Mailgun signing key", r"[0-9a-h]{32}-[0-9a-h]{8}-[0-9a-h]{8}"),
    Format(
        "mapbox-token",
        "a Mapbox token",
        r"[pst]k\.(?:eyJ[0-9A-Za-z_-]{30,250}|[0-9A-Za-z]{60})\.[0-9A-Za-z_-]{20,30}",
    ),
    Format("materialize-password", "a Materialize app password", r"mzp_[0-9a-f]{64}"),
    Format("maxmind-key", "a MaxMind license key", r"[0-9A-Za-z]{6}_[0-9A-Za-z]{29}_mmk"),
    Format("metabase-key", "a Metabase API key", r"mb_[0-9A-Za-z+/]{43}="),
    Format(
        "microsoft-teams-webhook",
        "a Microsoft Teams webhook",
        r"(?:[0-9a-z-]{1,63}\.webhook\.office\.com/webhookb2|outlook\.office\.com/webhook)/"
        r"[0-9A-Za-z@-]{73}/IncomingWebhook/[0-9A-Za-z]{32}/[0-9A-Za-z-]{36}",
    ),
    Format("mongodb-atlas-secret", "a MongoDB Atlas service account secret", r"mdb_sa_sk_[0-9A-Za-z_-]{40}"),
    Format("neon-key", "a Neon API key", r"napi_[0-9a-z]{60,68}"),
    Format("netlify-token", "a Netlify token", r"nf[bcopu]_[0-9A-Za-z]{36}"),
    Format("new-relic-admin-key", "a New Relic admin key", r"(?i:NRAA)-[0-9A-Fa-f]{27}"),
    Format("new-relic-browser-key", "a New Relic browser key", r"(?i:NR(?:BR|JS))-[0-9A-Fa-f]{19}"),
    Format("new-relic-insert-key", "a New Relic insert or query key", r"(?i:NRI[IQ])-[0-9A-Za-z_-]{25,32}"),
    Format("new-relic-license-key", "a New Relic license key", r"[0-9A-Za-z]{36}(?:NRAL|nral)|[0-9a-z]{42}-NRMA"),
    Format("new-relic-mobile-key", "a New Relic mobile app token", r"(?:AA[0-9a-f]{40}|eu01xx[0-9a-f]{36})-NRMA"),
    Format("new-relic-pixie-key", "a Pixie key", r"px-(?:api|dep)-" + _UUID),
    Format("new-relic-rest-key", "a New Relic REST API key", r"(?i:NRRA)-[0-9A-Fa-f]{42}"),
    Format("new-relic-user-key", "a New Relic user key", r"(?i:NRAK)-[0-9A-Za-z]{27}"),
    Format("ngrok-token", "an ngrok token", r"[123][0-9A-Za-z]{26}_[0-9][0-9A-Za-z]{20}"),
    Format("nightfall-key", "a Nightfall API key", r"NF-[0-9A-Za-z]{32}"),
    Format("notion-token", "a Notion token", r"ntn_[0-9]{11}[0-9A-Za-z]{35}|secret_[0-9A-Za-z]{43}"),
    Format("npm-token", "an npm token", r"npm_[0-9A-Za-z]{36}"),
    Format("nuget-key", "a NuGet API key", r"oy2[0-9a-z]{43}"),
    Format("nvidia-key", "an NVIDIA API key", r"nvapi-[0-9A-Za-z_-]{60,70}"),
    Format("octopus-deploy-key", "an Octopus Deploy API key", r"API-[0-9A-Z]{25,27}"),
    Format("okta-token", "an Okta API token", r"SSWS 00[0-9A-Za-z_-]{40}"),
    Format("openai-key", "an OpenAI API key", r"sk-(?:[a-z]{4,8}-)?[0-9A-Za-z_-]{20,}T3BlbkFJ[0-9A-Za-z_-]{20,}"),
    Format("openai-style-key", "an API key of the OpenAI style", r"sk-[0-9A-Za-z]{48}"),
    Format("openrouter-key", "an OpenRouter API key", r"sk-or-v1-[0-9a-f]{64}"),
    Format("openshift-token", "an OpenShift user token", r"sha256~[0-9A-Za-z_-]{43}"),
    Format("pagarme-key", "a Pagar.me API key", r"ak_(?:live|test)_[0-9A-Za-z]{30}"),
    Format("perplexity-key", "a Perplexity API key", r"pplx-[0-9A-Za-z]{48,56}"),
    Format("pinecone-key", "a Pinecone API key", r"pcsk_[0-9A-Za-z]{5,6}_[0-9A-Za-z]{63}"),
    Format("plaid-token", "a Plaid access token", r"access-(?:sandbox|development|production)-" + _UUID),
    Format("planetscale-token", "a PlanetScale credential", r"pscale_(?:oauth|pw|tkn|api)_[0-9A-Za-z_=.-]{32,64}"),
    Format("polar-token", "a Polar token", r"polar_[a-z]{2,3}_[0-9A-Za-z]{32,}"),
    Format("posthog-key", "a PostHog personal API key", r"ph[rsx]_[0-9A-Za-z_]{40,50}"),
    Format("postman-key", "a Postman API key", r"PMAK-[0-9A-Za-z]{24}-[0-9A-Za-z]{34}|PMAT-[0-9A-Z]{26}"),
    Format("prefect-key", "a Prefect API key", r"pn[bu]_[0-9A-Za-z]{36}"),
    Format("pubnub-key", "a PubNub key", r"(?:pub|sub)-c-" + _UUID + r"|sec-c-[0-9A-Za-z+/]{40,}={0,2}"),
    Format("pulumi-token", "a Pulumi access token", r"pul-[0-9a-z]{40}"),
    Format("pypi-token", "a PyPI token", r"pypi-AgE[0-9A-Za-z_-]{50,}"),
    Format("ramp-secret", "a Ramp client secret", r"ramp_sec_[0-9A-Za-z]{48}"),
    Format("readme-token", "a ReadMe API key", r"rdme_[0-9a-z]{70}"),
    Format("red-hat-key", "a Red Hat API key", r"rh-api-" + _UUID),
    Format("render-key", "a Render API key", r"rnd_[0-9A-Za-z]{28,32}"),
    Format("replicate-token", "a Replicate token", r"r8_[0-9A-Za-z_-]{37,40}"),
    Format("resend-key", "a Resend API key", r"re_[0-9A-Za-z]{8}_[0-9A-Za-z]{24}"),
    Format("rootly-key", "a Rootly API key", r"rootly_[0-9a-f]{64}"),
    Format("rubygems-key", "a RubyGems API key", r"rubygems_[0-9a-z]{42,52}"),
    Format("salad-cloud-key", "a Salad Cloud API key", r"salad_cloud_[0-9A-Za-z]{1,7}_[0-9A-Za-z]{20,235}"),
    Format("salesforce-consumer-key", "a Salesforce consumer key", r"3MVG9[0-9A-Za-z._+/=]{80,}"),
    Format("salesforce-refresh-token", "a Salesforce refresh token", r"5Aep861[0-9A-Za-z._=]{70,}"),
    Format("salesforce-token", "a Salesforce access token", r"00[0-9A-Za-z]{13}![0-9A-Za-z_.]{96}"),
    Format("scaleway-access-key", "a Scaleway access key", r"SCW[0-9A-Z]{17}"),
    Format("scalingo-token", "a Scalingo token", r"tk-us-[0-9A-Za-z_-]{48}"),
    Format("scrapfly-key", "a Scrapfly API key", r"scp-(?:live|test)-[0-9a-z]{32}"),
    Format("segment-token", "a Segment public API token", r"sgp_[0-9A-Za-z]{64}"),
    Format("sendgrid-key", "a SendGrid API key", r"SG\.[0-9A-Za-z_=.-]{60,75}"),
    Format("sentry-organization-token", "a Sentry organization token", r"sntrys_eyJ[0-9A-Za-z+/=_-]{60,}"),
    Format("sentry-user-token", "a Sentry token", r"sntry[aiu]_[0-9a-f]{64}"),
    Format("settlemint-token", "a SettleMint access token", r"sm_[aps]at_[0-9A-Za-z]{16}"),
    Format("shippo-token", "a Shippo API token", r"shippo_(?:live|test)_[0-9A-Fa-f]{40}"),
    Format("shopify-token", "a Shopify token", r"shp(?:at|ca|pa|ss|ua|tka)_[0-9A-Fa-f]{30,40}"),
    Format("sidekiq-url", "a Sidekiq credential", r"[0-9a-f]{8}:[0-9a-f]{8}@(?:gems|enterprise)\.contribsys\.com"),
    Format(
        "slack-app-token", "a Slack app token", r"xapp-[0-9]{1,3}-[0-9A-Za-z]{8,15}-[0-9]{10,15}-[0-9A-Za-z]{10,80}"
    ),
    Format("slack-cookie", "a Slack session cookie", r"xoxd-[0-9A-Za-z%+/=_-]{40,}"),
    Format("slack-token", "a Slack token", r"xox[abceoprs]-[0-9][0-9A-Za-z-]{9,250}|xox[ar]-[0-9A-Za-z]{8,48}"),
    Format("slack-rotating-token", "a Slack token", r"xoxe\.xox[bp]-[0-9]-[0-9A-Za-z]{100,250}"),
    Format(
        "slack-webhook",
        "a Slack webhook",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[0-9A-Za-z+/]{30,80}",
    ),
    Format("snowflake-session-token", "a Snowflake session token", r"ver:[0-9]-hint:[0-9]{4,}-[0-9A-Za-z+/=_-]{40,}"),
    Format("snyk-token", "a Snyk token", r"snyk_[a-z]{3}\.[0-9a-z]{8}\.[0-9A-Za-z_-]{20,}(?:\.[0-9A-Za-z_-]{20,})?"),
    Format("socket-token", "a Socket API token", r"sktsec_[0-9A-Za-z_-]{40,60}"),
    Format("sonar-token", "a Sonar token", r"sq[apu]_[0-9A-Za-z]{40}|sqco_[0-9A-Za-z]{59}"),
    Format("sourcegraph-token", "a Sourcegraph token", r"sgp_(?:(?:[0-9A-Fa-f]{16}|local)_)?[0-9A-Fa-f]{40}"),
    Format("sourcegraph-cody-key", "a Sourcegraph gateway key", r"slk_[0-9a-f]{64}"),
    Format("square-secret", "a Square credential", r"sq0[a-z]{3}-[0-9A-Za-z_-]{22,60}"),
    Format("square-token", "a Square access token", r"EAAA[0-9A-Za-z_+=-]{22,60}"),
    Format("stackhawk-key", "a StackHawk API key", r"hawk\.[0-9A-Za-z_-]{20}\.[0-9A-Za-z_-]{20}"),
    Format("stripe-intent-secret", "a Stripe client secret", r"(?:pi|seti)_[0-9A-Za-z]{24}_secret_[0-9A-Za-z]{25}"),
    Format("stripe-secret-key", "a Stripe secret key", r"[rs]k_(?:live|prod|test)_[0-9A-Za-z]{16,255}"),
    Format("stytch-secret", "a Stytch secret", r"secret-(?:live|test)-[0-9A-Za-z_-]{36}="),
    Format("supabase-key", "a Supabase secret key", r"sb_secret_[0-9A-Za-z_-]{22}_[0-9A-Za-z_-]{8}"),
    Format("supabase-token", "a Supabase access token", r"sbp_(?:oauth_|v0_)?[0-9a-z]{40}"),
    Format("tailscale-key", "a Tailscale key", r"tskey-(?:[a-z]{2,12}-)?[0-9A-Za-z_]{6,40}-[0-9A-Za-z_]{16,}"),
    Format("tavily-key", "a Tavily API key", r"tvly-(?:dev-|prod-)?[0-9A-Za-z]{32}"),
    Format("teamcity-token", "a TeamCity token", r"eyJ0eXAiOiAiVENWMiJ9\.[0-9A-Za-z_-]{36}\.[0-9A-Za-z_-]{48}"),
    Format("teamwork-token", "a Teamwork token", r"tkn\.v1_[0-9A-Za-z+/]{71}="),
    # Longer bot ids are left out: an account of twelve digits and a name stand so in a resource name.
    Format("telegram-token", "a Telegram bot token", r"[0-9]{8,10}:A[0-9A-Za-z_-]{34}"),
    Format("telnyx-key", "a Telnyx API key", r"KEY[0-9A-F]{32}_[0-9A-Za-z]{22}"),
    Format("terraform-cloud-token", "a Terraform Cloud token", r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,70}"),
    Format("tines-webhook", "a Tines webhook", r"tines\.(?:com|io)/webhook/[0-9a-z]{32}/[0-9a-z]{32}"),
    Format("tinybird-token", "a Tinybird token", r"p\.eyJ[0-9A-Za-z_-]{40,}\.[0-9A-Za-z_-]{30,}"),
    Format("together-key", "a Together API key", r"tgp_v1_[0-9A-Za-z_-]{43}"),
    Format("trigger-dev-key", "a Trigger.dev key", r"tr_(?:dev|pat|prod|stg)_[0-9A-Za-z]{20,40}"),
    Format("twilio-key", "a Twilio API key or account", r"(?:AC|SK)[0-9A-Fa-f]{32}"),
    Format("twitch-stream-key", "a Twitch stream key", r"live_[0-9]{8,12}_[0-9A-Za-z]{30,36}"),
    # Something other than the letter A must follow soon: a run of it alone is base64 of zeros.
    Format("twitter-bearer-token", "a bearer token of X", r"A{19,30}[0-9B-Za-z%][0-9A-Za-z%]{58,160}"),
    Format("typeform-token", "a Typeform token", r"tfp_[0-9A-Za-z_.=-]{40,60}"),
    Format("ubidots-token", "a Ubidots token", r"BBFF-[0-9A-Za-z]{30}"),
    Format("vault-token", "a Vault token", r"hv[rs]\.(?:[0-9A-Za-z_-]{80,200}|[0-9A-Za-z]{24,60})"),
    Format("vault-batch-token", "a Vault batch token", r"hvb\.[0-9A-Za-z_-]{100,500}"),
    Format("vercel-blob-token", "a Vercel Blob token", r"vercel_blob_rw_[0-9A-Za-z]{16}_[0-9A-Za-z]{24,40}"),
    Format("vercel-token", "a Vercel token", r"vc[acikpr]_[0-9A-Za-z]{24,64}"),
    Format("voiceflow-key", "a Voiceflow API key", r"VF\.(?:(?:DM|WS)\.)?[0-9A-Fa-f]{24}\.[0-9A-Za-z]{16}"),
    Format("webhook-signing-secret", "a webhook signing secret", r"whsec_[0-9A-Za-z+/]{24,}={0,2}"),
    Format("weights-and-biases-key", "a Weights & Biases API key", r"wandb_v[0-9]_[0-9A-Za-z_]{60,90}"),
    Format("wireguard-key", "a WireGuard key", r"(?:Private|Preshared)Key ?= ?[0-9A-Za-z+/]{43}="),
    Format("xai-key", "an xAI API key", r"xai-[0-9A-Za-z_]{70,90}"),
    Format("yandex-api-key", "a Yandex Cloud API key", r"AQVN[0-9A-Za-z_-]{35,38}"),
    Format("yandex-iam-token", "a Yandex Cloud IAM token", r"t1\.[0-9A-Za-z_-]{1,1000}={0,2}\.[0-9A-Za-z_-]{86}={0,2}"),
    Format("yandex-oauth-token", "a Yandex OAuth token", r"y[0-3]_[0-9A-Za-z_-]{55,}"),
    Format("zapier-webhook", "a Zapier webhook", r"hooks\.zapier\.com/hooks/catch/[0-9]{4,12}/[0-9A-Za-z]{5,}"),
    Format("zoho-token", "a Zoho token", r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}"),
    Format("zuplo-key", "a Zuplo API key", r"zpka_[0-9A-Za-z]{32}_[0-9A-Za-z]{8}"),
)

BESIDE: tuple[Beside, ...] = ()
