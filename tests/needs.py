"""What a test needs of the machine: a program that is no Python package."""

import os
import shutil

import pytest


def needs(program):
    """The path of `program`. Without it the test is skipped, and fails where CI=true."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        missing = f"the program {program!r} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}: .ci/run installs it", pytrace=False)
        pytest.skip(missing)
    return path
