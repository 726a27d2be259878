"""What the browser's modules do where a browser adds nothing: `node --test`."""

import subprocess
from pathlib import Path

import pytest

from tests.needs import needs

SUITES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name.partition(".")[0])
def test_the_modules_tests_pass_in_node(suite):
    node = subprocess.run([needs("node"), "--test", suite], capture_output=True, text=True)
    assert node.returncode == 0, node.stdout
