"""Clay: a row for the webhook of a table, and its answer minutes later, by a call of theirs.

The row carries a `callback_id`: random, with an end, signed by us. The table's HTTP column calls
`POST /api/enrichment/clay/callback/{callback_id}` with what its columns have found: strings, often
empty ones.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import ClassVar

from agents.grounding.sources.base import FIELDS, Found, Keys, Question, Source

VALID_S = 24 * 3600
"""How long a late answer is taken."""


class Clay(Source):
    name: ClassVar[str] = "clay"
    setting: ClassVar[str] = "CLAY_WEBHOOK_URL and CLAY_CALLBACK_SECRET"
    rank: ClassVar[int] = 3
    confidence: ClassVar[float] = 0.7
    wall: Callable[[], float] = staticmethod(time.time)

    def configured(self) -> bool:
        url, secret = self.settings.clay_webhook_url, self.settings.clay_callback_secret
        return bool(url.get_secret_value() and secret.get_secret_value())

    def estimate(self, keys: Keys) -> list[Question]:
        """A row counts as one credit, whatever its table spends on it: that is not ours to know."""
        key = keys.person or keys.domain
        return [Question("lead", f"lead {key}", keys, frozenset(FIELDS), 1)] if key else []

    async def lookup(self, question: Question) -> Found:
        said = f"{secrets.token_urlsafe(16)}.{int(self.wall()) + VALID_S}"
        callback_id = f"{said}.{self._signature(said)}"
        row = {name: value for name, value in question.keys._asdict().items() if value}
        reply = await self.ask(
            "POST",
            self.settings.clay_webhook_url.get_secret_value(),
            json={**row, "callback_id": callback_id},
            headers={"x-clay-webhook-auth": self.settings.clay_webhook_auth.get_secret_value()},
        )
        return Found({}, reply.status, question.credits, callback_id)

    def vouches_for(self, callback_id: str) -> bool:
        said, _, signature = callback_id.rpartition(".")
        if not hmac.compare_digest(self._signature(said).encode(), signature.encode()):
            return False
        return self.wall() < int(said.rpartition(".")[2])

    def _signature(self, said: str) -> str:
        secret = self.settings.clay_callback_secret.get_secret_value().encode()
        return hmac.new(secret, f"clay {said}".encode(), hashlib.sha256).hexdigest()
