# ruff: noqa: E501 - a row is a line
"""The texts of the harmless samples. A row of `VALUES` is a key and a template; one of `PAIRS` is YAML as it stands."""

VALUES: dict[tuple[str, str], str] = {
    ("plain words", "bare"): """
value orders
table customers
mode replace
label Revenue per customer
warehouse load_wh
greeting Good morning, everyone
""",
    ("git commits", "bare"): """
revision {hex:40}
commit {hex:40}
rev {hex:7}
git_sha {hex:12}
ref {hex:40}
uses actions/checkout@{hex:40}
uses docker/build-push-action@{hex:40}
package_url git+https://github.com/acme/models.git@{hex:40}
source https://github.com/acme/models/blob/{hex:40}/models/orders.sql
module git::https://gitlab.acme.example/infra/modules.git?ref={hex:40}
image_tag main-{hex:8}
build 2024.06.3+{hex:9}
""",
    ("digests", "bare"): """
sha256 {hex:64}
checksum {hex:64}
digest sha256:{hex:64}
image registry.acme.example/etl@sha256:{hex:64}
image ghcr.io/acme/loader:1.4.2@sha256:{hex:64}
md5 {hex:32}
etag "{hex:32}"
sha1 {hex:40}
sha512 {hex:128}
sha384 {hex:96}
schema_hash {hex:64}
dataset_hash {hex:32}
fingerprint SHA256:{b64:43}
integrity sha512-{base64:64}
integrity sha384-{base64:48}
integrity sha256-{base64:32}
hash sha256-{base64:32}
requirement pandas==2.2.2 --hash=sha256:{hex:64}
artifact loader-1.4.2-{hex:64}.tar.gz
file orders-{hex:32}.parquet
manifest blake3:{hex:64}
checksum crc32:{hex:8}
certificate_sha1 58:0A:6F:4C:C4:E4:B6:69:B9:EB:DC:1B:2B:3E:08:7B:80:D0:67:8D
cid bafybei{b32lower:52}
nar_hash sha256:{b32lower:52}
go_sum h1:{base64:32}
""",
    ("random by nature, under their keys", "named"): """
content_md5 {base64:16}
minisign_public_key RW{b64:54}
peer_public_key {base64:32}
vapid_public_key B{b64url:86}
ksuid 2{alnum:26}
etag {base64:24}
signature {base64:64}
expected_signature {hex:64}
content_signature {base64:48}
digest_value {base64:32}
hmac_sha256 {hex:64}
x_checksum {base64:20}
""",
    ("UUIDs as ids", "value"): """
run_id {uuid}
id {uuid}
dataset_id {uuid}
tenant_id {uuid}
client_id {uuid}
subscription_id {uuid}
correlation_id {uuid}
workspace_id {uuid}
object_id {uuid}
connection_id {uuid}
trace_id {hex:32}
span_id {hex:16}
parent_id {uuid}
resource_guid {uuid}
directory_id {uuid}
notebook_id {digits:16}
job_uuid {uuid}
urn urn:uuid:{uuid}
lineage {uuid}
deployment_id dpl_{digits:10}
""",
    ("request and sortable ids", "value"): """
request_id 01{crockford:24}
event_id 01{crockford:24}
ulid 01{crockford:24}
xid c{b32lower:19}
object_id {hex:24}
message_id <{digits:14}.{hex:12}@mail.acme.example>
snowflake_id {digits:18}
execution_id exec-{lower:14}
""",
    ("cloud ids", "bare"): """
account_id {digits:12}
vpc_id vpc-{hex:17}
subnet_id subnet-{hex:17}
security_group sg-{hex:17}
instance_id i-{hex:17}
volume vol-{hex:17}
kms_key_id arn:aws:kms:eu-central-1:{digits:12}:key/{uuid}
hosted_zone Z{upper:20}
distribution E{upper:13}
ami ami-{hex:17}
network projects/acme-prod/global/networks/default
billing_account {hexupper:6}-{hexupper:6}-{hexupper:6}
resource_group /subscriptions/{uuid}/resourceGroups/data-prod
workspace_url https://adb-{digits:16}.7.azuredatabricks.net
identity /subscriptions/{uuid}/resourcegroups/data/providers/Microsoft.ManagedIdentity/userAssignedIdentities/etl
user_pool eu-central-1_{alnum:9}
""",
    ("ARNs and resource names", "bare"): """
role_arn arn:aws:iam::{digits:12}:role/StorageReader
topic arn:aws:sns:eu-central-1:{digits:12}:orders-loaded
queue_url https://sqs.eu-central-1.amazonaws.com/{digits:12}/orders-dead-letter
policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
certificate_arn arn:aws:acm:us-east-1:{digits:12}:certificate/{uuid}
function arn:aws:lambda:eu-west-1:{digits:12}:function:transform-orders:42
state_machine arn:aws:states:eu-west-1:{digits:12}:stateMachine:DailyRevenue
service_account etl-runner@acme-prod.iam.gserviceaccount.com
dataset projects/acme-prod/datasets/marts/tables/revenue
topic_name projects/acme-prod/topics/orders-v2
workload_pool projects/{digits:12}/locations/global/workloadIdentityPools/github/providers/actions
key_ring projects/acme-prod/locations/europe-west3/keyRings/etl/cryptoKeys/marts/cryptoKeyVersions/3
""",
    ("references to secrets", "value"): """
secret arn:aws:secretsmanager:eu-central-1:{digits:12}:secret:prod/shop-db-{alnum:6}
password arn:aws:secretsmanager:eu-central-1:{digits:12}:secret:shop/reader-{alnum:6}
secret_arn arn:aws:secretsmanager:us-east-1:{digits:12}:secret:crm-{alnum:6}
password vault:secret/data/shop/db#password
token vault:kv/data/crm#api_token
api_key op://data-eng/crm/credential
password op://Production/shop-db/password
password ssm:/prod/shop/db/password
token arn:aws:ssm:eu-west-1:{digits:12}:parameter/prod/crm/token
secret projects/acme-prod/secrets/shop-db/versions/latest
secret_version projects/{digits:12}/secrets/crm-token/versions/7
client_secret https://acme-kv.vault.azure.net/secrets/polaris-client/{hex:32}
password @Microsoft.KeyVault(SecretUri=https://acme-kv.vault.azure.net/secrets/shop-db/)
password keyring:shop-db
token secretsmanager:crm/token
api_key doppler://etl/prd/CRM_API_KEY
password awssm://prod/shop#password
passphrase file:/var/run/secrets/pgp/passphrase
token env:CRM_TOKEN
secret_id prod/shop-db
secret_name shop-db-credentials
vault_path secret/data/etl/shop-db
credentials_ref crm-readonly
password_secret shop-db-password
existingSecret etl-shop-db
token_secret_name crm-api-token
passwordSecretRef shop-db/password
""",
    ("names of variables", "value"): """
password_env DB_PASSWORD
token_env CRM_API_TOKEN
api_key_env_var OPENAI_API_KEY
secret_env SHOP_DB_CLIENT_SECRET
env_key AWS_SECRET_ACCESS_KEY
passwordEnv SHOP_DB_PASSWORD
variable GITHUB_TOKEN
credential_variable SNOWFLAKE_PRIVATE_KEY_PASSPHRASE
password_var shop_db_password
auth_token_env_name DATADOG_API_KEY
""",
    ("templates", "value"): """
password ${DB_PASSWORD}
password ${SHOP_DB_PASSWORD:?missing}
token $(VAULT_TOKEN)
token $CRM_TOKEN
api_key %(api_key)s
password <password>
token <your-token>
api_key <YOUR_API_KEY>
password {{ var('db_password') }}
password {{ env_var('DBT_PASSWORD') }}
token {{ secrets.CRM_TOKEN }}
token ${{ secrets.GITHUB_TOKEN }}
api_key {{ env.CRM_API_KEY }}
secret {{ .Values.shop.secret }}
password {{ lookup('env', 'DB_PASSWORD') }}
password #{DB_PASSWORD}#
secret_key ${env:SECRET_KEY}
password ${ssm:/prod/shop/password}
token @@CRM_TOKEN@@
password %DB_PASSWORD%
client_secret ${file:/etc/secrets/polaris.properties:client_secret}
password ${secretManager:shop-db}
dsn postgresql://${DB_USER}:${DB_PASSWORD}@db.prod.internal/shop
dsn postgres://reader:$PGPASSWORD@db.prod.internal:5432/shop
url https://{{ env.CRM_USER }}:{{ env.CRM_PASSWORD }}@crm.acme.example
url mysql://reader:<password>@db.prod.internal/shop
connection_string Server=db;User Id=reader;Password=${DB_PASSWORD};
authorization Bearer ${CRM_TOKEN}
authorization Bearer {{ env.CRM_TOKEN }}
authorization Bearer <token>
authorization Basic ${BASIC_AUTH}
""",
    ("placeholders", "value"): """
password changeme
password CHANGE_ME
password change-me-please
password xxxxxxxx
token xxxxxxxxxxxxxxxxxxxxxxxx
token XXXX-XXXX-XXXX
api_key YOUR_API_KEY_HERE
api_key your-api-key
api_key your_api_key
password ********
token ****************
password TODO
secret TBD
password "..."
token REPLACE_ME
token replace-with-your-token
password <redacted>
password REDACTED
token [REDACTED]
secret_key insert-secret-key-here
access_key_id AKIAIOSFODNN7{example}
secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCY{example}KEY
token ghp_{xs}
api_key sk-xxxxxxxxxxxxxxxxxxxxxxxx
token xoxb-your-token
password none
password null-and-void-placeholder
api_key 00000000000000000000000000000000
token 00000000-0000-0000-0000-000000000000
password dummy
token not-a-real-token
dsn postgresql://user:password@localhost:5432/shop
dsn postgres://USER:PASSWORD@HOST:PORT/DATABASE
url https://username:password@example.com/
authorization Bearer YOUR_ACCESS_TOKEN
authorization Bearer xxxxxxxx
""",
    ("paths of secrets", "bare"): """
password_file /var/run/secrets/db/password
token_file /var/run/secrets/kubernetes.io/serviceaccount/token
secret_file /run/secrets/shop_db
private_key_path /etc/ssl/private/client-key.pem
key_file ./certs/client.key
credentials_file ~/.config/gcloud/application_default_credentials.json
ssl_key /etc/postgres/tls.key
ssh_key_path /home/etl/.ssh/id_ed25519
keystore /opt/kafka/client.keystore.jks
passwd /etc/passwd
netrc ~/.netrc
config C:\\Users\\etl\\.snowflake\\rsa_key.p8
identity_file ${HOME}/.ssh/etl_rsa
token_path secrets/crm/token.txt
pgpassfile /run/firn/pgpass
""",
    ("public keys", "bare"): """
public_key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43} etl@acme
authorized_key ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{b64:340} deploy@acme
host_key ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABB{b64:87}=
known_hosts sftp.partner.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43}
known_hosts |1|{base64:20}|{base64:20} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{b64:340}
age_recipient age1{b32lower:58}
gpg_fingerprint {hexupper:40}
signing_certificate_fingerprint {hexupper:64}
publishable_key pk_live_{alnum:24}
""",
    ("public keys in blocks", "block"): """
public_key -----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{b64:20}\\n{b64:64}\\n{b64:64}\\nIDAQAB\\n-----END PUBLIC KEY-----
certificate -----BEGIN CERTIFICATE-----\\nMIIDdzCCAl+gAwIBAgIE{b64:44}\\n{b64:64}\\n{b64:64}\\n{b64:30}==\\n-----END CERTIFICATE-----
ca_bundle -----BEGIN CERTIFICATE-----\\nMIIF{b64:60}\\n{b64:64}\\n-----END CERTIFICATE-----\\n-----BEGIN CERTIFICATE-----\\nMIIE{b64:60}\\n{b64:64}\\n-----END CERTIFICATE-----
pgp_public -----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nmQENBF{b64:58}\\n{b64:64}\\n=aB3d\\n-----END PGP PUBLIC KEY BLOCK-----
csr -----BEGIN CERTIFICATE REQUEST-----\\nMIIC{b64:60}\\n{b64:64}\\n-----END CERTIFICATE REQUEST-----
rsa_public -----BEGIN RSA PUBLIC KEY-----\\nMIIBCgKCAQEA{b64:52}\\n{b64:64}\\n-----END RSA PUBLIC KEY-----
signature -----BEGIN PGP SIGNATURE-----\\n\\niQEz{b64:60}\\n{b64:64}\\n=xY9z\\n-----END PGP SIGNATURE-----
jwks {"keys": [{"kty": "RSA", "use": "sig", "kid": "{b64url:22}", "e": "AQAB", "n": "{b64url:342}"}]}
jwk {"kty": "EC", "crv": "P-256", "x": "{b64url:43}", "y": "{b64url:43}", "kid": "etl-1"}
ssh_public ---- BEGIN SSH2 PUBLIC KEY ----\\nAAAAB3NzaC1yc2EAAAADAQAB{b64:46}\\n---- END SSH2 PUBLIC KEY ----
""",
    ("storage paths", "bare"): """
path s3://acme-marts-{hex:8}/daily/2024/06/30/part-00000-{uuid}-c000.snappy.parquet
location s3://acme-landing/crm/ingest_date=2024-06-30/orders_{digits:14}.csv.gz
uri gs://acme-prod-eu/marts/revenue/v=3/000000000012.avro
path abfss://landing@acmelake.dfs.core.windows.net/crm/2024/orders.parquet
object hdfs://namenode:8020/user/hive/warehouse/shop.db/orders
metadata_location s3://iceberg-data/marts/revenue/metadata/00042-{uuid}.metadata.json
manifest s3://iceberg-data/marts/revenue/metadata/snap-{digits:19}-1-{uuid}.avro
bucket acme-logs-{digits:12}-eu-central-1
key orders/2024/06/30/orders.csv
prefix raw/salesforce/account/_delta_log/00000000000000000042.json
""",
    ("hosts with random parts", "bare"): """
host shop-prod.c{lower:11}.eu-central-1.rds.amazonaws.com
host prod-cluster.cluster-c{lower:11}.eu-west-1.rds.amazonaws.com
endpoint vpce-{hex:17}-{lower:8}.s3.eu-central-1.vpce.amazonaws.com
account xy12345.eu-central-1
account acme-prod_analytics
host cluster0.{lower:5}.mongodb.net
bootstrap_servers pkc-{lower:5}.eu-central-1.aws.confluent.cloud:9092
host ep-cool-darkness-{digits:6}.eu-central-1.aws.neon.tech
pod web-7d9c5b8f6-x2x4q
pod etl-daily-{digits:8}-{lower:5}
url https://{lower:10}.execute-api.eu-west-1.amazonaws.com/prod/orders
cdn d{lower:13}.cloudfront.net
host redis-{digits:5}.c{digits:3}.eu-west-1-3.ec2.cloud.redislabs.com
search https://search-orders-{lower:26}.eu-central-1.es.amazonaws.com
url https://acme-etl-{lower:10}-ew.a.run.app
sentry_dsn https://o{digits:6}.ingest.sentry.io/{digits:7}
image eu.gcr.io/acme-prod/loader:v1.4.2-rc.1
""",
    ("URLs without secrets", "bare"): """
url https://api.acme.example/v2/orders?since=2024-01-01T00:00:00Z&page=1&per_page=500&sort=-created_at
schema https://json-schema.org/draft/2020-12/schema
schema_url https://raw.githubusercontent.com/acme/schemas/{hex:40}/orders.schema.json
docs https://wiki.acme.example/pages/viewpage.action?pageId=123456789&focusedCommentId=987654321
url https://example.com/search?q=password+reset&lang=en&utm_source=newsletter&utm_campaign=june
sheet https://docs.google.com/spreadsheets/d/1{b64url:43}/edit#gid=0
token_url https://login.microsoftonline.com/{uuid}/oauth2/v2.0/token
dashboard https://grafana.acme.example/d/{lower:9}/firn-runs?orgId=1&from=now-6h&to=now
url https://www.youtube.com/watch?v={b64url:11}
notion https://www.notion.so/acme/Data-contracts-{hex:32}
figma https://www.figma.com/file/{alnum:22}/Marts?node-id=0-1
jira https://acme.atlassian.net/browse/DATA-1423?focusedId=10234
callback https://crm.acme.example/oauth/callback?state=init&response_type=code
asset https://cdn.acme.example/assets/main.{hex:20}.css
download https://releases.acme.example/loader/1.4.2/loader-linux-amd64.tar.gz.sha256
continuation https://api.acme.example/items?cursor=page-2&limit=100
slack https://acme.slack.com/archives/C0{upper:9}/p{digits:16}
""",
    ("DSNs without passwords", "bare"): """
dsn postgresql://reader@db.prod.internal/shop
url postgres://db.prod.internal:5432/shop?sslmode=verify-full
url jdbc:postgresql://db.prod.internal:5432/shop?user=reader&ssl=true
url jdbc:snowflake://xy12345.eu-central-1.snowflakecomputing.com/?warehouse=load_wh&db=shop&role=loader
connection Server=db.prod.internal;Database=shop;Integrated Security=SSPI;
connection Driver=ODBC Driver 18 for SQL Server;Server=db;Trusted_Connection=yes;Encrypt=yes
dsn host=db.prod.internal port=5432 dbname=shop user=reader passfile=/run/firn/pgpass
url redis://cache.prod.internal:6379/0
url mongodb+srv://cluster0.{lower:5}.mongodb.net/shop?authMechanism=MONGODB-AWS
url amqp://rabbit.prod.internal:5672/etl
url sftp://outbox@sftp.partner.example:22/daily
url ssh://git@gitlab.acme.example:2222/data/models.git
url git@github.com:acme/models.git
url snowflake://reader@xy12345/shop/public?warehouse=load_wh&authenticator=externalbrowser
url trino://reader@trino.prod.internal:8443/hive/marts?protocol=https
dsn sqlite:////data/crm.sqlite?mode=ro
""",
    ("words about secrets", "value"): """
password_policy strong
token_type Bearer
token_endpoint_auth_method client_secret_basic
auth_method private_key_jwt
authentication password
auth_mode service_account
api_key_header X-Api-Key
api_key_name X-Acme-Key
api_key_in header
token_url https://login.acme.example/oauth2/token
tokenizer cl100k_base
token_column session_token
password_column password_hash
secret_store aws-secrets-manager
secret_backend airflow.providers.hashicorp.secrets.vault.VaultBackend
secrets_provider external-secrets
credential_mode iam_role
credentials_provider software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider
password_encoding scram-sha-256
sasl_mechanism SCRAM-SHA-512
encryption_algorithm AES_256_GCM
key_format PKCS8
signing_algorithm RS256
token_format opaque
private_key_type RSA
secret_engine kv-v2
csrf_header X-CSRF-Token
session_cookie_name ACME_SESSION
grant_type urn:ietf:params:oauth:grant-type:jwt-bearer
token_audience https://crm.acme.example
token_issuer https://login.acme.example/realms/data
access_key_name etl-loader
ssh_key_name etl-deploy
key_alias alias/etl-marts
key_vault_name acme-kv
oauth_scope openid profile offline_access
password_prompt Password for reader
passwordless enabled
authorization_url https://login.acme.example/authorize
secretary_email karin@acme.example
tokens_table auth.refresh_tokens
""",
    ("keys of data", "value"): """
primary_key order_id
partition_key customer_region
sort_key created_at
foreign_key orders.customer_id
key orders/2024.csv
cache_key firn:orders:v3:2024-06-30:eu-central-1
lock_key daily-revenue/publish
dedup_key customer_id||order_id||line_number
join_keys customer_id, order_id
surrogate_key dbt_utils.generate_surrogate_key
sort_keys created_at desc, order_id
idempotency_key daily-revenue-2024-06-30
routing_key orders.created.eu
distribution_key customer_id
cluster_keys region, product_line
hash_key order_line_hk
record_key _hoodie_record_key
key_field customer_identifier
natural_key isbn_13
message_key payload.after.customer_id
""",
    ("headers", "header"): """
Accept application/vnd.acme.orders+json; version=2
Authorization Bearer {{ env.CRM_TOKEN }}
X-Request-Id {uuid}
If-None-Match W/"{hex:32}"
User-Agent firn/1.0 (+https://wiki.acme.example/firn; data-eng@acme.example)
Content-Type multipart/form-data; boundary=----WebKitFormBoundary{alnum:16}
X-Api-Version 2024-06-30
X-Amz-Target DynamoDB_20120810.GetItem
Traceparent 00-{hex:32}-{hex:16}-01
Digest SHA-256={base64:32}
Notion-Version 2022-06-28
X-Tenant acme-prod
""",
    ("SQL", "sql"): """
sql select id, password_hash, token_count from users where password_hash is not null
sql select md5(password || salt) as password_md5 from legacy.users
sql select secret_key_id, rotated_at from vault.keys order by rotated_at
sql create table users (id bigint, password varchar(255) not null, api_token text)
sql alter table users drop column password
sql select count(*) filter (where token = '') as empty_tokens from sessions
sql select * from orders where order_hash = '{hex:64}'
sql select * from orders where id = '{uuid}'
sql update users set password = null, reset_token = null where left_on < current_date
sql create user reader with password null
sql alter user reader set default_role = loader, must_change_password = true
sql select password_changed_at, password_expired from mysql.user where user = 'reader'
sql select case when password is null then 'missing' else 'present' end as password_state from users
sql create secret lake (type s3, provider credential_chain, region 'eu-central-1')
sql copy orders from 's3://acme-landing/orders/' iam_role 'arn:aws:iam::123456789012:role/RedshiftCopy' csv
sql select token, count(*) as n from unnest(string_split('to be or not to be', ' ')) as t(token) group by token
sql select sha256(cast(customer_id as varchar)) as customer_key from customers
sql create stage landing url = 's3://acme-landing/' storage_integration = acme_s3
sql grant select on all tables in schema marts to role password_auditors
sql select * from read_parquet('s3://acme-marts/{hex:8}/revenue/*.parquet', hive_partitioning = true)
sql select json_extract_string(payload, '$.auth.token_type') as token_type from events
sql select regexp_replace(body, 'password=[^&]*', 'password=***') as body from requests
sql select key, value from settings where key in ('password_min_length', 'token_ttl')
sql create user mapping for reader server shop options (user 'reader', password_required 'false')
sql select * from users where api_key = $1 and secret = :secret and token = ?
sql insert into audit (actor, action) values ('reader', 'changed password')
""",
    ("commands", "command"): """
command mysql -h db.prod.internal -u reader --password="$DB_PASSWORD" shop
command mysql --defaults-extra-file=/run/secrets/my.cnf shop
command psql "$DATABASE_URL" -c 'select 1'
command psql -h db.prod.internal -p 5432 -U reader -w shop
command curl -H "Authorization: Bearer $CRM_TOKEN" https://crm.acme.example/v1/orders
command curl -u "$CRM_USER:$CRM_PASSWORD" https://crm.acme.example/export
command curl --netrc-file /run/secrets/netrc https://crm.acme.example/export
command docker login registry.acme.example -u etl --password-stdin
command docker run -p 8080:8080 -e DB_PASSWORD registry.acme.example/etl:1.4.2
command mkdir -p /data/out/2024
command ssh -p 2222 -i /run/secrets/id_ed25519 outbox@sftp.partner.example
command sshpass -f /run/secrets/sftp ssh outbox@sftp.partner.example
command sort -u -k 2 orders.csv -o sorted.csv
command gpg --batch --passphrase-file /run/secrets/pgp -d dump.gpg
command openssl dgst -sha256 -verify public.pem -signature dump.sig dump.sql
command openssl enc -d -aes-256-cbc -pass env:DUMP_PASS -in dump.enc
command aws secretsmanager get-secret-value --secret-id prod/shop-db --query SecretString
command vault kv get -field=password secret/shop/db
command kubectl create secret generic shop-db --from-file=password=/run/secrets/shop
command kubectl get secret shop-db -o jsonpath='{.data.password}'
command dbt run --select tag:daily --vars '{"start": "2024-06-30"}'
command helm upgrade etl chart/ --set existingSecret=shop-db --set token.ttl=3600
command git clone https://github.com/acme/models.git --branch v1.4.2
command git checkout {hex:40}
command export AWS_REGION=eu-central-1
command export CRM_TOKEN="$(cat /run/secrets/crm/token)"
command PGPASSFILE=/run/secrets/pgpass psql -h db.prod.internal shop
command read -s PASSWORD && echo "$PASSWORD" | passwd --stdin reader
command tar -xzpf orders.tar.gz -C /data
command rsync -avzP --password-file=/run/secrets/rsync rsync://mirror.acme.example/orders /data
command cp -p orders.csv /data/out
command snowsql -a xy12345 -u reader --private-key-path /run/secrets/rsa_key.p8
command az login --identity --username {uuid}
command acme-export --token-file /run/secrets/crm/token --max-tokens 4096
""",
    ("files in a scalar", "file"): """
content LOG_LEVEL=info\\nDB_HOST=db.prod.internal\\nDB_PASSWORD=${DB_PASSWORD}\\nREGION=eu-central-1
content registry=https://registry.npmjs.org/\\n//registry.npmjs.org/:_authToken=${NPM_TOKEN}\\nalways-auth=true
content [distutils]\\nindex-servers = acme\\n[acme]\\nrepository = https://pypi.acme.example/legacy/
content [client]\\nuser=reader\\nhost=db.prod.internal\\nssl-mode=VERIFY_IDENTITY
content [profile etl]\\nrole_arn = arn:aws:iam::123456789012:role/etl\\nsource_profile = default\\nregion = eu-central-1
content db.url=jdbc:postgresql://db.prod.internal/shop\\ndb.username=reader\\ndb.password=${env:DB_PASSWORD}
content host: db.prod.internal\\nuser: reader\\npassword: "{{ env_var('DBT_PASSWORD') }}"\\nthreads: 4
content FROM python:3.12-slim@sha256:{hex:64}\\nRUN --mount=type=secret,id=pip pip install acme\\nCMD ["sync"]
content import os\\nimport acme\\nclient = acme.Client(user="reader", password=os.environ["CRM_PASSWORD"])\\nclient.sync()
content const token = process.env.CRM_TOKEN;\\nconst client = new Client({ apiKey: config.get("crm.apiKey") });
content pandas==2.2.2 --hash=sha256:{hex:64} --hash=sha256:{hex:64}\\nduckdb==1.1.0 --hash=sha256:{hex:64}
content variable "db_password" {\\n  type      = string\\n  sensitive = true\\n}
content password = var.db_password\\ntoken    = data.vault_generic_secret.crm.data["token"]
content Permission is hereby granted, free of charge, to any person obtaining a copy of this software\\nand associated documentation files, to deal in the Software without restriction.
content id,name,token_count,password_set\\n1,Anna,42,true\\n2,Boris,17,false
""",
    ("prose", "prose"): """
note The password policy asks for twelve characters, and tokens expire after an hour; see the wiki on how to rotate both.
note Passwords are never written here: Firn reads the secret shop-db from the mount, and the API key from the vault.
note Loads customers; the column token holds the number of tokens of a text, not a credential, and key is its position.
note If the login fails with "invalid password", ask Karin to unlock the user, then reset the token in the portal.
note Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.
note Authentication: Bearer tokens are fetched from the token endpoint with the client secret, and cached for their lifetime.
note To rotate the password, change the secret in the vault and restart; nobody needs to know it.
note The secret of a good pipeline is that every key has an owner. Password resets go to the service desk.
note Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with it.
note Basic authentication is deprecated since 2023; use OAuth. Token: see the field of that name in the portal.
note We hash e-mail addresses with SHA-256 and a salt that is rotated every quarter (secret_ref: mail-salt).
note password: see 1Password, vault data-eng, entry shop-db
note The API key goes into the header X-Api-Key; the secret never leaves the cluster.
""",
    ("base64 without secrets", "bare"): """
payload eyJtb2RlIjogInJlcGxhY2UiLCAidGFibGUiOiAib3JkZXJzIiwgImxpbWl0IjogNTAwfQ==
payload UmV2ZW51ZSBwZXIgY3VzdG9tZXIsIGV2ZXJ5IG1vcm5pbmcgYXQgc2l4IG8nY2xvY2s=
icon iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
logo data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
query c2VsZWN0IGNvdW50KCopIGZyb20gb3JkZXJzIHdoZXJlIGNyZWF0ZWRfYXQgPiBjdXJyZW50X2RhdGU=
svg data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI4Ii8+
text SGVsbG8sIGRhdGEgZW5naW5lZXJpbmcgdGVhbSE=
""",
    ("long identifiers", "bare"): """
column customer_lifetime_value_rolling_90_days_incl_vat
column customerLifetimeValueRolling90DaysInclVat
class com.acme.pipelines.orders.transformations.CustomerOrderAggregationProcessorFactory
class org.apache.kafka.common.serialization.StringDeserializer
operator airflow.providers.amazon.aws.transfers.s3_to_redshift.S3ToRedshiftOperator
model acme_dbt.marts.finance.fct_monthly_recurring_revenue_v2
message acme.orders.v1.CreateOrderLineItemRequest
topic prod.eu-central-1.shop.orders.cdc.v3
topic dbserver1.inventory.products_on_hand
method /acme.orders.v1.OrderService/StreamOrderEvents
branch feature/DATA-1423-partition-orders-by-region
package @acme/data-contracts-typescript-client
function generateSurrogateKeyFromCustomerAndOrderIdentifiers
header_name X-Amz-Server-Side-Encryption-Customer-Key-Md5
enum SCHEMA_EVOLUTION_ADD_NEW_COLUMNS_AND_RELAX_TYPES
chart oci://registry.acme.example/charts/firn-runner-umbrella
entry_point acme_firn_sap.connectors.material_master:MaterialMasterConnector
crs urn:ogc:def:crs:EPSG::25832
media_type application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
compiler llvm-17.0.6-x86_64-unknown-linux-gnu
""",
    ("short formats", "bare"): """
schedule 0 6 * * 1-5
version 1.4.2-rc.1+build.20240630
colour #1f77b4
phone +49 30 901820
position 52.5200066,13.4049540
channel C024BE91L
timestamp 2024-06-30T06:00:00.123456789Z
timezone America/Argentina/Buenos_Aires
locale de_DE.UTF-8@euro
iban_example DE00 0000 0000 0000 0000 00
isbn 978-3-16-148410-0
mac 00:1b:44:11:3a:b7
ipv6 2001:db8:85a3::8a2e:370:7334
cidr 10.20.0.0/16
interval P3DT12H30M5S
sku SHOE-RUN-42-BLU-2024
invoice INV-2024-06-000142
vat DE123456789
ticket DATA-1423
email data-eng+alerts@acme.example
geohash u33dc0cppjg7
regex ^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})_[A-Z]{2,5}[.]csv$
pattern (?i)(password|token|secret)=[^&\\s]+
jsonpath $.data.items[?(@.status=='open')].lines[*].sku
jq .data | map(select(.token_count > 100)) | length
glob raw/**/orders_[0-9]*.csv.gz
format %Y-%m-%dT%H:%M:%S.%f%z
number_format #,##0.00;(#,##0.00)
alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/
sequence 0123456789abcdef0123456789abcdef
wkt POLYGON((13.08 52.33, 13.76 52.33, 13.76 52.67, 13.08 52.67, 13.08 52.33))
""",
}

PAIRS: dict[str, str] = {
    "secret references": """
password: {secret_ref: shop-db}
password: {secret_ref: shop-db, key: password}
bearer_token: {secret_ref: rates-api}
client_secret: {secret_ref: polaris-oauth-credentials}
api_key: {secret_ref: crm.api-key-v2}
private_key: {secret_ref: sftp-outbox, key: id_ed25519}
token: {"secret_ref": "crm-token-2024"}
credentials: {mode: static, user: {secret_ref: lake, key: user}, password: {secret_ref: lake, key: password}}
credentials: {mode: oauth2, client_id: firn-service-account, client_secret: {secret_ref: polaris}}
secret_access_key: {secret_ref: lake-keys, key: secret_access_key}
passphrase: {'secret_ref': 'pgp-delivery'}
secret_ref: shop-db-readonly-credentials
""",
    "kubernetes references": """
secretName: reference-api
secretKeyRef: {name: shop-db, key: password}
valueFrom: {secretKeyRef: {name: crm-api, key: token, optional: false}}
envFrom: [{secretRef: {name: etl-env}}]
imagePullSecrets: [{name: registry-credentials}]
existingSecret: shop-db-postgresql
existingSecretPasswordKey: postgres-password
passwordKey: password
automountServiceAccountToken: false
serviceAccountName: etl-token-reader
secretStoreRef: {name: aws-secrets, kind: ClusterSecretStore}
remoteRef: {key: prod/shop-db, property: password}
volumes: [{name: keys, secret: {secretName: reference-api, defaultMode: 288}}]
csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: etl-secrets}}
tokenExpirationSeconds: 3600
""",
    "policies and limits": """
password_policy: strong
password_policy: {min_length: 12, classes: 3, expire_days: 90}
password_min_length: 12
password_required: true
password_expires_days: 90
token_ttl: 3600
token_ttl: 1h30m
max_tokens: 4096
tokens_per_minute: 90000
token_refresh_enabled: true
token_bucket_size: 100
token_cache_size_mb: 16
secret_mounts: [/var/run/secrets]
secret_rotation_days: 30
allow_empty_password: false
use_api_key: true
api_key_required: yes
require_auth: true
auth: none
auth: {type: oauth2, flow: client_credentials}
auth_enabled: false
authentication: {type: iam}
password: null
password: ""
password: ~
token: false
private_key: null
api_key: ''
key: 42
keys: [order_id, customer_id]
secrets: []
secrets: {}
credentials: {}
credentials: {mode: iam_role, role_arn: "arn:aws:iam::123456789012:role/Storage"}
decode: {config: {password: true}}
locked: [config.password, options.sslmode]
sensitive: [password, api_key, token]
redact: ["*password*", "*secret*", "authorization"]
mask_columns: [password, credit_card, api_token]
scopes: [read:orders, write:tokens, admin:secrets]
hash_algorithm: sha256
passwordless_login: true
keep_tokens: [the, a, an]
stop_token: "</s>"
pad_token: "[PAD]"
eos_token: <|endoftext|>
special_tokens: {bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>"}
tokenizer: {name: cl100k_base, max_tokens: 8191}
password_field: user_password
password_selector: "#password"
passfile: ~/.pgpass
passphrase_from: env
secret_type: kubernetes.io/dockerconfigjson
access_delegation: vended-credentials
monkey: patch
hotkey: ctrl+shift+p
keyboard: de
author: Karin
passenger_count: 4
compass: north
bypass: false
passthrough: true
secretariat: office@acme.example
tokenized: true
""",
    "schemas and columns": """
columns: [id, email, password_hash, password_salt, api_token_last4, token_count]
schema: {user_id: bigint, password_changed_at: timestamp, secret_question: text, token: varchar}
rename: {pwd: password_digest, tok: token_id, key: customer_key}
types: {password: string, api_key: string, secret: bytes}
drop_columns: [password, secret_answer, session_token]
descriptions: {token: number of tokens in the text, key: the position in the list}
unique: [customer_key, token_id]
primary_key: [order_id, line_number]
partition_by: [region, customer_key]
cluster_key: order_id
accepted_values: {column: auth_method, values: [password, api_key, oauth2, token]}
tags: [pii, secret, contains-password-hash]
properties: {write.object-storage.enabled: true, write.parquet.bloom-filter-enabled.column.token: true}
required: [host, user, password]
enum: [password, token, key]
""",
    "kafka and spark settings": """
sasl.mechanism: SCRAM-SHA-512
sasl.jaas.config: "{{ env.KAFKA_JAAS }}"
ssl.keystore.location: /etc/kafka/client.keystore.jks
ssl.key.password: "${env:KEY_PASSWORD}"
key.serializer: org.apache.kafka.common.serialization.StringSerializer
key.converter: io.confluent.connect.avro.AvroConverter
security.protocol: SASL_SSL
basic.auth.credentials.source: USER_INFO
spark.hadoop.fs.s3a.aws.credentials.provider: com.amazonaws.auth.WebIdentityTokenCredentialsProvider
spark.sql.shuffle.partitions: 200
spark.kerberos.keytab: /etc/security/keytabs/etl.keytab
spark.kubernetes.driver.secretKeyRef.DB_PASSWORD: shop-db:password
fs.azure.account.auth.type: OAuth
hive.metastore.token.signature: ReadWrite
rest.sigv4-enabled: true
token-exchange-enabled: false
oauth2-server-uri: https://polaris.internal:8181/api/catalog/v1/oauth/tokens
""",
    "digests as written": """
sha256: {hex:64}
rev: {hex:40}
rev: v1.4.2  # {hex:40}
uses: actions/setup-python@{hex:40}  # v5.1.0
image: registry.acme.example/firn@sha256:{hex:64}
integrity: sha512-{base64:64}
checksums: {orders.csv: {hex:64}, customers.csv: {hex:64}}
md5sum: {hex:32}
plugins: [{name: acme-firn-sap, version: "==1.4.2", sha256: "{hex:64}"}]
expected_digest: "sha256:{hex:64}"
commit: {hex:40}
etag: '"{hex:32}"'
files: [orders-{hex:8}.csv, customers-{hex:8}.csv]
lineage_id: 0x{hex:16}
""",
}

SNIPPETS: list[tuple[str, str, str]] = [
    (
        "secret references",
        "config",
        """
config:
  host: db.prod.internal
  database: shop
  user: reader
  password:
    secret_ref: shop-db
    key: password
decode: {config: {password: true}}
""",
    ),
    (
        "secret references",
        "config",
        """
config:
  # the password comes from the vault, never from here
  password: {secret_ref: shop-db-{digits:4}, key: password}
  # token: {secret_ref: crm-token}
  sslmode: verify-full
""",
    ),
    (
        "secret references",
        "options",
        """
config: {base_url: "https://rates.example.com", bearer_token: {secret_ref: rates-api}}
options:
  api_key_name: X-Api-Key
  api_key_in: header
""",
    ),
    (
        "kubernetes references",
        "process",
        """
command: [acme-export]
env:
  - name: DB_PASSWORD
    valueFrom:
      secretKeyRef:
        name: shop-db
        key: password
  - name: CRM_TOKEN_FILE
    value: /var/run/secrets/crm/token
""",
    ),
    (
        "names of variables",
        "process",
        """
command: [acme-export, --password-env, DB_PASSWORD, --token-file, /run/secrets/crm]
env: {PGPASSFILE: /run/secrets/pgpass, AWS_PROFILE: etl, VAULT_ADDR: "https://vault.acme.example:8200"}
""",
    ),
    (
        "names of variables",
        "process",
        """
command: [acme-export]
inherit_env: [DB_PASSWORD, CRM_API_TOKEN, AWS_SECRET_ACCESS_KEY, PATH]
""",
    ),
    (
        "templates",
        "request",
        """
headers:
  Authorization: "Bearer {{ env.RATES_TOKEN }}"
  X-Api-Key: ${RATES_KEY}
params: {api_key: "{{ env.RATES_KEY }}", base: EUR}
""",
    ),
    (
        "templates",
        "request",
        """
params:
  cursor: "{{ steps.orders.outputs.next_token }}"
  page_token: "{{ var.first_page:start }}"
""",
    ),
    (
        "SQL",
        "inputs",
        """
sql: |
  -- passwords are hashed before they come here; the token is a count
  with users as (
      select id, md5(email) as email_md5, password_hash, token_count
      from crm.users
      where password_changed_at > current_date - interval 90 day
  )
  select count(*) filter (where password_hash is null) as without_password
  from users
""",
    ),
    (
        "SQL",
        "inputs",
        """
sql: >
  select sha256(concat(secret_key_id, '|', token_id)) as key, '{hex:64}' as expected
  from keys
  where key_type = 'password'
""",
    ),
    (
        "SQL",
        "inputs",
        """
sql: select * from users where token = ? and password_hash = ?
params: ["{{ run.id }}", "{{ flow.version }}"]
""",
    ),
    (
        "SQL",
        "inputs",
        """
sql: |
  create or replace secret lake (
      type s3,
      provider credential_chain,
      chain 'env;config',
      region 'eu-central-1'
  );
  set s3_access_key_id = getenv('AWS_ACCESS_KEY_ID');
  set s3_secret_access_key = getenv('AWS_SECRET_ACCESS_KEY');
""",
    ),
    (
        "prose",
        "top",
        """
description: |
  Revenue per customer. The login is that of the loader role; its password is the secret `shop-db`,
  and the token of the rates API is `rates-api`. Both are rotated every 90 days.

  Questions: data-eng@acme.example, or #data-eng (C024BE91L).
owner: data-eng
""",
    ),
    (
        "prose",
        "top",
        """
# TODO: the password moves to the vault (DATA-1423)
# key: position of the token in the text
# see https://wiki.acme.example/pages/viewpage.action?pageId={digits:9} for how to get a token
owner: data-eng
""",
    ),
    (
        "prose",
        "top",
        """
# Copyright 2024 Acme. Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# sha256 of the last release: {hex:64}
owner: data-eng
""",
    ),
    (
        "prose",
        "top",
        """
# pragma: allowlist secret
# noqa, nosec, gitleaks:allow: nothing here needs it
description: Tokens per document  # not credentials
""",
    ),
    (
        "digests as written",
        "top",
        """
variables:
  model_revision: {hex:40}
  image: registry.acme.example/scorer@sha256:{hex:64}
  snapshot: {digits:19}
  weights_md5: {hex:32}
""",
    ),
    (
        "digests as written",
        "process",
        """
command: [docker, run, --rm, "registry.acme.example/export@sha256:{hex:64}", --ref, {hex:40}]
""",
    ),
    (
        "public keys as written",
        "config",
        """
config:
  host: sftp.partner.example
  user: outbox
  known_hosts: |
    sftp.partner.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43}
    [sftp.partner.example]:2222 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{b64:340}
""",
    ),
    (
        "public keys as written",
        "config",
        """
config:
  host: polaris.internal
  ca: |
    -----BEGIN CERTIFICATE-----
    MIIDdzCCAl+gAwIBAgIE{b64:44}
    {b64:64}
    {b64:64}
    -----END CERTIFICATE-----
""",
    ),
    (
        "public keys as written",
        "config",
        """
config:
  issuer: https://login.acme.example
  jwks:
    keys:
      - kty: RSA
        kid: {b64url:22}
        e: AQAB
        n: {b64url:342}
""",
    ),
    (
        "policies and limits",
        "config",
        """
config:
  login:
    type: password
    password_policy: {min_length: 12, require_digit: true}
    token: {ttl: 1h, refresh: true, audience: crm, type: Bearer}
    api_key: {in: header, name: X-Api-Key}
""",
    ),
    (
        "policies and limits",
        "options",
        """
config: {model: gpt-4o-mini, tokenizer: o200k_base}
options: {max_tokens: 4096, max_completion_tokens: 512, stop_tokens: ["</s>", "<|im_end|>"], token_budget: 2000000}
""",
    ),
    (
        "name and value",
        "process",
        """
command: [acme-export]
env:
  - {name: PASSWORD_FILE, value: /run/secrets/shop-db/password}
  - {name: TOKEN_URL, value: "https://login.acme.example/oauth2/token"}
  - {name: TOKENIZERS_PARALLELISM, value: "false"}
  - {name: PARTITION_KEY, value: customer_region}
""",
    ),
    (
        "name and value",
        "process",
        """
command: [acme-export, --primary-key, order_id, --token-type, Bearer, --sort-key, created_at, --key, orders/2024.csv]
""",
    ),
    (
        "name and value",
        "process",
        """
command: [acme-export, --password-file=/run/secrets/shop, --max-tokens=4096, --auth=iam, --secret-id=prod/shop-db]
""",
    ),
    (
        "anchors",
        "config",
        """
config: &shared
  host: db.prod.internal
  password: {secret_ref: shop-db}
replica: *shared
""",
    ),
]

_FLOWS = [
    """
name: daily-revenue
version: "1.0.0"
description: Revenue per customer, every morning
owner: data-eng
variables: {days: 7}
resources:
  shop: {profile: shop_db, options: {statement_timeout: 60}}
  rates:
    kind: rest
    driver: httpx
    config: {base_url: "https://rates.example.com", bearer_token: {secret_ref: rates-api}}
jobs:
  - id: probe
    steps:
      - id: count
        type: query
        inputs: {resource: shop, sql: "select count(*) as n from orders"}
        outputs: {n: "{{ result.rows[0].n }}"}
  - id: build
    depends_on: [probe]
    when: jobs.probe.outputs.n > 0
    steps:
      - id: orders
        type: read
        inputs: {resource: shop, table: orders, columns: [id, customer_id, amount, created_at]}
      - id: publish
        type: write
        inputs: {from: orders, resource: storage, path: "marts/revenue-{hex:8}.parquet", mode: replace}
        lock: {key: "daily-revenue/{{ run.id }}", ttl_seconds: 600}
""",
    """
name: token-counts
version: "2.1.0"
description: >
  Tokens per document, by model. A token here is a piece of text; the tokenizer is pinned to
  revision {hex:40}.
owner: ml-platform
variables:
  tokenizer: cl100k_base
  tokenizer_sha256: {hex:64}
  max_tokens: 8191
resources:
  docs: {profile: documents}
steps:
  - id: documents
    type: read
    inputs:
      resource: docs
      request:
        path: /v2/documents
        headers: {Accept: application/json, X-Request-Id: "{{ run.id }}"}
        pagination: {type: cursor, cursor: meta.next_token, param: page_token}
      schema: {id: text, key: text, token_count: integer, sha256: text}
  - id: no_secrets
    type: check
    inputs:
      from: documents
      expectations:
        - unique: key
        - accepted_values: {column: kind, values: [password_reset, api_key_rotation, invoice]}
        - sql: select * from documents where regexp_matches(text, '(password|token)=')
  - id: publish
    type: write
    inputs: {from: documents, resource: storage, path: token_counts.parquet, mode: replace}
""",
    """
name: user-audit
version: "1.3.0"
description: Users whose password is older than the policy allows
owner: security
resources:
  idp: {profile: identity}
  mail: {profile: mail}
steps:
  - id: users
    type: read
    inputs:
      resource: idp
      table: auth.users
      columns: [user_id, email, password_hash, password_changed_at, api_key_id, mfa_secret_set]
  - id: late
    type: sql
    inputs:
      sql: |
        select user_id, email, current_date - password_changed_at as password_age
        from users
        where password_changed_at < current_date - interval 90 day
          and api_key_id <> '00000000-0000-0000-0000-000000000000'
        order by password_age desc
  - id: tell
    type: send_mail
    inputs:
      resource: mail
      to: [security@acme.example]
      subject: "Passwords older than 90 days"
      text: |
        The attached users have to change their password.
        Reset link: https://login.acme.example/reset?client_id={uuid}&redirect_uri=https%3A%2F%2Facme.example
""",
    """
# Deployed from {hex:40}
name: sftp-delivery
version: "0.4.1"
resources:
  tools: {profile: tools}
  outbox: {profile: partner_sftp}
steps:
  - id: encrypt
    type: run_process
    inputs:
      resource: tools
      command: [gpg, --batch, --passphrase-file, /run/secrets/pgp/passphrase, --recipient, {hexupper:40}, -e, orders.csv]
      success: {exit_codes: [0], require_files: [orders.csv.gpg]}
  - id: checksum
    type: run_process
    inputs: {resource: tools, command: [sha256sum, --check, "orders.csv.gpg:{hex:64}"]}
  - id: upload
    type: upload
    inputs: {resource: outbox, source: orders.csv.gpg, path: "/in/orders-{uuid}.csv.gpg"}
    retry: {max_attempts: 3, backoff: 2, on: [connection, timeout]}
""",
]
_PLATFORMS = [
    """
version: "1.0.0"
environment: prod
extends: ../base/platform.yaml
variables: {region: us-east-1}
storage:
  default:
    type: s3
    endpoint: ""
    region: "{{ var.region }}"
    bucket: iceberg-data-{hex:8}
    path_style_access: false
    credentials: {mode: iam_role, role_arn: "arn:aws:iam::123456789012:role/Storage"}
catalogs:
  default:
    type: polaris
    uri: https://polaris.internal:8181/api/catalog
    warehouse: production_catalog
    credentials:
      mode: oauth2
      client_id: firn-service-account
      client_secret: {secret_ref: polaris-oauth-credentials}
      scope: "PRINCIPAL_ROLE:DATA_ENGINEER"
    access_delegation: vended-credentials
    token_refresh_enabled: true
connectors:
  shop_db:
    kind: db
    driver: postgres
    config: {host: db.prod.internal, database: shop, user: reader, password: {secret_ref: shop-db, key: password}}
    options: {connect_timeout: 10}
    locked: [config.host, options.sslmode]
    decode: {config: {password: true}}
security:
  mode: enterprise
  plugins: [{name: acme-firn-sap, version: "==1.4.2", sha256: "{hex:64}"}]
  secret_mounts: [/var/run/secrets]
  decode_hook: {module: acme.secrets}
state: {backend: sqlite, path: .firn/state.db}
observability: {traces: true, lineage: true, otlp_endpoint: "http://otel:4317"}
""",
    """
version: "1.0.0"
environment: staging
connectors:
  crm:
    kind: rest
    driver: httpx
    config:
      base_url: "{{ env.CRM_URL:https://crm.staging.acme.example/v1 }}"
      api_key: {secret_ref: crm-api}
      api_key_name: X-Api-Key
      headers: {X-Tenant-Id: {uuid}}
  warehouse:
    kind: db
    driver: snowflake
    config:
      account: xy12345.eu-central-1
      user: LOADER
      role: LOADER
      warehouse: LOAD_WH
      private_key: {secret_ref: snowflake-loader, key: rsa_key.p8}
      # private_key_path: /var/run/secrets/snowflake/rsa_key.p8
  stream:
    kind: kafka
    driver: confluent
    config:
      bootstrap.servers: pkc-{lower:5}.eu-central-1.aws.confluent.cloud:9092
      sasl.mechanism: PLAIN
      sasl.username: {secret_ref: kafka, key: username}
      sasl.password: {secret_ref: kafka, key: password}
      schema.registry.url: https://psrc-{lower:5}.eu-central-1.aws.confluent.cloud
  outbox:
    kind: sftp
    driver: asyncssh
    config:
      host: sftp.partner.example
      user: outbox
      private_key: {secret_ref: sftp-outbox}
      host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43}
storage:
  default: {type: local, root: /data/marts}
security: {mode: enterprise, secret_mounts: [/var/run/secrets]}
""",
]
DOCUMENTS: list[tuple[str, str]] = [
    *(("flow.yaml", text) for text in _FLOWS),
    *(("platform.yaml", text) for text in _PLATFORMS),
]
