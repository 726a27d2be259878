"""What code finds in a turn's words, phrase by phrase."""

import pytest

from agents.grounding.data import data
from agents.grounding.dialogue import handoff_of

OPEN = [
    "I will find out.",
    "Let me CHECK WITH them.",
    "We get\nback to you on Monday.",
    "I'll look into it.",
    "I'd ask my colleague first.",
    "Let me confirm with sales.",
    "I am not sure.",
    "That I don't know.",
    "Das finde ich heraus.",
    "Ich kläre das.",
    "Ich erkundige mich.",
    "Ich melde mich.",
    "Das weiß ich nicht.",
    "Da bin ich nicht sicher.",
    "Nach Rücksprache gern.",
    "Lo averiguaré.",
    "Voy a consultar con ellos.",
    "Le confirmo mañana.",
    "No lo sé.",
    "No estoy segura.",
    "Je me renseigne.",
    "Je vais vérifier.",
    "Je reviens vers vous.",
    "Je ne sais pas.",
    "Je ne suis pas sûr.",
    "確認します。",
    "お調べします。",
    "分かりかねます。",
]


@pytest.mark.parametrize("reply", OPEN)
def test_a_reply_that_leaves_a_question_open_needs_a_person(reply):
    assert handoff_of(["statement"], reply) == {
        "needed": True,
        "reason": "the reply leaves a question open",
    }


def test_each_phrase_is_among_those_that_are_tried():
    tried = "\n".join(OPEN).casefold()
    assert [letters for letters in data("dialogue")["open_question"] if letters not in tried] == []


@pytest.mark.parametrize(
    "reply",
    ["I found it; check in with us.", "Be sure of it.", "Nicht teuer.", "Estoy aquí, lo sé.", ""],
)
def test_the_letters_of_a_phrase_alone_leave_nothing_open(reply):
    assert handoff_of(["statement"], reply) == {"needed": False, "reason": None}
