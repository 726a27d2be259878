"""The bench and the load test work, whatever their figures are."""

import subprocess
import sys

from bench import __main__ as bench
from bench import load, report
from bench.rivals import HANDLER, LEADSTREAM, NGINX_RIVAL
from bench.streaming import Figures, Load, measure
from tests.needs import needs
from tests.serving import ROOT, script, words

SMALL = Load("Small", 3, 10, 2)


def figures(rival, cpu, lost=0):
    return Figures(rival, "Small", cpu, 30, 30, lost, 0, 0.1, 1, 2, 3, 50)


def test_everybody_is_measured_and_nothing_of_ours_is_lost(tmp_path):
    needs("nginx")
    with bench.vendor() as port:
        for rival in (LEADSTREAM, HANDLER, NGINX_RIVAL):
            found = measure(rival, SMALL, tmp_path / rival.name, port)
            assert found.tokens == found.expected == 30
            assert (found.lost, found.doubled) == (0, 0)
            assert found.cpu_us_per_token >= 0


def test_the_smoke_version_goes_through_all_that_the_bench_measures():
    # A process of its own: it moves to another core.
    smoke = [sys.executable, "-m", "bench", "--smoke", "--without", "LiteLLM"]
    ran = subprocess.run(smoke, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stderr
    for measured in (*bench.SMOKE, LEADSTREAM, HANDLER):
        assert f"'{measured.name}'" in ran.stdout


def test_the_page_shows_ratios_to_ours_and_draws_them(tmp_path):
    loads = {"Small": [figures("nginx", 10), figures("Leadstream", 40)]}
    report.write({"loads": loads, "house": {"memory": "9 KiB"}}, {"cpu": "2 × X"}, 3, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert "| nginx | 10.0 | 0.25 |" in page
    assert "| memory | 9 KiB |" in page
    assert "performance/small.svg" in page
    assert (tmp_path / "performance" / "small.svg").read_text().count("<rect") == 2


def test_a_load_test_reports_waits_losses_and_refusals(server, capsys):
    message = script(words(20), pace_ms=1)
    assert load.main([server.url, "--streams", "4", "--seconds", "0", "--message", message]) == 0
    shown = capsys.readouterr().out
    assert "4 streams · 4 answered · 4 ended · 80 tokens · 0 lost · 0 doubled" in shown
    assert load.main([f"{server.url}/nowhere", "--streams", "2", "--seconds", "0"]) == 1
    assert "refused: 2 × 404" in capsys.readouterr().out
