"""The seller: who sells, to whom, with which claims and by which scoring table. A versioned row.

Out of the box it is `seller_profile.json`, as version 1. Whoever changes it makes a new version;
results say which version they were made with.
"""

from functools import cache, lru_cache
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agents.grounding.data import data
from store import seller_profiles
from store.database import Database

Text = Annotated[str, Field(max_length=1000)]
Texts = Annotated[list[Text], Field(max_length=200)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]

ComponentName = Literal[
    "industry",
    "size",
    "geo",
    "persona",
    "trigger",
    "pain",
    "metric",
    "timeline",
    "intent",
    "authority",
    "budget",
]

DisqualifierCode = Literal[
    "competitor",
    "student_or_research",
    "vendor_pitch",
    "existing_customer_support",
    "sanctioned_country",
    "opt_out",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdealCustomer(_Part):
    """Whom it is for. Industries and personas are words as they stand in leads' fields."""

    industries_target: Texts = []
    industries_adjacent: Texts = []
    employees_min: Annotated[int, Field(ge=1)] = 1
    employees_max: Annotated[int, Field(ge=1)] = 1_000_000
    countries_served: Annotated[list[Country], Field(max_length=300)] = []
    personas_senior: Texts = []
    personas_adjacent: Texts = []


class Claim(_Part):
    """A sentence about the product that may be said as it stands."""

    id: Annotated[str, Field(pattern=r"^C[0-9]{1,4}$")]
    text: Text


class Sender(_Part):
    name: Text
    role: Text | None = None


class Tier(_Part):
    """What a tier asks for; for `insufficient_data`, the coverage below which it applies."""

    score: int = 0
    coverage: int = 0
    positive: list[ComponentName] = []
    not_negative: list[ComponentName] = []


class Tiers(_Part):
    hot: Tier
    warm: Tier
    insufficient_data: Tier


class Days(_Part):
    """From when on a deadline is `later` or `distant`."""

    soon: Annotated[int, Field(ge=0)]
    later: Annotated[int, Field(ge=0)]


class Scoring(_Part):
    """The table: `weights` are points and add up to 100, `levels` the shares of them."""

    weights: dict[ComponentName, Annotated[int, Field(ge=0, le=100)]]
    levels: dict[ComponentName, dict[str, Share]]
    sources: dict[str, str]
    """The level of `intent` that a lead's source stands for."""
    days: Days
    size_factor: Annotated[float, Field(ge=1)]
    tiers: Tiers

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(self.weights.values()) != 100:
            raise ValueError("the weights must add up to 100")
        table = data("seller_profile")["scoring"]
        if missing := [n for n in table["weights"] if n not in self.weights]:
            raise ValueError(f"weights are missing for {', '.join(missing)}")
        for name, levels in table["levels"].items():
            if set(self.levels.get(name, ())) != set(levels):
                raise ValueError(f"the levels of {name} are {', '.join(levels)}")
        if unknown := set(self.sources.values()) - set(table["levels"]["intent"]):
            raise ValueError(f"sources have a level of intent, not {', '.join(sorted(unknown))}")
        return self


def _own_scoring() -> Scoring:
    return Scoring.model_validate(data("seller_profile")["scoring"])


class SellerProfile(_Part):
    """All that agents may say of the seller, and how leads are judged."""

    seller_id: Text
    fictional: bool = False
    company: Text
    product: Text
    one_liner: Text
    icp: IdealCustomer
    disqualifiers: list[DisqualifierCode] = []
    approved_claims: Annotated[list[Claim], Field(max_length=200)] = []
    forbidden: Texts = []
    pricing_policy: Text | None = None
    allowed_urls: Texts = []
    postal_address: Text | None = None
    sender: Sender | None = None
    languages: Annotated[list[Text], Field(min_length=1, max_length=50)] = ["en"]
    product_terms: Texts = []
    """What products of this kind are called, in any language: who makes one for others competes."""
    competitors: Texts = []
    """Domains whose people are competitors, whatever they write."""
    customers: Texts = []
    """Domains of those who have bought."""
    scoring: Scoring = Field(default_factory=_own_scoring)

    def claim(self, claim_id: str) -> Claim | None:
        return next((claim for claim in self.approved_claims if claim.id == claim_id), None)

    def render(self) -> str:
        """For a prompt: what is sold, and what may be said of it."""
        claims = "\n".join(f"{claim.id} {claim.text}" for claim in self.approved_claims)
        return (
            f"Seller: {self.company}\nProduct: {self.product}. {self.one_liner}\n"
            f"Approved claims:\n{claims or 'none'}\n"
            f"Never: {'; '.join(self.forbidden) or 'nothing'}. {self.pricing_policy or ''}"
        ).strip()


class Seller(NamedTuple):
    """The profile as it stands, and its version."""

    version: int
    profile: SellerProfile


async def current(database: Database | None, owner: str = "") -> Seller:
    """The owner's newest version; the one out of the box where he has made no other."""
    row = None if database is None else await seller_profiles.newest(database, owner)
    if row is None:
        return Seller(seller_profiles.FIRST, _out_of_the_box())
    return Seller(row["version"], _read(row["profile"]))


@cache
def _out_of_the_box() -> SellerProfile:
    return SellerProfile.model_validate(data("seller_profile"))


@lru_cache(maxsize=16)
def _read(profile: str) -> SellerProfile:
    """A version never changes, and every start asks for one."""
    return SellerProfile.model_validate_json(profile)


def shown(seller: Seller) -> dict[str, Any]:
    """As `GET /api/seller-profile` answers."""
    return {"version": seller.version, **seller.profile.model_dump(mode="json")}
