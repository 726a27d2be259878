"""The vendored modules are what web/vendor/README.md says that they are."""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
VENDOR = ROOT / "web" / "vendor"

ROW = re.compile(r"^\| `(\S+)` \| (\S+) (\S+), .*? \| (.+?) \| `([0-9a-f]{64})` \|$", re.M)


def test_every_module_is_the_one_that_its_authors_published():
    said = {
        file: digest for file, _, _, _, digest in ROW.findall((VENDOR / "README.md").read_text())
    }
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*.mjs")
    }
    assert found == said


def test_every_package_has_its_licence_beside_it_and_its_name_in_the_notice():
    notice = (ROOT / "NOTICE").read_text()
    for file, name, version, licence, _ in ROW.findall((VENDOR / "README.md").read_text()):
        assert file.startswith(f"{name}-{version}/")
        assert (VENDOR / file).with_name("LICENSE").is_file()
        assert re.search(rf"{name} {version}\b.*\({licence}\)", notice), name


def test_the_import_map_names_files_that_are_there():
    page = (ROOT / "web" / "index.html").read_text()
    for address in json.loads(re.search(r'"importmap">(.*?)<', page, re.S)[1])["imports"].values():
        assert (ROOT / address).is_file(), address
