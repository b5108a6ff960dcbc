"""Log lines as programs write them, and random secrets that none of them holds."""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

_WORDS = """table column schema index query warehouse orders customers postgres password default connection refused
timeout retry server client session token request response upload download bucket partition loader reader writer
staging production development monitor health service account database replica primary backup restore archive horse
battery river mountain summer winter silver golden window garden coffee orange purple yellow thunder falcon""".split()
_OTHER_WORDS = """abacus acorn alpine amber anchor apricot armchair asphalt autumn badger bakery balloon bamboo banjo
barley basalt beaver beetle birch biscuit bison blanket blizzard bonfire bottle boulder bramble breeze bronze bucket
buffalo butter cactus camel canyon caravan carpet castle cedar cello cherry chimney cinder citrus clover cobalt comet
compass coral cotton cricket crystal cypress daisy dolphin donkey dragon drizzle eagle easel ember emerald engine
fabric feather fennel ferry fiddle filter finch flannel flute forest fossil fountain galaxy garlic geyser ginger
glacier gopher granite gravel hammock harbor harvest hazel helmet heron hickory hollow honey hornet icicle indigo
island ivory jacket jaguar jasmine jigsaw juniper kernel kettle kitten ladder lagoon lantern lemon lichen lobster
magnet mango maple marble meadow mitten monkey mosaic nectar needle nickel nutmeg oasis ocean olive onyx orchard otter
oyster paddle panda parrot pebble pepper pigeon pilot pine planet plaza plum pocket pollen poplar puzzle quartz rabbit
raccoon raisin raven ribbon rocket saddle saffron salmon sandal satin shadow shovel sparrow spinach squash stone sunset
thimble thistle timber tomato tulip tunnel turtle vanilla velvet violet walnut walrus willow wizard yogurt zebra
zipper""".split()


class _Fill:
    """Random parts of lines."""

    def __init__(self, source: random.Random) -> None:
        self._of = source

    def __getitem__(self, name: str) -> str:
        of = self._of
        made: dict[str, Callable[[], str]] = {
            "time": lambda: (
                f"2026-{of.randint(1, 12):02}-{of.randint(1, 28):02}T{of.randint(0, 23):02}:{of.randint(0, 59):02}:"
                f"{of.randint(0, 59):02}.{of.randint(0, 999):03}Z"
            ),
            "epoch": lambda: str(of.randint(1_700_000_000_000, 1_900_000_000_000)),
            "n": lambda: str(of.randint(0, 10 ** of.randint(1, 9))),
            "float": lambda: f"{of.random() * 100:.6f}",
            "uuid": lambda: str(uuid.UUID(int=of.getrandbits(128), version=4)),
            "sha": lambda: of.randbytes(32).hex(),
            "git": lambda: of.randbytes(20).hex(),
            "md5": lambda: of.randbytes(16).hex(),
            "trace": lambda: f"00-{of.randbytes(16).hex()}-{of.randbytes(8).hex()}-01",
            "b64": lambda: base64.b64encode(of.randbytes(of.randint(12, 90))).decode(),
            "blob": lambda: base64.b64encode(" ".join(of.choices(_WORDS, k=8)).encode()).decode(),
            "hex": lambda: of.randbytes(16).hex(" "),
            "word": lambda: of.choice(_WORDS),
            "words": lambda: " ".join(of.choices(_WORDS, k=of.randint(2, 7))),
            "Words": lambda: "".join(one.title() for one in of.choices(_WORDS, k=3)),
            "name": lambda: "_".join(of.choices(_WORDS, k=2)),
            "host": lambda: f"{of.choice(_WORDS)}-{of.randint(0, 9)}.{of.choice(_WORDS)}.example.com",
            "ip": lambda: ".".join(str(of.randint(0, 255)) for _ in range(4)),
            "path": lambda: "/".join(["", *of.choices(_WORDS, k=3), f"part-{of.randint(0, 99999):05}.parquet"]),
            "pod": lambda: (
                f"{of.choice(_WORDS)}-{of.randbytes(5).hex()}-{''.join(of.choices(string.ascii_lowercase, k=5))}"
            ),
        }
        return made[name]()


_TEMPLATES = """{time} INFO {name}.{word} run={epoch}-{n} step={word} rows={n} seconds={float} path={path}
{time} ERROR FATAL: {word} authentication failed for user "{name}" (host {host}, port 5432)
{time} [{pod}] GET https://{host}/v1/{word}/{uuid}?limit={n}&offset={n}&sort=%2D{word}&q={word}%20{word} 200 {float}ms
SELECT {name}, count(*) FROM {name}.{word} WHERE {word} = '{word}' AND id IN ({n}, {n}, {n}) GROUP BY 1 LIMIT {n}
{{"ts": "{time}", "level": "info", "logger": "{name}", "msg": "{words}", "trace": "{trace}", "n": {n}, "ok": true}}
{{"msg": "{{\\"inner\\": \\"{words}\\", \\"path\\": \\"C:\\\\\\\\{word}\\\\\\\\new\\\\\\\\{word}\\"}}", "id": "{uuid}"}}
  File "/usr/lib/python3.11/site-packages/{word}/{name}.py", line {n}, in {name}
{Words}Error: could not connect to server {host} ({ip}): {words}
commit {git} {words}
pulled {host}/{word}@sha256:{sha} in {float}s (digest md5 {md5})
etag="{md5}" x-amz-request-id={md5} x-amz-id-2={b64}
{n}  {hex}  |{word}........|
data:application/octet-stream;base64,{b64}
config {blob} loaded for {word}
{epoch} {n} {n} {float} {float} {n} {n}
{ip} - - [{time}] "POST /{word}/{uuid} HTTP/1.1" 201 {n} "-" "{word}/1.{n} ({words})"
pod/{pod} Started container {word} with image {host}/{word}:{git}
W{n} {time} {name}.go:{n}] {words}, retry {n} of {n}
<td>{words}</td><td>&quot;{word}&quot; &amp; &#39;{word}&#39;</td><td>{n}&nbsp;ms</td>
dyn: \\u00fc{word} \\x1b[32m{words}\\x1b[0m \\t {n}
psql: error: connection to server at "{host}" ({ip}), port {n} failed: {words}
{time} cursor={b64} next_page={uuid} etag=W/"{md5}" took={n}
the {word} {word} of the {word} {word} is {word}, see {words}
progress {n}/{n} [=========>          ] {float}% eta {n}s {name}
{name}={n} {name}={word} {name}={float} {name}={md5}
0x{md5} 0x{n} at 0x7f{n} in {name} (+0x{n})
Received 0x48, 0x65, 0x{n} {n} {n} {n} [{n}, {n}, {n}, {n}, {n}, {n}]
{word}: {n} {word}, {n} {word}, {n} {word} ({float} %)
-----BEGIN CERTIFICATE----- {b64} -----END CERTIFICATE-----
"Authorization": "Bearer <absent>", "Cookie": "{word}=; {name}={n}", "Accept": "application/json"
""".splitlines()


def lines(count: int, seed: int = 7) -> list[str]:
    """Return log lines that hold no secret."""
    source = random.Random(seed)
    fill = _Fill(source)
    return [source.choice(_TEMPLATES).format_map(fill) for _ in range(count)]


def documents() -> list[str]:
    """Return the lines of this project's own sources and pages: what people write."""
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("runtime/src/**/*.py"), *ROOT.glob("compiler/src/**/*.py")]
    return [line for page in sorted(pages) for line in page.read_text().splitlines()]


def secrets(seed: int = 5) -> Iterator[str]:
    """Yield fifty random secrets of the shapes that are usual."""
    of = random.Random(seed)

    def some(alphabet: str, length: int) -> str:
        return "".join(of.choices(alphabet, k=length))

    letters = string.ascii_letters + string.digits
    for _ in range(8):
        yield some(letters + "!#$%&*+-=?@^_", 12)
        yield some(letters, 40)
        yield str(uuid.UUID(int=of.getrandbits(128), version=4))
        yield f"postgresql://{of.choice(_WORDS)}:{some(letters + '!$', 16)}@{of.choice(_WORDS)}.example.com:5432/orders"
        yield "-".join(of.choices(_WORDS + _OTHER_WORDS, k=4))
    for _ in range(4):
        body = "\n".join(some(letters + "+/", 64) for _ in range(25))
        yield f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
        payload = base64.urlsafe_b64encode(json.dumps({"sub": some(letters, 8), "exp": of.getrandbits(30)}).encode())
        yield f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload.decode().rstrip('=')}.{some(letters + '-_', 43)}"
    yield " ".join(of.choices(_WORDS + _OTHER_WORDS, k=5))
    yield f"0{some(string.digits, 5)}"
