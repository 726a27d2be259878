"""The console as somebody sits before it: what can be done there, and what is to be seen."""

import json


class Desk:
    """A browser with the console of a server open in it."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url
        self.expected = []
        """Parts of what the page's console may say in this test."""

    def open(self, place=""):
        # Away first: an address that differs in its fragment alone loads nothing.
        self.browser.open("about:blank")
        self.browser.open(f"{self.url}/{place}")
        return self

    def choose(self, agent, **values):
        """Pick an agent or a workflow, with values for its controls."""
        self.browser.element("main h1")
        self.browser.until(
            "return document.querySelector(`input[name=agent][value=${arguments[0]}]`)", agent
        )
        self.browser.run(
            "document.querySelector(`input[name=agent][value=${arguments[0]}]`).click()", agent
        )
        for name, value in values.items():
            self.browser.until("return document.querySelector(arguments[0])", f"#input-{name}")
            self.browser.run(
                """const control = document.querySelector(arguments[0]);
                   control.value = arguments[1];
                   for (const type of ["input", "change"])
                     control.dispatchEvent(new Event(type, { bubbles: true }));""",
                f"#input-{name}",
                value,
            )
        return self

    def start(self):
        self.browser.click(".composer button.primary:not([aria-disabled=true])")
        return self

    def ask(self, message="hello"):
        """Start a conversation about the lead that is shown."""
        return self.choose("conversation", message=message).start()

    def sees(self, text, css=".run"):
        return self.browser.sees(text, css)

    def words(self):
        """The text of the answer as it stands there."""
        return self.browser.run(
            "return document.querySelector('.run .words')?.innerText.trim() ?? ''"
        )

    def stream_id(self):
        place = self.browser.until("return location.hash.startsWith('#/streams/') && location.hash")
        return place.rpartition("/")[2]

    def complaints(self):
        return [
            said
            for said in self.browser.complaints()
            if not any(part in said for part in self.expected)
        ]

    def listen(self):
        """Note everything that is announced to a screen reader from now on."""
        self.browser.run(
            """window.heard = [];
               new MutationObserver(() => {
                 const said = document.querySelector("[role=status]")?.textContent;
                 if (said && said !== heard.at(-1)) heard.push(said);
               }).observe(document.body, { subtree: true, childList: true, characterData: 1 });"""
        )

    def heard(self):
        return self.browser.run("return window.heard")


def qualified(*evidence, summary="Dana wants an answer."):
    """A qualification as a model would write it, in pieces; `evidence` as its form has it."""
    form = {
        "summary": summary, "evidence": list(evidence), "disqualifiers": [],
        "contradictions": [], "questions": [],
    }  # fmt: skip
    return pieces(json.dumps(form))


def pieces(text):
    return [text[at : at + 12] for at in range(0, len(text), 12)]
