"""Sabotages: a promise of the server broken. The rounds notice, or they prove nothing."""

import time

from store import database
from streams.journal import Journal
from streams.log import Log


def wake_before_commit():
    """Readers are shown what the disk does not have yet, and the disk takes a moment."""
    settle, commit, apply = Log.settle, Journal._commit, database._apply

    async def early(journal, batch):
        for log, group, _ in batch:
            settle(log, group)
        return await commit(journal, batch)

    def slow(connection, writes):
        time.sleep(0.01)
        apply(connection, writes)

    Journal._commit, Log.settle, database._apply = early, lambda log, group: None, slow


def two_ends():
    """A second terminal event is appended behind the first."""
    append = Log.append

    def endless(log, event, *writes):
        number = append(log, event, *writes)
        if log.ended and event["type"] == "complete":
            log.ended = False
            append(log, event)
        return number

    Log.append = endless


SABOTAGES = {
    "none": lambda: None,
    "wake before commit": wake_before_commit,
    "two ends": two_ends,
}
