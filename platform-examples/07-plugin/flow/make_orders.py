"""Writes a signed order file, as the mainframe does; the key is in $MAINFRAME."""

import hashlib
import hmac
import os
from pathlib import Path

orders = [(1, "Ada", 1250), (2, "Grace", 725), (3, "Ada", 3000)]
lines = "".join(f"O{number:08d}{customer:20}{cents:011d}\n" for number, customer, cents in orders)
signature = hmac.new(os.environ["MAINFRAME"].encode(), lines.encode(), hashlib.sha256).hexdigest()
Path("data").mkdir(exist_ok=True)
Path("data/orders.dat").write_text(f"{lines}Z{signature}\n")
