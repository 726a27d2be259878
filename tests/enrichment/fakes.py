"""Apollo and Clay on one real socket, in the shapes that their documentation shows.

with FakeSources() as fakes:
    fakes.variables()              # for a server: keys and addresses by their names
    fakes.people["dana@…"] = person("Dana", …)
    fakes.fails(Reply(…), …)       # the next requests, whatever they ask
    fakes.requests                 # every one: method, path, headers, body
"""

import asyncio
import json
import threading
import time
from collections import deque
from concurrent.futures import Future
from urllib.parse import parse_qs, urlsplit

from tests.upstream.exchange import Exchange
from tests.upstream.records import Attempt
from tests.upstream.script import Reply
from tests.upstream.server import Server

KEY = "apollo-key-3141"
AUTH = "clay-auth-2718"
SECRET = "a secret of ours"

STUB = {
    "person": {
        "id": None, "first_name": None, "last_name": None, "name": "", "linkedin_url": None,
        "title": None, "email_status": None, "email": "nobody@brightquill.example",
        "match_confidence": "none", "organization": None, "contact": None,
    }
}  # fmt: skip
"""What Apollo answers, with a 200, of somebody whom it does not know."""


def company(domain="brightquill.example", **changes):
    """`GET /organizations/enrich`, with the copy out of the user's CRM nested in it."""
    name = changes.get("name", "Brightquill Software")
    return {
        "id": "5e66b6381e05b4008c8331b8",
        "name": name,
        "website_url": f"http://www.{domain}",
        "primary_domain": domain,
        "linkedin_url": "http://www.linkedin.com/company/brightquill",
        "phone": "+1 555-0100",
        "industry": "information technology & services",
        "estimated_num_employees": 420,
        "annual_revenue": 51000000.0,
        "annual_revenue_printed": "51M",
        "founded_year": 2014,
        "city": "Denver",
        "state": "Colorado",
        "country": "United States",
        "account": {
            "name": "STALE CRM NAME",
            "domain": "crm.example",
            "industry": "STALE CRM INDUSTRY",
            "estimated_num_employees": 7,
        },
        **changes,
    }


def person(**changes):
    """`POST /people/match`: contact and account are the user's own CRM copies."""
    return {
        "id": "64a7ff0cc4dfae00013df1a5",
        "first_name": "Dana",
        "last_name": "Okafor",
        "name": "Dana Okafor",
        "linkedin_url": "http://www.linkedin.com/in/dana-okafor",
        "title": "VP Finance",
        "email": "dana.okafor@brightquill.example",
        "email_status": "verified",
        "match_confidence": "high",
        "seniority": "vp",
        "country": "Canada",
        "organization": company(),
        "contact": {
            "name": "STALE CRM CONTACT",
            "title": "STALE CRM TITLE",
            "email": "old@crm.example",
            "phone_numbers": [{"raw_number": "+1 555-0199"}],
        },
        **changes,
    }


def told(answer, status=200, media_type="application/json", **headers):
    """A whole response."""
    body = answer if isinstance(answer, str) else json.dumps(answer)
    said = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, media_type, body.encode(), said)


class FakeSources:
    """See the module. It runs in a thread of its own."""

    def __init__(self):
        self.people = {}
        self.companies = {}
        self.requests = []
        self.exchanges = []
        self._next = deque()
        self._changes = threading.Condition()
        self._port = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def fails(self, *scripts):
        """What the next requests get: a Reply, or a script of steps."""
        self._next.extend(scripts)

    def forget(self):
        """As new, for the next test."""
        self.people.clear()
        self.companies.clear()
        self.requests.clear()
        self._next.clear()

    def asked(self, path):
        return [request for request in self.requests if request.path.startswith(path)]

    def body(self, path):
        """The JSON of the last request there."""
        return json.loads(self.asked(path)[-1].body)

    def callback_id(self):
        return self.body("/clay")["callback_id"]

    def variables(self, *names):
        """The environment that leads here; `names` limits it to these sources."""
        apollo = {"APOLLO_API_KEY": KEY, "APOLLO_BASE_URL": f"{self.url}/api/v1"}
        clay = {
            "CLAY_WEBHOOK_URL": f"{self.url}/clay/hook",
            "CLAY_WEBHOOK_AUTH": AUTH,
            "CLAY_CALLBACK_SECRET": SECRET,
            "CLAY_CALLBACK_WAIT_S": "0",
        }
        known = {"apollo": apollo, "clay": clay}
        return {n: v for name in names or known for n, v in known[name].items()}

    async def until(self, condition):
        """Let this loop go on until the records make it true."""

        def met():
            with self._changes:
                assert self._changes.wait_for(condition, 5), self.requests

        await asyncio.to_thread(met)

    def _respond(self, request, connection):
        exchange = Exchange(
            Attempt(
                vendor="source",
                path=request.path,
                headers=request.headers,
                body={},
                connection=connection,
                opened_s=time.monotonic(),
            ),
            0,
            self._changed,
        )
        self.requests.append(request)
        self.exchanges.append(exchange)
        self._changed()
        script = self._next.popleft() if self._next else self._answer(request)
        return exchange, [script] if isinstance(script, Reply) else script

    def _answer(self, request):
        url = urlsplit(request.path)
        if url.path == "/clay/hook":
            right = request.headers.get("x-clay-webhook-auth") == AUTH
            return told({"success": True}) if right else told("Unauthorized", 401, "text/plain")
        if request.headers.get("x-api-key") != KEY:
            return told("Invalid access credentials.", 401, "text/plain")
        if (request.method, url.path) == ("GET", "/api/v1/organizations/enrich"):
            domain = parse_qs(url.query)["domain"][0]
            found = self.companies.get(domain)
            return told({"organization": found} if found else {})
        if (request.method, url.path) == ("POST", "/api/v1/people/match"):
            asked = json.loads(request.body)
            key = asked.get("email") or asked.get("linkedin_url") or asked.get("name")
            found = self.people.get(key)
            return told({"person": found} if found else STUB)
        return told({"error": "no such page"}, 404)

    def _changed(self):
        with self._changes:
            self._changes.notify_all()

    def __enter__(self):
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._port.result(timeout=5)}"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=5)

    def _run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await Server(self._respond, self._changed).run(self._port.set_result, self._stop)
