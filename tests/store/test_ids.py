"""Ids that sort by the moment at which they were made."""

import re

from store import ids


def test_an_id_that_is_made_later_sorts_later():
    first = later = ids.new("st")
    while later[:15] == first[:15]:
        later = ids.new("st")
    assert later > first


def test_no_two_ids_of_a_moment_are_alike():
    made = [ids.new("st") for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch("st_[0-9a-f]{32}", one) for one in made)
