"""Words: what a text is cut into does not depend on the alphabet that the rest of it is in."""

import re

from hypothesis import given
from hypothesis import strategies as st

from agents.grounding.language import words_of


@given(st.text(st.characters(max_codepoint=127)))
def test_a_text_in_ascii_has_the_same_words_beside_one_that_is_not(text):
    assert words_of(text) == words_of(f"{text} é") - {"é"}
    assert words_of(text) == set(re.findall(r"\w+", text.lower()))
