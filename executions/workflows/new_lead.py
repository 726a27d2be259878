"""The workflow new_lead: from a name on a form to a prepared first meeting."""

from decimal import Decimal
from functools import partial

from executions.workflow import Results, Step, Workflow

FROM_SCORE = 60


def worth_the_time(found: Results) -> bool:
    qualified = found.qualification
    return qualified.tier in ("hot", "warm") and qualified.score >= FROM_SCORE


gated = partial(
    Step,
    needs=["qualification"],
    when=worth_the_time,
    otherwise=(
        "The lead is {qualification.tier} with a score of {qualification.score}; this is written "
        f"for leads that are hot or warm, from {FROM_SCORE}."
    ),
)

new_lead = Workflow(
    "new_lead",
    1,
    [
        Step("enrichment"),
        Step("qualification", needs=["enrichment"]),
        gated("growth"),
        gated("marketing"),
        Step("bdr", needs=["growth", "marketing"]),
    ],
    budget_usd=Decimal("0.25"),
    about="Enriches and qualifies a lead and, where it is worth the time, prepares the meeting.",
)
