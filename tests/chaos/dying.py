"""A server, and the moment of its death.

The real command in a process that kills itself with SIGKILL when it has come to a point for the
so-manieth time. Nothing of this is in the server: the points are put around its functions here.
"""

import os
import signal
from dataclasses import dataclass
from functools import wraps
from itertools import count

from cli import main
from executions.executions import Executions
from routing.receipt import Receipt
from store import database, streams
from streams import journal
from streams.log import Log
from tests.chaos.sabotages import SABOTAGES


@dataclass(frozen=True)
class Death:
    """At a point of `POINTS`, when it is passed for the `count`th time with `begun` streams begun;
    "outside": whoever holds the process kills it."""

    point: str = "outside"
    count: int = 0
    begun: int = 0


def live(death, sabotage, environment, log):
    """Serve in this process until the end; what it says goes into the file `log`."""
    os.environ.clear()
    os.environ.update(environment)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    begun, passed = count(1), count(1)
    counting = not death.begun

    def note_begun():
        nonlocal counting
        counting = counting or next(begun) == death.begun

    def note(is_point):
        if is_point and counting and next(passed) == death.count:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.GATHER_ROWS = 100
    SABOTAGES[sabotage]()
    after(Executions, "begin", lambda *given: note_begun())
    POINTS[death.point](note)
    main([])


def before(owner, name, note):
    """Ask `note(*arguments)` before each call of `owner.name`."""
    _around(owner, name, lambda call, *given: (note(*given), call(*given))[1])


def after(owner, name, note):
    """Ask after each."""
    _around(owner, name, lambda call, *given: (call(*given), note(*given))[0])


def _around(owner, name, how):
    original = getattr(owner, name)
    replaced = wraps(original)(lambda *given, **named: how(original, *given, *named.values()))
    setattr(owner, name, replaced)


def has_tokens(writes):
    """Of a commit: it has words for a reader."""
    return any(
        "stream_tail" in sql and any(b'"token"' in row[-1] for row in values)
        for sql, values in writes
    )


def before_commit(note):
    """The transaction has not written anything."""
    before(database, "_apply", lambda connection, writes: note(has_tokens(writes)))


def inside_commit(note):
    """All rows are written, COMMIT is not."""
    after(database, "_apply", lambda connection, writes: note(has_tokens(writes)))


def while_gathering(note):
    """The tail's rows have moved, COMMIT has not come."""
    after(streams, "gather", lambda connection: note(True))


def after_commit(note):
    """It is on the disk, and no reader knows it yet."""
    before(Log, "settle", lambda log, group: note(b'"token"' in group.frames))


def after_retry(note):
    """An attempt that is not the first stands in the receipt, and its request goes out."""
    after(Receipt, "begin", lambda receipt, attempt: note(len(receipt.attempts) > 1))


def at_the_end(note):
    """A terminal event is appended, and not stored."""
    after(Log, "append", lambda log, event, *writes: note(log.ended))


def taking_up(note):
    """In recovery: some streams have their log back, others do not, and none goes on."""
    before(Executions, "revive", lambda *given: note(True))


def going_on(note):
    """In recovery: some streams go on, others wait for their turn."""
    after(Executions, "begin", lambda *given: note(True))


POINTS = {
    "before commit": before_commit,
    "inside commit": inside_commit,
    "while gathering": while_gathering,
    "after commit": after_commit,
    "after retry": after_retry,
    "at the end": at_the_end,
    "taking up": taking_up,
    "going on": going_on,
    "outside": lambda note: None,
}
