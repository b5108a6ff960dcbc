"""Say what is there after a run: in the marts, at the partner's and in the post."""

import email
import email.policy
import sys
from pathlib import Path

import duckdb

with duckdb.connect("out/marts.duckdb", read_only=True) as marts:
    found = marts.sql("select count(*), count(distinct ordered_on), sum(amount) from sales.orders").fetchone()
assert found is not None
print(f"{sys.argv[1]}: {found[0]} orders of {found[1]} days, {found[2]} in all")
waiting, answered = (sorted(Path("out/partner", one).rglob("*.*")) for one in ("outbox", "inbox"))
print(f"  the outbox holds {len(waiting)} archives, the inbox {len(answered)} receipts")
for letter in sorted(Path("out/post").iterdir()):
    message = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default)
    names = [part.get_filename() for part in message.iter_attachments()]
    print(f"  mail to {message['to']}: {message['subject']} {names}")
