from email.utils import parsedate_to_datetime as p
for t in ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT","Mon, 01 Jan 2026 00:00:00 +99999999999999","Mon, 01 Jan 2026 00:00:00 +9959","Mon, 99 Jan 2026","x","", "Mon, 01 Jan 2026 00:00:00 -0000","Mon, 01 Jan 2026 99999999999999999999:00:00 GMT","Mon, 01 Jan 2026 00:00:00 +2500"]:
    try: print(t, p(t))
    except BaseException as e: print(t, repr(e))
import orjson
for b in [b'{"e": 1'+b'0'*400+b'}', b'{"e": 1e400}', b'{"e":"1e999"}', b'{"e": 123456789012345678901234567890}', b'{"e":true}', b'{"e": NaN}', b'{"e":"\\ud800"}']:
    try: print(b[:20], repr(orjson.loads(b))[:80])
    except Exception as e: print(b[:20], repr(e))
from firn_runtime.connectors.issued import lifetime
for v in ["1"+"0"*400, "1_0", "٣٦", " 3600 ", 10**400 , [], {}, None, "0x10", "-0"]:
    try: print(repr(v)[:20], lifetime(v))
    except BaseException as e: print(repr(v)[:20], repr(e))
