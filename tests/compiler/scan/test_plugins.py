"""The formats as plug-ins of detect-secrets, in detect-secrets itself."""

from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from firn_compiler.scan import plugins
from firn_compiler.scan.vendors import FORMATS


def test_every_format_is_a_plug_in() -> None:
    made = [name for name in vars(plugins) if name.startswith("Firn")]
    assert len(made) == len(FORMATS)


def test_detect_secrets_finds_with_them_what_it_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "settings.txt"
    file.write_text("dbtc_" + "Ab3" * 14 + "\n")
    rows = [{"name": "FirnDbtCloudTokenDetector", "path": f"file://{plugins.__file__}"}]
    for settings, number in (({"plugins_used": []}, 0), ({"plugins_used": rows}, 1)):
        with transient_settings(settings):
            found = SecretsCollection()
            found.scan_file(str(file))
            assert len(list(found)) == number
