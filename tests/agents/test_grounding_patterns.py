"""No text keeps the rules busy: the loop that they run on is everybody's.

Texts of one piece that is repeated are what regular expressions go wrong on. The guard is no
measure: what it stops would run for minutes, or for ever.
"""

import asyncio
import contextlib
import signal
from datetime import date

import pytest

from agents.grounding import seller
from agents.grounding.dates import deadline_in
from agents.grounding.facts import FreeText, ledger_of
from agents.grounding.hold import Hold
from agents.grounding.lead import Lead
from agents.grounding.turn import Turn
from agents.grounding.verifier import Backing, judged

PROFILE = asyncio.run(seller.current(None)).profile
BACKING = Backing(ledger_of(Lead(first_name="Dana")), PROFILE)

REPEATED = (
    " ",
    "!",
    "$",
    "20",
    ",234",
    "9 ",
    "1.",
    "2020-",
    "F1",
    "()",
    "a.",
    "<a",
    "![",
    "a@",
    "://",
)
TEXTS = [
    f"{before}{piece * (20_000 // len(piece) - 3)}{after}"
    for piece in REPEATED
    for before in ("", "a")
    for after in ("$5", "x")
]
TEXT = pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text[:9]}…{text[-2:]}")


@contextlib.contextmanager
def at_all():
    """Fails instead of hanging; a regular expression looks for signals while it works."""

    def too_long(*signalled):
        raise TimeoutError("it would go on and on")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(20)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@TEXT
def test_what_a_model_says_in_one_piece_is_gone_through(text):
    hold = Hold("reply", BACKING)
    with at_all():
        assert [*hold.take(text), *hold.end()]
        judged("reply", text, BACKING, language="de", most_words=10, asks=1)


@pytest.mark.parametrize("piece", ["F1", "()", "AB", "Dana"])
def test_a_word_without_an_end_in_many_pieces_is_gone_through(piece):
    text = piece * 5000
    hold = Hold("reply", BACKING)
    with at_all():
        events = [event for at in range(0, len(text), 3) for event in hold.take(text[at : at + 3])]
        assert [*events, *hold.end()]


@TEXT
def test_what_a_lead_has_written_is_gone_through(text):
    with at_all():
        backing = Backing(ledger_of(Lead(notes=text)), PROFILE)
        assert not backing.backs_words("$77")
        assert backing.quote("nobody said this") is None
        assert deadline_in(text, date(2026, 1, 1)) is None
        turn = Turn(
            message=FreeText("message", text[:4000]),
            to_customer=True,
            past=[],
            lead=Lead(),
            profile=PROFILE,
        )
        assert turn.findings(text)
