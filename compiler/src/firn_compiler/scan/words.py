"""What a key says of its value: a password, a token, perhaps a key, or nothing of the kind."""

import re
from functools import lru_cache
from typing import Literal

Sort = Literal["password", "token", "key", ""]
"""`password`: any text is one. `token`: what looks made, not named. `key`: what looks random."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_PASSWORD = frozenset("password passwords passwd passphrase passcode pwd pswd passw pword requirepass storepass keypass userpass passin passout ldappass".split())
_PASSWORD_ALONE = frozenset("pass pw mypass dbpass".split())
_TOKEN = frozenset(
    """token tokens secret secrets apikey apikeys apitoken authtoken accesstoken accesskey secretkey privatekey
    credential credentials creds cred bearer authorization sas jwt pat webhook cookie passkey
    mnemonic""".split()
)
_KEY = frozenset("key keys auth authentication session sig salt pin otp nonce csrf sid hmac".split())
_MAKES_A_TOKEN = frozenset(
    """api access secret private account master encryption encrypt decrypt decryption signing sign shared client
    subscription integration ingestion ingest license service deploy ssh gpg pgp pem rsa app application admin write
    auth fernet storage function host webhook jwt cipher aes hmac personal""".split()
)
"""Words before `key` that make it a token."""
_JOINED = re.compile(r"passw(?:or)?d|passphrase|apikey|secret(?!ar)|privatekey|accesskey|authtoken|accesstoken")
"""Words within a word that is written as one: `dbpassword`."""

_SAFE_END = frozenset(
    """ref refs reference name names file files filename path paths dir directory folder policy policies header headers
    ttl type types id ids uuid url uri urls endpoint endpoints env envs environment var vars variable variables column
    columns field fields attribute property arn version versions count counts length len size limit limits min max
    expiry expires expire expired expiration lifetime duration age timeout enabled enable disabled required optional
    algorithm alg method methods format mode provider providers manager store backend engine mount mounts mountpath
    prefix suffix regex pattern label labels description hint hints help title text message template rotation rotate
    days hours minutes seconds ms class classes scope scopes audience issuer location bucket region table tables index
    status state usage strategy source sources target kind driver module plugin action actions permission permissions
    role roles group groups user users username owner email domain hosts port ports namespace schema schemas selector
    selectors spec config configuration settings options params parameters generator validator reader writer handler
    resolver rules rule level strength complexity history attempts retries budget bucket usages cost price per rate
    fingerprint thumbprint checksum digest hash hashes sha256 md5 encoding encoded scheme schemes separator prompt at on since until question questions delimiter character
    characters chars position offset cursor page start end begin stop exchange introspection revocation refresh
    response request encryption signing storage access admin key_id mapping mappings order ordering by fn func function
    placeholder example sample data default expression query sql command cmd output outputs input inputs result check
    checks tests test changed reset verification manager0 model models window context limits input0""".split()
)
"""Last words after which the value is about a secret, and none itself."""
_SAFE_START = frozenset(
    """max min num total count use uses using has have is are no not without enable enabled disable disabled allow
    allowed require required requires need needs show hide skip reset forgot forget change update rotate verify validate
    partition primary foreign sort cluster clustering distribution dist unique surrogate natural business merge
    idempotency dedup dedupe deduplication routing row cache lookup join group order grouping composite candidate
    alternate range hash bucket object public publishable next previous prev page pagination continuation cursor last first
    start end stop pad eos bos sep unk mask cls special input prompt completion output generated sample tokenizer
    concurrency registry image map dict json field column index record message event topic metric label sensor state
    context config sub super foreign0 translation i18n entry item list menu shortcut hot arrow keyboard music""".split()
)
"""First words before `key` or `token` after which it is none of the kind."""
_CONTAINERS = frozenset(
    """encrypteddata encrypted_data secretref secret_ref secretkeyref secretname secure""".split()
)
"""Keys whose value is a name or sealed, whatever their words say."""


def words(key: str) -> list[str]:
    """Split a key by its separators and its capitals: `AWSSecretKey` is `aws`, `secret`, `key`."""
    return [word.lower() for word in _WORD.findall(key)]


def is_neutral(key: str) -> bool:
    """Whether a key says nothing of its value: what stands above it does."""
    return key.lower() in _NEUTRAL


_NEUTRAL = frozenset(
    """value values val default current previous old new literal raw plain text content data string stringdata dev
    development test testing stage staging prod production local eu us main primary""".split()
)


@lru_cache(maxsize=65536)
def sort_of(key: str) -> Sort:
    """Judge a key by its words: the last that says anything, unless others around it say that it is about one."""
    if not _CONTAINERS.isdisjoint(key.lower().split(".")):
        return ""
    found = [word for word in words(key) if not word.isdigit()]
    if not found:
        return ""
    last = found[-1]
    safe = last in _SAFE_END or last.removesuffix("s") in _SAFE_END
    if safe or (len(found) > 1 and not _SAFE_START.isdisjoint((found[0], found[-2]))):
        # a secret's id, of those that are given as a pair
        return "token" if found[-2:] == ["secret", "id"] else ""
    for index in range(len(found) - 1, -1, -1):
        sort = _sort(found, index)
        if sort:
            return sort
    return ""


def _sort(found: list[str], index: int) -> Sort:
    word, before = found[index], found[index - 1] if index else ""
    if word in _PASSWORD or (word in _PASSWORD_ALONE and index == len(found) - 1):
        return "password"
    if word in ("key", "keys") and before in _MAKES_A_TOKEN:
        return "token"
    if word in _TOKEN:
        return "token"
    inside = _JOINED.search(word)
    if inside and not word.startswith("nopass"):
        return "password" if inside[0].startswith("pass") else "token"
    return "key" if word in _KEY and index == len(found) - 1 else ""
