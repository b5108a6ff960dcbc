"""What a key says of its value: a password, a token, perhaps a key, or nothing of the kind."""

import re
from functools import lru_cache
from typing import Literal
from unicodedata import combining, normalize

Sort = Literal["password", "token", "key", ""]
"""`password`: any text is one. `token`: what looks made, not named. `key`: what looks random."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_PASSWORD = frozenset(
    """password passwords passwd passphrase passcode pwd pswd passw pword passwort pasword psswd pswrd passwrd
    contrasena kennwort senha wachtwoord motdepasse mdp geheim losenord psw pgpw
    requirepass storepass keypass userpass passin
    passout ldappass""".split()
)
_PASSWORD_LAST = frozenset("pass pw mypass dbpass".split())
_TOKEN = frozenset(
    """token tokens secret secrets apikey apikeys apitoken authtoken accesstoken accesskey secretkey privatekey
    credential credentials creds cred bearer authorization sas jwt pat webhook cookie passkey mnemonic""".split()
)
_KEY = frozenset("key keys auth authentication session sig salt pin otp nonce csrf sid hmac".split())
_MAKES_A_TOKEN = frozenset(
    """api access secret private account master encryption encrypt decrypt decryption signing sign shared client
    subscription integration ingestion ingest license service deploy ssh gpg pgp pem rsa app application admin write
    auth fernet storage function host webhook jwt cipher aes hmac personal""".split()
)
"""Words before `key` that make it a token."""
_JOINED = re.compile(
    r"passw(?:or)?d|passphrase|apikey|secret(?!ar)|privatekey|accesskey|authtoken|accesstoken"
    r"|token\Z|(?:ssh|gpg|user|project|signing|client|aws)key\Z"
)
"""Words within a word that is written as one: `dbpassword`."""

_ABOUT = frozenset(
    """access action admin age algorithm alg arn argument at attempt attribute audience budget bucket by changed char
    character check checksum class cmd column command complexity config configuration context cost count cursor day
    delimiter description digest dir directory disable disabled domain driver duration email enable enabled
    encoded encoding encryption end endpoint engine env example exchange expiration expire expired expiry expression
    field file filename fingerprint fn folder format fn func function generator group handler hash header help hint
    history host hour id identifier input introspection issuer kind label length len level lifetime limit limits
    location manager mapping max message method min minute mode model module mount mountpath ms name namespace note
    offset on optional option options order ordering output owner page param parameter params path pattern per
    permission permissions placeholder plugin policies policy port position prefix price prompt property provider query
    question rate reader ref reference refresh regex region request required reset resolver response result retries
    revocation role rotate rotation rule sample schema scheme scope second selector separator setting settings signing
    since size source spec long short blank weak mismatch invalid empty same different missing incorrect wrong profile
    retention ageing aging ago
    sql start state status storage store strategy strength suffix table tables target template
    test thumbprint timeout title ttl type until uri url usage user username uuid validator var variable
    verification version window writer sha256 md5 indexes index indices classes addresses""".split()
)
"""Last words after which the value is about a secret, and none itself; with an `s` too."""
_SWITCH = frozenset(
    """max min num total count use uses using has have is are no not without enable enabled disable disabled allow
    allowed require required requires need needs show hide skip reset forgot forget change update rotate verify validate
    confirm confirmation""".split()
)
"""First words of a measure, a switch or a label."""
_OF_DATA = frozenset(
    """partition primary foreign sort cluster clustering distribution dist unique surrogate natural business merge
    idempotency dedup dedupe deduplication routing row cache lookup join group order grouping composite candidate
    alternate range hash bucket object public publishable next previous prev page pagination continuation cursor last
    first start end stop pad eos bos sep unk mask cls special input prompt completion output generated sample tokenizer
    concurrency registry image map dict json field column index record message event topic metric label sensor state
    context config sub super translation entry item list menu shortcut hot arrow keyboard music""".split()
)
"""Words at the beginning, or before it, with which `key` or `token` is none of the kind."""
_HELD = frozenset("registry image record message event topic public cache config bucket object".split())
"""Of those, what has tokens too."""
_ELSEWHERE = frozenset("encrypteddata encrypted_data secretref secret_ref secretkeyref secretname secure".split())
"""Keys whose value is a name or sealed, whatever their words say."""
_SEVERAL = frozenset("secrets passwords tokens api_keys apikeys".split())
"""Keys of mappings whose every value is one."""
_NEUTRAL = frozenset(
    """value values val default current previous old new literal raw plain text content data string stringdata dev
    development test testing stage staging prod production local eu us main primary""".split()
)


def words(key: str) -> list[str]:
    """Split a key by its separators, its capitals and its digits: `AWSSecretKey2` is `aws`, `secret`, `key`, `2`."""
    if not key.isascii():
        key = "".join(one for one in normalize("NFKD", key) if not combining(one)).replace("парол", "password_")
    return [word.lower() for word in _WORD.findall(key)]


def saying(key: str, above: str) -> str:
    """Return the key that says what a value is: its own, or the one above where that holds several, or its own nothing.

    `token` above `value` and `secrets` above `db` do; what a key is about, as `secrets` above `path`, stays its own.
    """
    if sort_of(key) or not sort_of(above):
        return key
    return above if key.lower() in _NEUTRAL or (above.lower() in _SEVERAL and not _about(words(key))) else key


def _about(found: list[str]) -> bool:
    return bool(found) and (found[-1] in _ABOUT or found[-1].removesuffix("s") in _ABOUT)


@lru_cache(maxsize=65536)
def sort_of(key: str) -> Sort:
    """Judge a key by its words: the last that says anything, unless others say that it is about one."""
    found = [word for word in words(".".join(key.split(".")[-2:])) if not word.isdigit()]
    while len(found) > 1 and found[-1] in _NEUTRAL:
        found.pop()
    if not found or not _ELSEWHERE.isdisjoint(key.lower().split(".")):
        return ""
    if found[-2:] == ["secret", "id"]:
        return "token"  # the half of a pair that is one: an AppRole's
    if _about(found):
        return ""
    if len(found) > 1 and (found[0] in _SWITCH or _of_data(found)):
        return ""
    return next((sort for index in range(len(found) - 1, -1, -1) if (sort := _sort(found, index))), "")


def _of_data(found: list[str]) -> bool:
    """Whether a key or token is one of data, not of a door: `partition_key`, `next_page_token`."""
    last, before = found[-1], found[-2]
    if last in ("key", "keys"):
        return before not in _MAKES_A_TOKEN and not _OF_DATA.isdisjoint((found[0], before))
    return last in ("token", "tokens") and not (_OF_DATA - _HELD).isdisjoint((found[0], before))


def _sort(found: list[str], index: int) -> Sort:
    word, last = found[index], index == len(found) - 1
    if word in _PASSWORD or (word in _PASSWORD_LAST and last):
        return "password"
    if index and found[index - 1] + word in _PASSWORD:
        return "password"
    if word in _TOKEN or (word in ("key", "keys") and index and found[index - 1] in _MAKES_A_TOKEN):
        return "token"
    inside = _JOINED.search(word)
    if inside and not word.startswith("nopass"):
        return "password" if inside[0].startswith("pass") else "token"
    return "key" if word in _KEY and last else ""
