"""Order files: lines of fixed width, and a last line that signs all before it with HMAC-SHA256."""

import hashlib
import hmac
from pathlib import Path

from firn_runtime.api import ConnectorBase, ConnectorError


class OrderFiles(ConnectorBase):
    """A folder of order files."""

    def __init__(self, *, config, options):
        super().__init__(config=config, options=options)
        self.folder = None

    def connect(self):
        self.folder = Path(self.base_dir, self.config.folder)
        if not self.folder.is_dir():
            raise ConnectorError("connection", f"there is no folder `{self.config.folder}`")

    def close(self):
        self.folder = None

    def read(self, inputs, context):
        """Yield the orders of the file `TABLE.dat`, once its signature was found to be right."""
        file = self.folder / f"{Path(inputs.table).name}.dat"
        if not file.is_file():
            raise ConnectorError("data", f"there is no file `{file.name}`")
        self._check(file)
        with file.open() as lines:
            for line in lines:
                if not line.startswith("Z"):
                    yield {
                        "id": int(line[1:9]),
                        "customer": line[9:29].rstrip(),
                        "amount": f"{line[29:38]}.{line[38:40]}",
                    }

    def _check(self, file):
        signed = hmac.new(self.config.key.reveal().encode(), digestmod=hashlib.sha256)
        signature = ""
        with file.open() as lines:
            for line in lines:
                if line.startswith("Z"):
                    signature = line[1:].strip()
                else:
                    signed.update(line.encode())
        if not hmac.compare_digest(signature, signed.hexdigest()):
            raise ConnectorError("data", f"`{file.name}` is not signed with the key", "ask for the file again")
