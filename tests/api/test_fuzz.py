"""Schemathesis over the whole API: no 5xx, no status and no shape that /openapi.json does not name.

Half a minute here; `make fuzz` gives it ten. Models answer (a fake vendor's words), so that a
vendor's failure is no excuse for a 502. The probe is left out: it takes as long as it is told.
"""

import os
import subprocess
import sys

import pytest

from tests.serving import ROOT
from tests.upstream.vendors import FakeVendors
from tests.vendors.running import NO_BREAKER, VENDORS, WORDS, serve_vendors

SECONDS = int(os.environ.get("FUZZ_S", "30"))
SEED = os.environ.get("FUZZ_SEED", "1")

CHECKS = (
    "no_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "use_after_free",
)


@pytest.fixture
def server(tmp_path):
    with FakeVendors() as vendors:
        for vendor in VENDORS:
            vendors.says(vendor, WORDS)
        with serve_vendors(tmp_path, vendors.env(), breaker_threshold=NO_BREAKER) as server:
            yield server


def test_the_api_answers_whatever_is_sent_as_its_description_says(server, tmp_path):
    ran = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{server.url}/openapi.json", "--url", server.url, "--no-color"),
            *("--checks", ",".join(CHECKS), "--max-time", str(SECONDS), "--max-examples", "12"),
            *(
                "--continue-on-failure",
                "--request-timeout",
                "10",
                "--exclude-path",
                "/api/probe",
                "--seed",
                SEED,
            ),
        ],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.api.fuzz_checks", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS * 2 + 120,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
