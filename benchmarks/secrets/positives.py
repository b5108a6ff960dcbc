# ruff: noqa: E501 - a row is a line
"""The kinds of secret that a person might write into a flow or a platform, one row each.

A kind is `shaped` (a published prefix or structure gives it away anywhere), `random` (at least 20 random characters of
mixed classes), or `keyed`: known for a secret only by the key that it stands under. Passwords that people make up, plain
hex of 32, 40 or 64 digits and bare UUIDs are `keyed`; so is what nobody could know without the key.
"""

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from values import SIZED, Value, blob, encoded, fill, human, marked, pem

Make = Callable[[Random], Value]


class Kind(NamedTuple):
    """What a sample's value is."""

    name: str
    group: str
    fits: str
    """`token`, `password`, `url`, `header`, `block`, `command`, `sql` or `file`: the placements that it has."""
    strength: str
    vendor: str
    keys: tuple[str, ...]
    make: Make

    @property
    def needs_key(self) -> bool:
        return self.strength == "keyed"


def _rows(table: str, cells: int) -> Iterator[list[str]]:
    """Split lines into cells, which two or more spaces part; the last may hold any."""
    for line in table.strip().splitlines():
        yield re.split(r" {2,}", line, maxsplit=cells - 1)


def _template(template: str) -> Make:
    text = template.replace("\\n", "\n")
    return lambda random: marked(fill(text, random))


def _kinds(group: str, fits: str, table: str, keys: tuple[str, ...] = (), vendor: str = "") -> Iterator[Kind]:
    """Read rows of: name, strength, keys (unless `keys` says them for all), template.

    A name begins with its vendor, unless `vendor` says it for all.
    """
    for row in _rows(table, 3 if keys else 4):
        name, strength, *middle, template = row
        named = keys or tuple(middle[0].split(","))
        yield Kind(name, group, fits, strength, vendor or name.split("-")[0], named, _template(template))


CLOUDS = """
aws-access-key-id           shaped  access_key_id,key_id       AKIA{b32:16}
aws-temporary-key-id        shaped  access_key_id              ASIA{b32:16}
aws-secret-access-key       random  secret_access_key,aws_secret_access_key,secret_key  {b64:40}
aws-session-token           random  session_token,aws_session_token  IQoJb3JpZ2luX2Vj{base64:330}
aws-bedrock-key             shaped  api_key,bearer_token       ABSK{base64:96}
gcp-api-key                 shaped  api_key                    AIza{b64url:35}
gcp-oauth-client-secret     shaped  client_secret              GOCSPX-{b64url:28}
gcp-access-token            shaped  access_token               ya29.{b64url:140}
gcp-refresh-token           shaped  refresh_token              1//0{b64url:60}
gcs-hmac-secret             random  secret,hmac_secret         {b64:40}
azure-storage-key           random  account_key,storage_key    {base64:64}
azure-storage-connection    shaped  connection_string          DefaultEndpointsProtocol=https;AccountName=acme{word};AccountKey=[[{base64:64}]];EndpointSuffix=core.windows.net
azure-ad-client-secret      random  client_secret              {alnum:3}8Q~{alnum:34}
azure-sas-url               shaped  url,sas_url                https://acme{word}.blob.core.windows.net/landing?sv=2022-11-02&ss=b&srt=co&sp=rl&se=2026-12-31T00:00:00Z&sig=[[{percent:32}]]
azure-sas-token             shaped  sas_token                  sv=2022-11-02&ss=bf&srt=sco&sp=rwdl&se=2026-12-31T00:00:00Z&spr=https&sig=[[{percent:32}]]
azure-service-bus           shaped  connection_string          Endpoint=sb://acme-{word}.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=[[{base64:32}]]
azure-cosmos-connection     shaped  connection_string          AccountEndpoint=https://acme-{word}.documents.azure.com:443/;AccountKey=[[{base64:64}]];
azure-devops-pat            keyed   personal_access_token,pat_token  {b32lower:52}
azure-openai-key            keyed   api_key                    {hex:32}
azure-function-key          random  function_key,api_key       {base64url:40}==
ibm-api-key                 random  api_key,iam_apikey         {alnum:20}-{alnum:23}
alibaba-key-secret          random  access_key_secret          {alnum:30}
digitalocean-token          shaped  token,api_token            dop_v1_{hex:64}
digitalocean-oauth          shaped  access_token               doo_v1_{hex:64}
heroku-api-key-uuid         keyed   api_key                    {uuid}
heroku-api-key              shaped  api_key                    HRKU-AA{b64url:58}
cloudflare-api-token        random  api_token                  {b64url:40}
cloudflare-global-key       keyed   api_key,auth_key           {hex:37}
cloudflare-origin-ca        shaped  origin_ca_key              v1.0-{hex:24}-{hex:146}
fastly-token                random  api_token                  {b64url:32}
netlify-token               shaped  auth_token                 nfp_{alnum:36}
fly-token                   shaped  access_token               FlyV1 fm2_{base64:180}
"""
DATA = """
databricks-token            shaped  token,access_token         dapi{hex:32}
databricks-token-scoped     shaped  token                      dapi{hex:32}-2
databricks-oauth-secret     shaped  client_secret              dose{hex:32}
dbt-cloud-token             shaped  api_token,token            dbtc_{alnum:42}
dbt-service-token           shaped  service_token              dbts_{alnum:42}
dbt-cloud-legacy-token      keyed   api_token                  {hex:40}
snowflake-password          keyed   password,SNOWFLAKE_PASSWORD  {strong:14}
snowflake-key-passphrase    keyed   private_key_passphrase     {strong:16}
confluent-api-key           keyed   api_key                    {upper:16}
confluent-api-secret        random  api_secret,sasl_password   {b64:64}
mongodb-atlas-private-key   keyed   private_key                {uuid}
fivetran-api-key            keyed   api_key                    {alnum:16}
fivetran-api-secret         random  api_secret                 {alnum:32}
planetscale-password        shaped  password                   pscale_pw_{b64url:43}
aiven-password              shaped  password                   AVNS_{b64url:19}
supabase-token              shaped  access_token               sbp_{hex:40}
elastic-api-key             random  api_key                    {base64:45}
influx-token                random  token                      {b64url:86}==
prefect-api-key             shaped  api_key                    pnu_{alnum:36}
tableau-pat-secret          random  token_secret,personal_access_token  {base64:16}:{alnum:32}
looker-client-secret        random  client_secret              {alnum:24}
motherduck-token            shaped  motherduck_token           {jwt}
airtable-pat                shaped  api_key,token              pat{alnum:14}.{hex:64}
notion-token                shaped  token                      secret_{alnum:43}
notion-token-new            shaped  token                      ntn_{digits:11}{alnum:35}
salesforce-session          random  session_id,access_token    00D{alnum:12}!AQ{alnum:92}
salesforce-security-token   random  security_token             {alnum:24}
hubspot-private-app         shaped  access_token               pat-na1-{uuid}
zendesk-token               random  api_token                  {alnum:40}
shopify-token               shaped  access_token               shpat_{hex:32}
shopify-shared-secret       shaped  shared_secret              shpss_{hex:32}
"""
DEVELOPERS = """
github-pat                  shaped  token,github_token         ghp_{alnum:36}
github-oauth                shaped  token                      gho_{alnum:36}
github-user-to-server       shaped  token                      ghu_{alnum:36}
github-server-to-server     shaped  token                      ghs_{alnum:36}
github-refresh              shaped  refresh_token              ghr_{alnum:36}
github-fine-grained         shaped  token,api_token            github_pat_{alnum:22}_{alnum:59}
gitlab-pat                  shaped  private_token,token        glpat-{b64url:20}
gitlab-deploy-token         shaped  deploy_token               gldt-{b64url:20}
gitlab-runner-token         shaped  registration_token         GR1348941{b64url:20}
gitlab-trigger-token        shaped  trigger_token              glptt-{hex:40}
bitbucket-app-password      shaped  app_password               ATBB{alnum:32}
atlassian-token             shaped  api_token                  ATATT3xFfGF0{b64url:170}={hexupper:8}
postman-key                 shaped  api_key                    PMAK-{hex:24}-{hex:34}
pypi-token                  shaped  token,password             pypi-AgEIcHlwaS5vcmc{b64url:150}
npm-token                   shaped  auth_token,token           npm_{alnum:36}
rubygems-key                shaped  api_key                    rubygems_{hex:48}
nuget-key                   keyed   api_key                    oy2{lower:43}
docker-hub-pat              shaped  password,access_token      dckr_pat_{b64url:27}
artifactory-key             shaped  api_key,password           AKCp{alnum:69}
circleci-token              shaped  token                      CCIPAT_{alnum:22}_{hex:40}
buildkite-token             shaped  token                      bkua_{hex:40}
jenkins-token               keyed   api_token                  11{hex:32}
sonar-token                 shaped  token                      sqp_{hex:40}
snyk-token                  keyed   token,api_token            {uuid}
codecov-token               keyed   token,upload_token         {uuid}
vault-token                 shaped  token,vault_token          hvs.{b64url:91}
vault-token-legacy          random  token                      s.{alnum:24}
terraform-cloud-token       shaped  token                      {alnum:14}.atlasv1.{alnum:67}
pulumi-token                shaped  access_token               pul-{hex:40}
doppler-token               shaped  token,service_token        dp.st.prd.{alnum:43}
linear-key                  shaped  api_key                    lin_api_{alnum:40}
figma-token                 shaped  access_token               figd_{b64url:40}
launchdarkly-sdk-key        keyed   sdk_key,api_key            sdk-{uuid}
"""
OBSERVABILITY = """
datadog-api-key             keyed   api_key,dd_api_key         {hex:32}
datadog-app-key             keyed   app_key,application_key    {hex:40}
newrelic-user-key           shaped  api_key                    NRAK-{upper:27}
newrelic-license-key        shaped  license_key                {hex:36}NRAL
sentry-dsn-secret           shaped  dsn                        https://{hex:32}:[[{hex:32}]]@o{digits:6}.ingest.sentry.io/{digits:7}
sentry-org-token            shaped  auth_token                 sntrys_{base64:90}_{b64:43}
sentry-user-token           shaped  auth_token                 sntryu_{hex:64}
pagerduty-key               random  api_key,token              {b64url:20}
opsgenie-key                keyed   api_key                    {uuid}
grafana-service-account     shaped  token,api_key              glsa_{alnum:32}_{hex:8}
grafana-cloud-token         shaped  token                      glc_{base64:90}
splunk-hec-token            keyed   hec_token,token            {uuid}
dynatrace-token             shaped  api_token                  dt0c01.{b32:24}.{b32:64}
sumologic-key               random  access_key                 {alnum:64}
honeycomb-key               random  api_key                    {alnum:22}
"""
MODELS = """
openai-key                  shaped  api_key,openai_api_key     sk-{alnum:20}T3BlbkFJ{alnum:20}
openai-project-key          shaped  api_key                    sk-proj-{b64url:74}T3BlbkFJ{b64url:74}
anthropic-key               shaped  api_key                    sk-ant-api03-{b64url:93}AA
huggingface-token           shaped  token,hf_token             hf_{letters:34}
groq-key                    shaped  api_key                    gsk_{alnum:52}
replicate-token             shaped  api_token                  r8_{alnum:37}
pinecone-key                shaped  api_key                    pcsk_{alnum:6}_{alnum:63}
langsmith-key               shaped  api_key                    lsv2_pt_{hex:32}_{hex:10}
wandb-key                   keyed   api_key                    {hex:40}
mistral-key                 random  api_key                    {alnum:32}
cohere-key                  random  api_key                    {alnum:40}
"""
BUSINESS = """
slack-bot-token             shaped  token,bot_token            xoxb-{digits:12}-{digits:13}-{alnum:24}
slack-user-token            shaped  token                      xoxp-{digits:12}-{digits:12}-{digits:13}-{hex:32}
slack-app-token             shaped  app_token                  xapp-1-A{upper:10}-{digits:13}-{hex:64}
slack-signing-secret        keyed   signing_secret             {hex:32}
slack-webhook               shaped  webhook_url,url            https://hooks.slack.com/services/T{upper:8}/B{upper:10}/[[{alnum:24}]]
teams-webhook               shaped  webhook_url                https://acme.webhook.office.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/[[{hex:32}]]/{uuid}
discord-webhook             shaped  webhook_url,url            https://discord.com/api/webhooks/{digits:18}/[[{b64url:68}]]
discord-bot-token           shaped  bot_token                  MT{alnum:24}.G{b64url:5}.{b64url:38}
telegram-bot-token          shaped  bot_token,token            {digits:10}:AA{b64url:33}
stripe-secret-key           shaped  api_key,secret_key         sk_live_{alnum:24}
stripe-secret-key-long      shaped  api_key                    sk_live_51{alnum:97}
stripe-restricted-key       shaped  api_key                    rk_live_{alnum:24}
stripe-webhook-secret       shaped  webhook_secret             whsec_{alnum:32}
square-token                shaped  access_token               EAAA{b64url:60}
plaid-secret                keyed   secret                     {hex:30}
twilio-auth-token           keyed   auth_token                 {hex:32}
twilio-api-key              shaped  api_key                    SK{hex:32}
twilio-api-secret           random  api_secret                 {alnum:32}
sendgrid-key                shaped  api_key                    SG.{b64url:22}.{b64url:43}
mailgun-key                 shaped  api_key                    key-{hex:32}
mailchimp-key               shaped  api_key                    {hex:32}-us12
brevo-key                   shaped  api_key                    xkeysib-{hex:64}-{alnum:16}
postmark-token              keyed   server_token               {uuid}
okta-api-token              random  api_token,token            00{b64url:40}
auth0-client-secret         random  client_secret              {b64url:64}
asana-token                 keyed   access_token,token         1/{digits:16}:{hex:32}
clickup-token               shaped  api_token                  pk_{digits:8}_{b32:32}
dropbox-token               shaped  access_token               sl.{b64url:140}
facebook-token              random  access_token               EAA{alnum:120}
twitter-bearer              random  bearer_token               AAAAAAAAAAAAAAAAAAAAA{alnum:8}%2F{alnum:40}%3D{alnum:40}
mapbox-secret-token         shaped  access_token               sk.eyJ1{alnum:60}.{b64url:22}
algolia-admin-key           keyed   api_key,admin_key          {hex:32}
"""
SIGNED = """
jwt-session                 shaped  token,access_token,id_token  {jwt}
supabase-service-role       shaped  service_role_key           {jwt}
age-secret-key              shaped  identity,secret_key,age_key  AGE-SECRET-KEY-1{bech32:58}
wireguard-private-key       random  private_key                {base64:32}
fernet-key                  random  fernet_key,encryption_key  {base64url:32}=
django-secret-key           random  secret_key                 {strong:50}
session-signing-key         random  signing_key,session_secret  {base64:48}
"""
URLS = """
postgres-url                shaped  postgresql://{user}:[[{pw:16}]]@{host}:5432/{db}
postgres-url-human          shaped  postgres://{user}:[[{word}{digits:4}]]@{host}/{db}
postgres-url-short          shaped  postgres://{db}:[[{word}]]@{host}/{db}
mysql-url                   shaped  mysql://{user}:[[{pw:20}]]@{host}:3306/{db}?charset=utf8mb4
mongodb-srv-url             shaped  mongodb+srv://{user}:[[{alnum:16}]]@cluster0.{lower:5}.mongodb.net/{db}?retryWrites=true
redis-url                   shaped  redis://:[[{alnum:24}]]@{host}:6379/0
rediss-url-user             shaped  rediss://default:[[{hex:64}]]@{host}:6380
amqp-url                    shaped  amqps://{user}:[[{pw:18}]]@{host}:5671/{db}
snowflake-url               shaped  snowflake://{user}:[[{pw:14}]]@xy12345.{region}/{db}/public?warehouse=load_wh
sqlalchemy-url              shaped  postgresql+psycopg2://{user}:[[{word}-{word}-{digits:2}]]@{host}:5432/{db}
mssql-url                   shaped  mssql+pyodbc://{user}:[[{pw:14}]]@{host}:1433/{db}?driver=ODBC+Driver+18+for+SQL+Server
clickhouse-url              shaped  clickhouse://{user}:[[{alnum:20}]]@{host}:9440/{db}?secure=true
percent-encoded-url         shaped  postgresql://{user}:[[{quoted}]]@{host}:5432/{db}
https-basic-url             shaped  https://{user}:[[{word}{digits:3}]]@api.acme.example/v2/export
git-token-url               shaped  https://oauth2:[[glpat-{b64url:20}]]@gitlab.acme.example/data/models.git
github-token-url            shaped  https://x-access-token:[[ghs_{alnum:36}]]@github.com/acme/models.git
proxy-url                   shaped  http://{user}:[[{pw:12}]]@proxy.acme.example:3128
sftp-url                    shaped  sftp://{user}:[[{word}{digits:2}!]]@sftp.partner.example/outbox
smtp-url                    shaped  smtps://reports%40acme.example:[[{alnum:16}]]@smtp.acme.example:465
api-key-in-query            shaped  https://api.acme.example/v1/rates?base=EUR&api_key=[[{hex:32}]]
access-token-in-query       shaped  https://graph.acme.example/v18.0/me/accounts?access_token=[[{alnum:64}]]&limit=50
password-in-query           shaped  https://partner.example/export.csv?user={user}&password=[[{word}{digits:3}]]
jdbc-postgres               shaped  jdbc:postgresql://{host}:5432/{db}?user={user}&password=[[{pw:14}]]&ssl=true
jdbc-sqlserver              shaped  jdbc:sqlserver://{host}:1433;databaseName={db};user={user};password=[[{Word}{digits:4}]];encrypt=true
jdbc-oracle-thin            shaped  jdbc:oracle:thin:{user}/[[{word}{digits:2}]]@//{host}:1521/ORCL
odbc-string                 shaped  Driver=ODBC Driver 18 for SQL Server;Server={host};Database={db};Uid={user};Pwd=[[{pw:14}]];
ado-string                  shaped  Server={host};Database={db};User Id={user};Password=[[{Word}{digits:4}]];Trusted_Connection=False;
libpq-string                shaped  host={host} port=5432 dbname={db} user={user} password=[[{pw:14}]] sslmode=require
kafka-jaas                  shaped  org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="[[{alnum:20}]]";
cloudinary-url              shaped  cloudinary://{digits:15}:[[{b64url:27}]]@acme
"""
URL_KEYS = ("url", "dsn", "connection_string", "uri", "database_url")
HEADERS = """
http-bearer                 shaped  Bearer [[{alnum:40}]]
http-bearer-jwt             shaped  Bearer [[{jwt}]]
http-bearer-hex             keyed   Bearer [[{hex:40}]]
http-token                  keyed   Token [[{hex:40}]]
http-token-quoted           shaped  Token token="[[{alnum:32}]]"
http-api-key                shaped  ApiKey [[{base64:45}]]
http-github                 shaped  token [[ghp_{alnum:36}]]
http-genie-key              keyed   GenieKey [[{uuid}]]
http-ssws                   shaped  SSWS [[00{b64url:40}]]
http-splunk                 keyed   Splunk [[{uuid}]]
http-sas                    shaped  SharedAccessSignature sr=https%3A%2F%2Facme.servicebus.windows.net&sig=[[{percent:32}]]&se=1790000000&skn=send
"""
PASSWORDS = """
password-hunter2            keyed   hunter2
password-xkcd               keyed   Tr0ub4dor&3
password-season             keyed   S3cr3t!2024
password-words              keyed   {word}-{word}-{digits:2}
password-word               keyed   {word}
password-word-year          keyed   {Word}{year}!
password-name               keyed   {Name}{digits:2}{digits:2}
password-leet               keyed   {leet}
password-human              keyed   {human}
password-sentence           keyed   {word} {word} {word} {word}
password-pin                keyed   {digits:6}
password-dollar             keyed   ${word}{digits:2}!
password-percent            keyed   %{Word}{digits:3}!
password-star               keyed   *{word}&{digits:2}
password-braces             keyed   {word}{{word}}{digits:2}
password-slash              keyed   {word}/{Word}\\{digits:2}
password-random-8           keyed   {lower:8}
password-random-12          keyed   {alnum:12}
password-random-16          keyed   {strong:16}
password-random-24          random  {alnum:24}
password-random-32          random  {strong:32}
password-hex-32             keyed   {hex:32}
password-hex-64             keyed   {hex:64}
password-uuid               keyed   {uuid}
"""
PASSWORD_KEYS = tuple(
    """
    password passwd pwd db_password passphrase secret client_secret admin_password user_password smtp_password
    sasl_password keystore_password root_password masterPassword dbPassword ssl_key_password bind_password
    """.split()
)
SECRET_KEYS = """
key-hex-64-encryption       keyed   encryption_key,aes_key,master_key          {hex:64}
key-hex-32-secret           keyed   secret_key,app_secret,shared_secret        {hex:32}
key-uuid-api                keyed   api_key,apiKey,x_api_key,subscription_key  {uuid}
key-access-lower            keyed   access_key,access_token,auth_token         {lower:20}
key-token-16                keyed   token,api_token,bot_token                  {alnum:16}
key-token-random            random  token,api_token,bearer_token,refresh_token  {alnum:48}
key-credential              keyed   credential,credentials,auth                {user}:[[{human}]]
key-salt                    keyed   hmac_key,signing_secret,webhook_secret     {lower:24}
key-webhook-hex             keyed   webhook_secret,signing_key                 {hex:40}
key-otp-seed                keyed   totp_secret,otp_secret                     {b32:32}
"""
COMMANDS = """
mysql-short-option          shaped  mysql -h {host} -u {user} -p[[{word}{digits:3}]] {db}
mysql-long-option           shaped  mysqldump --host={host} --user={user} --password=[[{pw:14}]] {db}
psql-pgpassword             shaped  PGPASSWORD=[[{word}{digits:4}]] psql -h {host} -U {user} {db}
psql-url                    shaped  psql postgresql://{user}:[[{pw:14}]]@{host}/{db} -c vacuum
curl-user                   shaped  curl -sf -u {user}:[[{word}{digits:3}]] https://api.acme.example/export
curl-long-user              shaped  curl --user {user}:[[{pw:16}]] -o orders.csv https://api.acme.example/orders
curl-bearer                 shaped  curl -H 'Authorization: Bearer [[{alnum:40}]]' https://api.acme.example/v1
curl-api-key-header         shaped  curl -H 'X-Api-Key: [[{hex:32}]]' https://api.acme.example/v1
curl-data-password          shaped  curl -d 'grant_type=password&username={user}&password=[[{word}{digits:3}]]' https://login.acme.example
export-token                shaped  export ACME_TOKEN=[[{alnum:32}]]
export-aws-secret           shaped  export AWS_SECRET_ACCESS_KEY=[[{b64:40}]]
export-password-human       shaped  export DB_PASSWORD='[[{human}]]'
sshpass                     shaped  sshpass -p '[[{Word}{digits:4}]]' sftp {user}@sftp.partner.example
docker-login                shaped  docker login registry.acme.example -u {user} -p [[{pw:16}]]
docker-run-env              shaped  docker run --rm -e POSTGRES_PASSWORD=[[{word}{digits:3}]] postgres:16
az-login                    shaped  az login --service-principal -u {uuid} --password [[{alnum:3}8Q~{alnum:34}]] --tenant {uuid}
aws-configure               shaped  aws configure set aws_secret_access_key [[{b64:40}]] --profile etl
kubectl-literal             shaped  kubectl create secret generic shop-db --from-literal=password=[[{human}]]
redis-cli                   shaped  redis-cli -h {host} -a [[{alnum:20}]] ping
mongosh                     shaped  mongosh --host {host} --username {user} --password [[{word}{digits:3}]] {db}
sqlcmd                      shaped  sqlcmd -S {host} -U {user} -P [[{Word}{digits:4}]] -Q 'select 1'
snowsql                     shaped  SNOWSQL_PWD=[[{pw:14}]] snowsql -a xy12345 -u {user}
openssl-pass                shaped  openssl enc -d -aes-256-cbc -pass pass:[[{human}]] -in dump.enc -out dump.sql
gpg-passphrase              shaped  gpg --batch --passphrase [[{word}-{word}-{digits:2}]] -d dump.gpg
git-clone                   shaped  git clone https://{user}:[[ghp_{alnum:36}]]@github.com/acme/models.git
java-property               shaped  java -Djavax.net.ssl.trustStorePassword=[[{word}{digits:3}]] -jar loader.jar
helm-set                    shaped  helm upgrade etl chart/ --set db.password=[[{word}{digits:3}]]
dbt-vars                    shaped  dbt run --vars '{"api_token": "[[{alnum:32}]]"}'
twine-upload                shaped  twine upload -u __token__ -p [[pypi-AgEIcHlwaS5vcmc{b64url:150}]] dist/*
npm-config                  shaped  npm config set //registry.npmjs.org/:_authToken [[npm_{alnum:36}]]
zip-password                shaped  7z x -p[[{Word}{digits:4}]] delivery.7z
keytool                     shaped  keytool -list -keystore client.jks -storepass [[{word}{digits:3}]]
powershell-env              shaped  $env:ACME_TOKEN = "[[{alnum:32}]]"
httpie-auth                 shaped  http -a {user}:[[{word}{digits:3}]] GET https://api.acme.example/orders
ldapsearch                  shaped  ldapsearch -D cn={user},dc=acme -w [[{word}{digits:3}]] -b dc=acme
token-option                shaped  acme-sync --region {region} --token [[{alnum:32}]] --full
api-key-option              shaped  acme-sync --api-key=[[{hex:32}]] --since 2024-01-01
docker-stdin                shaped  echo '[[{pw:18}]]' | docker login -u {user} --password-stdin registry.acme.example
"""
SQL = """
sql-create-user-mysql       shaped  create user '{user}'@'%' identified by '[[{human}]]'
sql-create-user-postgres    shaped  create user {user} with login password '[[{pw:14}]]'
sql-alter-role              shaped  alter role {user} with password '[[{word}{digits:3}]]'
sql-alter-user-oracle       shaped  alter user {user} identified by "[[{Word}{digits:4}]]"
sql-create-login            shaped  CREATE LOGIN {user} WITH PASSWORD = '[[{human}]]', CHECK_POLICY = OFF
sql-set-password            shaped  set password for '{user}'@'%' = '[[{word}{digits:4}]]'
sql-duckdb-secret           shaped  create secret lake (type s3, key_id 'AKIA{b32:16}', secret '[[{b64:40}]]', region '{region}')
sql-duckdb-http-secret      shaped  create secret api (type http, bearer_token '[[{alnum:40}]]')
sql-duckdb-postgres-secret  shaped  create secret shop (type postgres, host '{host}', user '{user}', password '[[{word}{digits:3}]]')
sql-duckdb-set              shaped  set s3_secret_access_key = '[[{b64:40}]]'
sql-duckdb-attach           shaped  attach 'dbname={db} user={user} host={host} password=[[{word}{digits:3}]]' as shop (type postgres)
sql-redshift-copy           shaped  copy orders from 's3://acme-landing/orders/' credentials 'aws_access_key_id=AKIA{b32:16};aws_secret_access_key=[[{b64:40}]]' csv
sql-redshift-keys           shaped  unload ('select * from orders') to 's3://acme-out/' access_key_id 'AKIA{b32:16}' secret_access_key '[[{b64:40}]]'
sql-snowflake-stage         shaped  create stage landing url = 's3://acme-landing/' credentials = (aws_key_id = 'AKIA{b32:16}' aws_secret_key = '[[{b64:40}]]')
sql-snowflake-user          shaped  create user {user} password = '[[{Word}{digits:4}]]' default_role = loader
sql-azure-credential        shaped  create database scoped credential lake with identity = 'SHARED ACCESS SIGNATURE', secret = 'sv=2022-11-02&sp=rl&sig=[[{percent:32}]]'
sql-user-mapping            shaped  create user mapping for {user} server shop options (user '{user}', password '[[{word}{digits:3}]]')
sql-dblink                  shaped  select * from dblink('host={host} user={user} password=[[{pw:14}]] dbname={db}', 'select 1') as t(n int)
sql-subscription            shaped  create subscription s connection 'host={host} password=[[{pw:14}]] user={user}' publication p
sql-sqlcipher-pragma        shaped  pragma key = '[[{human}]]'
sql-clickhouse-function     shaped  select * from s3('https://acme.s3.amazonaws.com/o.csv', 'AKIA{b32:16}', '[[{b64:40}]]', 'CSV')
sql-clickhouse-remote       shaped  select * from postgresql('{host}:5432', '{db}', 'orders', '{user}', '[[{pw:20}]]')
sql-motherduck              shaped  attach 'md:shop?motherduck_token=[[{jwt}]]'
sql-spark-option            shaped  create table o using jdbc options (url 'jdbc:postgresql://{host}/{db}', user '{user}', password '[[{word}{digits:3}]]')
"""
FILES = """
npmrc                       shaped  registry=https://registry.npmjs.org/\\n//registry.npmjs.org/:_authToken=[[npm_{alnum:36}]]\\nalways-auth=true
npmrc-password              shaped  //npm.acme.example/:username={user}\\n//npm.acme.example/:_password=[[{base64:15}]]
pypirc                      shaped  [distutils]\\nindex-servers = acme\\n[acme]\\nusername = {user}\\npassword = [[{word}{digits:4}]]
netrc                       shaped  machine api.acme.example\\nlogin {user}\\npassword [[{word}{digits:3}]]
netrc-one-line              shaped  machine api.acme.example login {user} password [[{pw:14}]]
pgpass                      shaped  {host}:5432:{db}:{user}:[[{pw:14}]]
my-cnf                      shaped  [client]\\nuser={user}\\nhost={host}\\npassword=[[{word}{digits:3}]]
aws-credentials             shaped  [default]\\naws_access_key_id = AKIA{b32:16}\\naws_secret_access_key = [[{b64:40}]]
dotenv                      shaped  LOG_LEVEL=info\\nDB_HOST={host}\\nDB_PASSWORD=[[{human}]]\\nREGION={region}
git-credentials             shaped  https://{user}:[[ghp_{alnum:36}]]@github.com
kubeconfig                  shaped  users:\\n- name: etl\\n  user:\\n    token: [[{jwt}]]
dbt-profiles                shaped  shop:\\n  target: prod\\n  outputs:\\n    prod:\\n      type: postgres\\n      user: {user}\\n      password: [[{word}{digits:3}]]
rclone-conf                 shaped  [lake]\\ntype = s3\\naccess_key_id = AKIA{b32:16}\\nsecret_access_key = [[{b64:40}]]\\nregion = {region}
java-properties             shaped  db.url=jdbc:postgresql://{host}/{db}\\ndb.username={user}\\ndb.password=[[{Word}{digits:4}]]
spring-camel                shaped  datasource.maxPoolSize=8\\ndatasource.dbPassword=[[{word}{digits:3}]]
tfvars                      shaped  region = "{region}"\\ndb_password = "[[{human}]]"
dockerfile-env              shaped  FROM python:3.12-slim\\nENV ACME_API_TOKEN=[[{alnum:32}]]\\nCMD ["sync"]
python-code                 shaped  import acme\\nclient = acme.Client(user="{user}", password="[[{human}]]")\\nclient.sync()
javascript-code             shaped  const client = new Client({ apiKey: '[[{alnum:32}]]', region: '{region}' });
maven-settings              shaped  <server>\\n  <id>acme</id>\\n  <username>{user}</username>\\n  <password>[[{word}{digits:3}]]</password>\\n</server>
wireguard-conf              shaped  [Interface]\\nAddress = 10.8.0.2/32\\nPrivateKey = [[{base64:32}]]
odbc-ini                    shaped  [warehouse]\\nDriver = PostgreSQL\\nServername = {host}\\nUserName = {user}\\nPassword = [[{word}{digits:3}]]
jaas-file                   shaped  KafkaClient {\\n  PlainLoginModule required\\n  username="{user}"\\n  password="[[{alnum:20}]]";\\n};
login-prose                 shaped  How to log in by hand:\\n  user: {user}\\n  password: [[{word}{digits:4}]]\\n  then choose Export
"""

PEM_HEADS = {"rsa": "MIIEpAIBAAKCAQEA", "pkcs8": "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCB", "ec": "MHcCAQEEI"}


def _pem(label: str, head: str, size: int, first: str = "", tail: str = "") -> Make:
    def make(random: Random) -> Value:
        text = pem(f"{label} PRIVATE KEY{' BLOCK' * (label == 'PGP')}".strip(), head + blob(random, size), first, tail)
        return Value(text, text)

    return make


def _putty(random: Random) -> Value:
    public, private = fill("{base64:96}", random), fill("{base64:48}", random)
    text = "\n".join(
        [
            "PuTTY-User-Key-File-3: ecdsa-sha2-nistp256",
            "Encryption: none",
            "Comment: etl",
            "Public-Lines: 2",
            public[:64],
            public[64:],
            "Private-Lines: 1",
            private,
            f"Private-MAC: {SIZED['base64'](random, 24)}",
        ]
    )
    return Value(text, private)


def _service_account(random: Random) -> Value:
    key = _pem("", PEM_HEADS["pkcs8"], 300)(random).text + "\n"
    account = {
        "type": "service_account",
        "project_id": "acme-shop",
        "private_key_id": fill("{hex:40}", random),
        "private_key": key,
        "client_email": "etl@acme-shop.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return Value(json.dumps(account, indent=2), key)


def _jwk(random: Random) -> Value:
    secret = fill("{base64url:32}", random)
    key = {"kty": "EC", "crv": "P-256", "x": fill("{base64url:32}", random), "y": fill("{base64url:32}", random)}
    return Value(json.dumps(key | {"d": secret}), secret)


def _escaped_pem(random: Random) -> Value:
    text = _pem("RSA", PEM_HEADS["rsa"], 300)(random).text.replace("\n", "\\n")
    return Value(text, text)


BLOCKS: tuple[tuple[str, Make], ...] = (
    ("pem-rsa", _pem("RSA", PEM_HEADS["rsa"], 600)),
    ("pem-pkcs8", _pem("", PEM_HEADS["pkcs8"], 600)),
    ("pem-pkcs8-encrypted", _pem("ENCRYPTED", "MIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQI", 400)),
    ("pem-ec", _pem("EC", PEM_HEADS["ec"], 80)),
    ("pem-dsa", _pem("DSA", "MIIBuwIBAAKBgQ", 300)),
    ("pem-rsa-traditional", _pem("RSA", "", 400, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A1B2C3D4E5F6071")),
    ("openssh", _pem("OPENSSH", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB", 280)),
    ("pgp", _pem("PGP", "lQOYBG", 500, "Version: GnuPG v2", "=aB3d")),
    ("putty", _putty),
    ("gcp-service-account", _service_account),
    ("jwk-private", _jwk),
    ("pem-one-line", _escaped_pem),
)
BLOCK_KEYS = ("private_key", "ssh_key", "client_key", "key", "tls_key")
ONE_LINE_BLOCKS = {"jwk-private", "pem-one-line"}


def _base64_of(template: str) -> Make:
    def make(random: Random) -> Value:
        plain = marked(fill(template.replace("\\n", "\n"), random))
        return Value(encoded(plain.text), plain.secret)

    return make


def _twice(random: Random) -> Value:
    plain = fill("glpat-{b64url:20}", random)
    return Value(encoded(encoded(plain)), plain)


def _base64_json(random: Random) -> Value:
    secret = human(random)
    return Value(encoded(json.dumps({"username": fill("{user}", random), "password": secret})), secret)


def _docker_config(random: Random) -> Value:
    secret = fill("{pw:16}", random)
    auth = encoded(f"{fill('{user}', random)}:{secret}")
    return Value(json.dumps({"auths": {"registry.acme.example": {"auth": auth}}}), secret)


def _json_text(random: Random) -> Value:
    secret = human(random)
    return Value(json.dumps({"host": fill("{host}", random), "user": "etl", "password": secret}), secret)


def _json_in_json(random: Random) -> Value:
    inner = _json_text(random)
    return Value(json.dumps({"type": "login", "payload": inner.text}), inner.secret)


def _json_array(random: Random) -> Value:
    secret = fill("{alnum:32}", random)
    return Value(json.dumps([{"name": "ACME_TOKEN", "value": secret}, {"name": "REGION", "value": "eu"}]), secret)


def _basic(random: Random) -> Value:
    secret = human(random)
    return Value("Basic " + encoded(f"{fill('{user}', random)}:{secret}"), secret)


def _base64_pem(random: Random) -> Value:
    text = _pem("EC", PEM_HEADS["ec"], 80)(random).text
    return Value(encoded(text + "\n"), text)


def _percent_token(random: Random) -> Value:
    secret = fill("postgresql://{user}:{pw:14}@{host}/{db}", random)
    return Value("".join(c if c.isalnum() else f"%{ord(c):02X}" for c in secret), secret)


def _percent_base64(random: Random) -> Value:
    secret = fill("{base64:64}", random)
    return Value(secret.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"), secret)


def _form_body(random: Random) -> Value:
    secret = fill("{word}{digits:3}!", random)
    return Value(f"grant_type=password&username=etl&password={secret.replace('!', '%21')}", secret)


ENCODED: tuple[tuple[str, str, tuple[str, ...], Make], ...] = (
    ("base64-github-token", "shaped", ("token", "data"), _base64_of("ghp_{alnum:36}")),
    ("base64-aws-pair", "shaped", ("credentials",), _base64_of("AKIA{b32:16}:[[{b64:40}]]")),
    ("base64-url", "shaped", ("dsn", "uri"), _base64_of("postgresql://{user}:[[{pw:16}]]@{host}:5432/{db}")),
    ("base64-user-password", "keyed", ("auth", "basic_auth", "_auth"), _base64_of("{user}:[[{human}]]")),
    ("base64-password", "keyed", ("password", "db-password"), _base64_of("{word}{digits:4}")),
    ("base64-dotenv", "shaped", ("env_file", "data"), _base64_of("REGION=eu\\nDB_PASSWORD=[[{word}{digits:4}]]\\n")),
    ("base64-json", "shaped", ("credentials_json", "data"), _base64_json),
    ("base64-pem", "shaped", ("tls.key", "client_key_data"), _base64_pem),
    ("base64-twice", "shaped", ("token", "payload"), _twice),
    ("json-password", "shaped", ("settings", "connection", "body"), _json_text),
    ("json-in-json", "shaped", ("message", "event"), _json_in_json),
    ("json-name-value", "shaped", ("environment", "overrides"), _json_array),
    ("docker-config-json", "shaped", (".dockerconfigjson", "docker_config"), _docker_config),
    ("percent-encoded-dsn", "shaped", ("dsn", "target"), _percent_token),
    ("percent-encoded-key", "random", ("signature_key", "account_key"), _percent_base64),
    ("form-body-password", "shaped", ("body", "data"), _form_body),
)


def _all() -> Iterator[Kind]:
    vendors = (
        ("clouds", CLOUDS),
        ("data platforms", DATA),
        ("developer tools", DEVELOPERS),
        ("observability", OBSERVABILITY),
        ("language models", MODELS),
        ("business services", BUSINESS),
        ("keys and JWT", SIGNED),
    )
    for group, table in vendors:
        yield from _kinds(group, "token", table)
    yield from _kinds("keys by name", "token", SECRET_KEYS, vendor="acme")
    yield from _kinds("URLs and DSNs", "url", URLS, URL_KEYS, "shop")
    yield from _kinds("Authorization headers", "header", HEADERS, ("Authorization",))
    yield Kind("http-basic", "Authorization headers", "header", "shaped", "http", ("Authorization",), _basic)
    yield from _kinds("passwords", "password", PASSWORDS, PASSWORD_KEYS, "shop")
    yield from _kinds("shell commands", "command", COMMANDS, ("command",))
    yield from _kinds("SQL", "sql", SQL, ("sql",))
    yield from _kinds("files in a scalar", "file", FILES, ("content",))
    for name, make in BLOCKS:
        fits = "url" if name in ONE_LINE_BLOCKS else "block"
        yield Kind(name, "private keys", fits, "shaped", "acme", BLOCK_KEYS, make)
    for name, strength, keys, make in ENCODED:
        yield Kind(name, "encoded", "url" if strength == "shaped" else "password", strength, "acme", keys, make)


KINDS: tuple[Kind, ...] = tuple(_all())
assert len({kind.name for kind in KINDS}) == len(KINDS)
