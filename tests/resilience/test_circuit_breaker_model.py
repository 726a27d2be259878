"""The breaker against a model that keeps the whole history and counts it anew each time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import errors
from resilience.circuit_breaker import CircuitBreaker

THRESHOLD = 5
WORD, THINKING = "word", "thinking"
ENDS = {
    "success": StopAsyncIteration,
    "failure": errors.UpstreamError,
    "ignored": errors.Rejected,
    "bug": ValueError,
    "throttle": errors.Throttled,
}


class Model:
    """The breaker as one would explain it: a state, a history, and who may still speak."""

    def __init__(self):
        self.now, self.state, self.epoch = 0.0, "closed", 0
        self.history, self.opens, self.until, self.probe, self.lease = [], 0, 0.0, None, 0.0

    def change(self, state):
        self.state, self.probe = state, None
        self.epoch += 1
        self.history = []
        if state == "open":
            self.until = self.now + min(300, 5 * 2**self.opens) * 0.75
            self.opens += 1

    def may_call(self):
        if self.state == "open":
            return self.now >= self.until
        if self.state == "half_open":
            return self.probe is None or self.now >= self.lease
        return True

    def admit(self, call):
        if self.state == "open":
            self.change("half_open")
        if self.state == "half_open":
            self.probe, self.lease = call, self.now + 60
        call.epoch = self.epoch

    def content(self, call):
        if self.probe is call and self.state == "half_open":
            self.change("closed")
            call.epoch = self.epoch

    def end(self, call, outcome):
        if call.epoch != self.epoch or (self.state == "half_open" and self.probe is not call):
            return  # it speaks of the provider as it was
        probing = self.state == "half_open"
        self.probe = None
        if probing and outcome == "failure":
            return self.change("open")
        if probing and outcome == "success":
            self.change("closed")
        if outcome == "success":
            self.opens = 0
        self.history.append((self.now, outcome))
        if self.down(outcome):
            self.change("open")

    def down(self, outcome):
        counted = [(at, what) for at, what in self.history if what in ("success", "failure")]
        recent = [what for at, what in counted if at >= self.now - 30]
        if outcome == "failure":
            row = [what for _, what in counted[-THRESHOLD:]]
            share = recent.count("success") / len(recent)
            return row == ["failure"] * THRESHOLD or (len(recent) >= 5 and share < 0.8)
        if outcome == "throttle":
            told = [(at, what) for at, what in self.history if what not in ("ignored", "bug")]
            last = told[-5:]
            return (
                len(last) == 5
                and {what for _, what in last} == {"throttle"}
                and self.now - last[0][0] <= 30
            )
        return False


class Call:
    """One stream through the breaker, moved on by hand: nothing here ever has to wait."""

    def __init__(self, breaker):
        self.says = None
        self.stream = breaker.call_streaming(self.vendor, is_content=WORD.__eq__)

    async def vendor(self):
        while True:
            if self.says is StopAsyncIteration:
                return
            if isinstance(self.says, type):
                raise self.says("as told")
            yield self.says

    def hears(self, says):
        self.says = says
        return step(self.stream.__anext__())

    def stops(self):
        return step(self.stream.aclose())


def step(awaitable):
    try:
        awaitable.send(None)
    except StopIteration as result:
        return result.value
    except Exception as error:
        return error
    raise AssertionError("a breaker never waits for anything itself")


class Breakers(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.model = Model()
        self.breaker = CircuitBreaker("x", clock=lambda: self.model.now, random=lambda: 0.5)
        self.open_calls = []

    def pick(self, index):
        return self.open_calls[index % len(self.open_calls)]

    @rule()
    def begin(self):
        call = Call(self.breaker)
        allowed = self.model.may_call()
        answer = call.hears(THINKING)
        assert allowed == (answer == THINKING)
        if allowed:
            self.model.admit(call)
            self.open_calls.append(call)
        else:
            assert isinstance(answer, errors.CircuitOpen)

    @precondition(lambda self: self.open_calls)
    @rule(index=st.integers(0, 20))
    def content(self, index):
        call = self.pick(index)
        assert call.hears(WORD) == WORD
        self.model.content(call)

    @precondition(lambda self: self.open_calls)
    @rule(index=st.integers(0, 20), outcome=st.sampled_from(list(ENDS)))
    def end(self, index, outcome):
        call = self.pick(index)
        self.open_calls.remove(call)
        assert type(call.hears(ENDS[outcome])) is ENDS[outcome]
        self.model.end(call, outcome)

    @precondition(lambda self: self.open_calls)
    @rule(index=st.integers(0, 20))
    def stop(self, index):
        call = self.pick(index)
        self.open_calls.remove(call)
        assert call.stops() is None
        self.model.end(call, "ignored")

    @rule(outcomes=st.lists(st.sampled_from(list(ENDS)), min_size=1, max_size=6))
    def whole_calls(self, outcomes):
        for outcome in outcomes:
            before = len(self.open_calls)
            self.begin()
            if len(self.open_calls) > before:
                self.end(before, outcome)

    @rule(wait=st.sampled_from([0, 301]))
    def probe_after_an_outage(self, wait):
        """Chance alone seldom comes as far as a probe."""
        self.whole_calls(["failure"] * THRESHOLD)
        self.model.now += wait
        self.begin()

    @precondition(lambda self: self.open_calls)
    @rule(index=st.integers(0, 20), outcome=st.sampled_from(list(ENDS)))
    def content_then_the_end(self, index, outcome):
        """The road of a probe that closes the breaker and speaks in its new era."""
        self.content(index)
        self.end(index, outcome)

    @rule(seconds=st.sampled_from([0.5, 4, 10, 31, 61, 301]))
    def time_passes(self, seconds):
        self.model.now += seconds

    @invariant()
    def they_agree(self):
        verdict = self.breaker.peek()
        assert verdict.allowed == self.model.may_call()
        ready = self.model.state == "open" and self.model.may_call()
        assert verdict.state == ("half_open" if ready else self.model.state)
        if verdict.state == "open":
            assert verdict.retry_after_s == self.model.until - self.model.now


Breakers.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
test_the_breaker_is_its_model = Breakers.TestCase
