// The decoder of Server-Sent Events, by the WHATWG standard and against random cuts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameReader } from "../../web/sse.js";

const all = (...pieces) => {
  const reader = new FrameReader();
  return pieces.flatMap((piece) => reader.feed(piece));
};

const CASES = [
  ["data: YHOO\ndata: +2\ndata: 10\n\n", [["", "YHOO\n+2\n10"]]],
  [": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
    [["1", "first"], ["", "second"], ["", " third"]]],
  ["data\n\ndata\ndata\n\ndata:", [["", ""], ["", "\n"]]],
  ["data:test\n\ndata: test\n\n", [["", "test"], ["", "test"]]],
  ["\ufeffdata: marked\r\n\r\n", [["", "marked"]]],
  ["id: 7\rdata: a\r\r", [["7", "a"]]],
  ["id: 7\n\ndata: later\n\n", [["7", "later"]]],
  ["id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [["1", "a"], ["1", "b"]]],
  ["event: error\ndata: x\nunknown: y\n\n", [["", "x"]]],
  ["data: a\u2028b\u0085c\n\n", [["", "a\u2028b\u0085c"]]],
  ["id: 9\ndata: cut before its blank line\n", []],
  [": ping\nid: 3\ndata: x\n\n", [["3", "x"]]],
];

for (const [text, expected] of CASES) {
  test(`reads ${JSON.stringify(text)}`, () => {
    assert.deepEqual(all(text).map(({ id, data }) => [id, data]), expected);
  });

  test(`reads it the same one character at a time: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(all(...text), all(text));
  });
}

test("a body cut anywhere, any number of times, is the same frames", () => {
  const parts = ["data: ", "data:", "id: 12", "id", ":", ": ping", "\n", "\r", "\r\n", "\n\n", "x", "é😀", "retry: 5", "\0"];
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: 30 }, () => pick(parts)).join("") + "\ndata: end\n\n";
    const pieces = [];
    for (let at = 0; at < text.length; ) {
      const to = at + Math.floor(Math.random() * 6);
      pieces.push(text.slice(at, to));
      at = to;
    }
    assert.deepEqual(all(...pieces), all(text), JSON.stringify(pieces));
  }
});

test("a retry behind the last frame is a farewell, one before a frame is not", () => {
  const reader = new FrameReader();
  reader.feed("retry: 2000\nid: 1\ndata: x\n\n");
  assert.equal(reader.farewellMs, null);
  reader.feed("retry: nonsense\nretry: -1\nretry: 1500\n");
  assert.equal(reader.farewellMs, 1500);
});
