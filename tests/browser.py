"""A browser to test in: Chromium over WebDriver, spoken with httpx.

What a page's console says at level SEVERE, a script's error or a breach of the policy, fails the
test that did not expect it: `complaints()` is asked at the end of every test.
"""

import base64
import contextlib
import re
import subprocess
import time

import httpx

from tests.needs import needs

PATIENCE_S = 15
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"down": "\ue015", "tab": "\ue004", "enter": "\ue007", "escape": "\ue00c", "space": " "}
_SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--force-device-scale-factor=1", "--hide-scrollbars"]  # fmt: skip
_UNTHROTTLING = [
    "disable-background-timer-throttling",
    "disable-backgrounding-occluded-windows",
    "disable-renderer-backgrounding",
]


class Browser:
    """One session. Selectors are CSS; a script's last expression is returned with `return`."""

    def __init__(self, session):
        self._session = session

    def _ask(self, method, path, body=None):
        answer = self._session.request(method, path, json=body if method == "POST" else None)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def open(self, url):
        self._ask("POST", "url", {"url": str(url)})

    def run(self, script, *args):
        return self._ask("POST", "execute/sync", {"script": script, "args": list(args)})

    def until(self, script, *args, what=None):
        """What `script` returns once it is true."""
        end = time.monotonic() + PATIENCE_S
        while not (value := self.run(script, *args)):
            page = self.run("return document.body.innerText") if time.monotonic() > end else ""
            assert time.monotonic() < end, f"never: {what or script} {args}\n{page}"
            time.sleep(0.02)
        return value

    def element(self, css, text=""):
        """The first shown element; `text` is in it."""
        found = self.until(
            """return [...document.querySelectorAll(arguments[0])].find(
                 (e) => e.checkVisibility() && e.textContent.includes(arguments[1]))""",
            css,
            text,
        )
        return found[_ELEMENT]

    def click(self, css, text=""):
        self._ask("POST", f"element/{self.element(css, text)}/click", {})

    def type(self, css, text):
        self._ask("POST", f"element/{self.element(css)}/value", {"text": text})

    def press(self, *names):
        strokes = [KEYS.get(name, name) for name in names]
        actions = [{"type": kind, "value": key} for key in strokes for kind in ("keyDown", "keyUp")]
        self._ask("POST", "actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def sees(self, text, css="body"):
        """Wait until `text` is shown in `css`; return all that is shown there."""
        return self.until(
            """const shown = document.querySelector(arguments[1])?.innerText ?? "";
               return shown.includes(arguments[0]) && shown""",
            text,
            css,
            what="to be seen",
        )

    def new_tab(self):
        """Open another tab in front; return what brings this one back."""
        here = self._ask("GET", "window")
        there = self._ask("POST", "window/new", {"type": "tab"})["handle"]
        self._ask("POST", "window", {"handle": there})

        def back(front):
            self._ask("POST", "window", {"handle": here if front else there})

        return back

    def devtools(self, method, **params):
        return self._ask("POST", "goog/cdp/execute", {"cmd": method, "params": params})

    def size(self, width, height):
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._ask("GET", "screenshot")))

    def complaints(self):
        """What the console has said at level SEVERE since it was asked last."""
        said = self._ask("POST", "se/log", {"type": "browser"})
        return [entry["message"] for entry in said if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def browser(*switches, throttled=False):
    """A running browser, with `switches` beside ours; `throttled` slows its hidden tabs as it slows
    everybody's."""
    chromium, driver = needs("chromium"), needs("chromedriver")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        said = (re.search(r"successfully on port (\d+)", line) for line in process.stdout)
        port = next(found[1] for found in said if found)
        options = {"binary": chromium, "args": [*_SWITCHES, *switches]}
        options |= {"excludeSwitches": _UNTHROTTLING} if throttled else {}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        url = f"http://127.0.0.1:{port}/session"
        with httpx.Client(timeout=60, trust_env=False) as http:
            started = http.post(url, json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
            assert "sessionId" in started, started
            http.base_url = f"{url}/{started['sessionId']}/"
            try:
                yield Browser(http)
            finally:
                http.delete(url + "/" + started["sessionId"])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
