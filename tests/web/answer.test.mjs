// What a reader has been shown, folded from the events of a stream.
import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY, fold } from "../../web/answer.js";

const shown = (...events) => events.reduce(fold, EMPTY);
const token = (content, more) => ({ type: "token", content, ...more });
const field = (name, value, more) => ({ type: "field", name, value, ...more });

test("words are joined, and each field's prose is a paragraph that grows in the field too", () => {
  const { text, fields } = shown(
    token("Hel"), token("lo"), token("Su", { field: "summary" }), token("m", { field: "summary" }),
  );
  assert.equal(text, "Hello\n\nSum");
  assert.deepEqual(fields, { summary: "Sum" });
});

test("a field's name is a path into the result", () => {
  const { fields } = shown(
    field("score", 45), field("components[1]", { points: 2 }), field("components[0]", { points: 1 }),
    field("brief.audience", "CFOs"), token("Dear", { field: "sequence[0].body" }),
  );
  assert.deepEqual(fields, {
    score: 45, components: [{ points: 1 }, { points: 2 }], brief: { audience: "CFOs" },
    sequence: [{ body: "Dear" }],
  });
});

test("no path reaches a prototype", () => {
  const { fields } = shown(field("__proto__.polluted", true), field("constructor.prototype.polluted", true));
  assert.equal({}.polluted, undefined);
  assert.deepEqual(Object.keys(fields), ["__proto__", "constructor"]);
});

test("a reset takes back everything that was shown", () => {
  const before = [token("wrong"), field("score", 1), { type: "route", provider: "a" }, { type: "warning", code: "w" }];
  assert.deepEqual(shown(...before, { type: "reset", reason: "failover" }), EMPTY);
});

test("in a workflow a reset takes back its own step only", () => {
  const { steps } = shown(
    token("kept", { step: "growth" }), token("wrong", { step: "bdr" }),
    { type: "reset", step: "bdr" }, token("right", { step: "bdr" }),
  );
  assert.equal(steps.growth.text, "kept");
  assert.equal(steps.bdr.text, "right");
});

test("a step keeps what it said when it is done, with its result and why it was skipped", () => {
  const { steps, text } = shown(
    { type: "step", step: "growth", state: "started" }, token("words", { step: "growth" }),
    { type: "step", step: "growth", state: "done", result: { headline: "H" }, metadata: { ttft_ms: 1 } },
    { type: "step", step: "bdr", state: "skipped", why: "not qualified" },
  );
  assert.equal(text, "");
  assert.equal(steps.growth.text, "words");
  assert.deepEqual(steps.growth.fields, { headline: "H" });
  assert.deepEqual([steps.growth.state, steps.bdr.state, steps.bdr.why], ["done", "skipped", "not qualified"]);
  assert.deepEqual(Object.keys(steps), ["growth", "bdr"]);
});

test("nothing is changed in place", () => {
  const before = shown(field("list[0]", 1), token("a", { step: "s" }));
  const copy = structuredClone(before);
  fold(fold(before, field("list[1]", 2)), token("b", { step: "s" }));
  assert.deepEqual(before, copy);
});
