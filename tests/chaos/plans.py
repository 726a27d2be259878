"""What a round will be, drawn from its seed: everything but the time it takes."""

from dataclasses import dataclass
from random import Random

from tests.chaos import world
from tests.chaos.dying import Death

STREAMS = 20
FIRST = (
    "before commit",
    "inside commit",
    "while gathering",
    "after commit",
    "after retry",
    "at the end",
    "outside",
)
LATER = (*FIRST, "taking up", "going on", "going on")
AT_MOST = {"while gathering": 6, "after retry": 3, "at the end": 8, "taking up": 4, "going on": 4}
"""How often a point is passed at most before the server dies there; at a commit 40 times."""


@dataclass(frozen=True)
class Plan:
    """`streams`: the bodies of the starts; `deaths`: one for each life but the last."""

    seed: str
    streams: tuple[dict, ...]
    deaths: tuple[Death, ...]

    @classmethod
    def of(cls, seed, number, streams=STREAMS):
        dice = Random(f"{seed} {number}")
        lives = dice.randint(1, 3)
        return cls(
            seed=f"{seed} {number}",
            streams=tuple(_stream(dice, n) for n in range(streams)),
            deaths=tuple(_death(dice, life, streams) for life in range(lives)),
        )


def _death(dice, life, streams):
    """The first one mostly when all streams run; a retry comes with their first words."""
    point = dice.choice(LATER if life else FIRST)
    late = not life and point != "after retry" and dice.random() < 0.8
    return Death(point, dice.randint(1, AT_MOST.get(point, 40)), streams if late else 0)


def _stream(dice, number):
    """A stream that may be continued is DeepSeek's, whose format knows how."""
    continues = dice.random() < 0.4
    pinned = "deepseek" if continues else dice.choice((None, None, *world.NAMES))
    return {
        "agent_type": "conversation",
        "lead": {},
        "detach": True,
        "input": {"message": world.message(number, dice.randint(40, 90))},
        "on_failure": "continue" if continues else "restart",
        **({"provider": pinned} if pinned else {}),
    }
