"""The golden run tells whether a model's answers are what the book says."""

from bench import golden

QUALIFY = ["--provider", "scripted", "--agents", "qualification", "--leads"]


def test_a_lead_that_is_judged_as_expected_has_no_differences(capsys):
    assert golden.main([*QUALIFY, "lead_06"]) == 0
    assert "1 answers · 1 as expected · 0 differ" in capsys.readouterr().out


def test_what_differs_is_named_with_what_was_expected(capsys):
    assert golden.main([*QUALIFY, "lead_01"]) == 1
    shown = capsys.readouterr().out
    assert "≠ tier: warm, expected hot" in shown
    assert "≠ budget: 0 unknown, expected 6 partial" in shown
