// The store against a server that fails as told: one answer after the other, over real sockets.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { afterEach, test } from "node:test";

import { AgentStream } from "../../web/agent-stream.js";

const open = new Set();
afterEach(() => {
  for (const close of open) close();
  open.clear();
});

const frame = (id, event) => `${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(event)}\n\n`;
const START = frame(1, { type: "start", stream_id: "st_1", execution_id: "ex_1", agent_type: "conversation" });
const token = (id, content) => frame(id, { type: "token", content });
const complete = (id) => frame(id, { type: "complete", metadata: { output_tokens: 2 }, result: null });

const sse = (...parts) => (request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "x-stream-id": "st_1" });
  response.end(parts.join(""));
};
const held = (...parts) => (request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "x-stream-id": "st_1" });
  response.write(`: ping\n${parts.join("")}`);
};
const cut = (...parts) => (request, response) => {
  held(...parts)(request, response);
  setTimeout(() => response.destroy(), 20);
};
const problem = (status, body = {}, headers = {}) => (request, response) => {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers });
  response.end(JSON.stringify(body));
};

/** A stream on a server that gives these answers in turn; `requests` is what it was asked. */
async function against(answers, options = {}) {
  const requests = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      const { method, url, headers } = request;
      requests.push({ method, url, body, after: headers["last-event-id"], key: headers["idempotency-key"], headers });
      const answer = url.startsWith("/api/stream/stop/") ? options.stopped ?? problem(200) : answers.shift();
      (answer ?? ((_, response) => response.destroy()))(request, response);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stream = new AgentStream({
    base: `http://127.0.0.1:${server.address().port}/`, agent: "conversation",
    input: { message: "Hi" }, backoffMs: 5, ...options,
  });
  open.add(() => {
    stream.disconnect();
    server.closeAllConnections();
    server.close();
  });
  return { stream, requests, server };
}

function until(stream, condition) {
  return new Promise((resolve, reject) => {
    const bound = setTimeout(() => reject(new Error(JSON.stringify(stream.getSnapshot()))), 5000);
    const look = () => {
      if (!condition(stream.getSnapshot())) return;
      clearTimeout(bound);
      leave();
      resolve(stream.getSnapshot());
    };
    const leave = stream.subscribe(look);
    look();
  });
}
const ended = (stream) => until(stream, ({ status }) => ["done", "stopped", "error"].includes(status));
const paths = (requests) => requests.map(({ method, url }) => `${method} ${url}`);

test("one request starts the agent and brings its words", async () => {
  const { stream, requests } = await against([sse(START, token(2, "Hel"), token(3, "lo"), complete(4))]);
  stream.start();
  const { status, text, metadata, streamId, executionId, tokens } = await ended(stream);
  assert.deepEqual([status, text, streamId, executionId, tokens], ["done", "Hello", "st_1", "ex_1", 2]);
  assert.equal(metadata.output_tokens, 2);
  assert.deepEqual(paths(requests), ["POST /api/agents/conversation/stream"]);
  assert.deepEqual(JSON.parse(requests[0].body), { message: "Hi" });
});

test("a connection that is cut, twice, loses and doubles nothing and starts nothing anew", async () => {
  const { stream, requests } = await against([
    cut(START, token(2, "a"), "id: 3\ndata: {\"type\":"), cut(token(3, "b")), sse(token(4, "c"), complete(5)),
  ]);
  stream.start();
  assert.equal((await ended(stream)).text, "abc");
  assert.deepEqual(paths(requests), ["POST /api/agents/conversation/stream", "GET /api/stream/st_1", "GET /api/stream/st_1"]);
  assert.deepEqual(requests.map(({ after }) => after), [undefined, "2", "3"]);
});

test("events that come again are not shown again", async () => {
  const { stream } = await against([cut(START, token(2, "a")), sse(START, token(2, "a"), token(3, "b"), complete(4))]);
  stream.start();
  assert.equal((await ended(stream)).text, "ab");
});

test("a start that is not answered is sent again with the same key and the same body", async () => {
  const { stream, requests } = await against([null, problem(503), sse(START, complete(2))]);
  stream.start();
  assert.equal((await ended(stream)).status, "done");
  assert.equal(new Set(requests.map(({ key, body }) => key + body)).size, 1);
  assert.equal(requests.length, 3);
});

test("a start that is never answered ends as an error, and retry sends the same start", async () => {
  const { stream, requests } = await against([null, null, sse(START, complete(2))], { retries: 1 });
  stream.start();
  const { status, error } = await ended(stream);
  assert.deepEqual([status, error.code, error.retryable], ["error", "unreachable", true]);
  stream.retry();
  await until(stream, ({ status }) => status === "done");
  assert.equal(new Set(requests.map(({ key }) => key)).size, 1);
});

test("after its end a stream is started anew, with a new key", async () => {
  const { stream, requests } = await against([sse(START, complete(2)), sse(START, token(2, "x"), complete(3))]);
  stream.start();
  await ended(stream);
  stream.start();
  await until(stream, ({ text, status }) => text === "x" && status === "done");
  assert.equal(new Set(requests.map(({ key }) => key)).size, 2);
});

test("a refusal for now is waited out as long as the server says", async () => {
  const { stream } = await against([
    problem(429, { code: "quota-exceeded", detail: "Wait." }, { "retry-after": "1" }), sse(START, complete(2)),
  ]);
  stream.start();
  const waiting = await until(stream, ({ retryAt }) => retryAt);
  assert.deepEqual([waiting.status, waiting.error.message], ["connecting", "Wait."]);
  assert.ok(waiting.retryAt - Date.now() > 500);
  stream.hurry();
  assert.equal((await ended(stream)).error, null);
});

test("stop ends a start that waits", async () => {
  const { stream, requests } = await against([problem(429, {}, { "retry-after": "60" })]);
  stream.start();
  await until(stream, ({ retryAt }) => retryAt);
  await stream.stop();
  assert.equal(stream.getSnapshot().status, "stopped");
  assert.equal(requests.length, 1);
});

test("a refusal for good is told in the server's words and not repeated", async () => {
  const refused = problem(401, { code: "unauthorized", title: "No", detail: "Send a key." });
  const { stream, requests } = await against([refused, sse(START, complete(2))]);
  stream.start();
  const { error } = await ended(stream);
  assert.deepEqual([error.status, error.code, error.message], [401, "unauthorized", "Send a key."]);
  assert.equal(requests.length, 1);
  stream.retry();
  assert.equal((await until(stream, ({ status }) => status === "done")).error, null);
});

test("503 that says itself that trying again cannot help is believed", async () => {
  const { stream, requests } = await against([problem(503, { detail: "Never.", retryable: false })]);
  stream.start();
  assert.equal((await ended(stream)).error.message, "Never.");
  assert.equal(requests.length, 1);
});

test("stop asks the server, and what was said until then stays with its receipt", async () => {
  let following;
  const { stream, requests } = await against([
    (request, response) => held(START, token(2, "a"))(request, (following = response)),
  ], {
    stopped: (request, response) => {
      following.end(token(3, "b") + frame(4, { type: "stopped", reason: "requested", metadata: { output_tokens: 2 } }));
      response.end("{}");
    },
  });
  stream.start();
  await until(stream, ({ text }) => text === "a");
  await stream.stop();
  const { status, text, reason, metadata } = await ended(stream);
  assert.deepEqual([status, text, reason, metadata.output_tokens], ["stopped", "ab", "requested", 2]);
  assert.equal(requests.at(-1).url, "/api/stream/stop/st_1");
});

test("a stop that does not get through is asked again with the next connection", async () => {
  let stops = 0;
  const { stream } = await against([
    held(START, token(2, "a")), (request, response) => (following = response, held()(request, response)),
  ], {
    stopped: (request, response) => {
      stops += 1;
      if (stops === 1) return response.destroy();
      following.end(frame(3, { type: "stopped", reason: "requested", metadata: {} }));
      response.end("{}");
    },
  });
  let following;
  stream.start();
  await until(stream, ({ text }) => text === "a");
  stream.stop();
  assert.equal((await ended(stream)).status, "stopped");
  assert.equal(stops, 2);
});

test("silence is a dead connection", async () => {
  const { stream, requests } = await against([held(START, token(2, "a")), sse(token(3, "b"), complete(4))], { silenceMs: 60 });
  stream.start();
  assert.equal((await ended(stream)).text, "ab");
  assert.equal(requests.length, 2);
});

test("heartbeats are no silence", async () => {
  const { stream, requests } = await against([(request, response) => {
    held(START)(request, response);
    let beats = 0;
    const heart = setInterval(() => {
      response.write(": ping\n");
      if ((beats += 1) < 12) return;
      clearInterval(heart);
      response.end(complete(2));
    }, 25);
  }], { silenceMs: 200 });
  stream.start();
  assert.equal((await ended(stream)).status, "done");
  assert.equal(requests.length, 1);
});

test("leaving stops nothing, and coming back goes on behind what was read", async () => {
  const { stream, requests } = await against([held(START, token(2, "a")), sse(token(3, "b"), complete(4))]);
  stream.start();
  await until(stream, ({ text }) => text === "a");
  stream.disconnect();
  assert.equal((await until(stream, ({ status }) => status === "idle")).text, "a");
  stream.connect();
  assert.equal((await ended(stream)).text, "ab");
  assert.deepEqual(paths(requests).slice(1), ["GET /api/stream/st_1"]);
});

test("a stream that is joined is read from its beginning and not started", async () => {
  const { stream, requests } = await against([sse(START, token(2, "old"), complete(3))], { streamId: "st_1" });
  stream.start();
  assert.equal((await ended(stream)).text, "old");
  assert.deepEqual(paths(requests), ["GET /api/stream/st_1"]);
});

test("a reset clears what was shown, and a rewind lets the same ids come again", async () => {
  const { stream } = await against([sse(
    START, token(2, "wrong"), frame(3, { type: "reset", reason: "failover" }), token(4, "new"),
    frame(0, { type: "reset", reason: "rewind" }), START, token(2, "whole"), complete(3),
  )]);
  stream.start();
  assert.equal((await ended(stream)).text, "whole");
});

test("a server that leaves says for how long", async () => {
  const { stream } = await against([sse(START, token(2, "a"), "retry: 60000\n"), sse(complete(3))]);
  stream.start();
  const waiting = await until(stream, ({ retryAt }) => retryAt);
  assert.equal(waiting.status, "reconnecting");
  assert.ok(waiting.retryAt - Date.now() > 50_000);
  stream.hurry();
  assert.equal((await ended(stream)).status, "done");
});

test("a workflow is started, then followed", async () => {
  const { stream, requests } = await against([
    problem(201, { stream_id: "st_1" }), sse(START, complete(2)),
  ], { agent: undefined, workflow: "new_lead", leadId: "lead_1", options: { max_cost_usd: 1 } });
  stream.start();
  assert.equal((await ended(stream)).status, "done");
  assert.deepEqual(paths(requests), ["POST /api/workflows/start/lead_1", "GET /api/stream/st_1"]);
  assert.deepEqual(JSON.parse(requests[0].body), { workflow: "new_lead", input: { message: "Hi" }, max_cost_usd: 1 });
});

test("headers are asked anew for each connection", async () => {
  let asked = 0;
  const { stream, requests } = await against([cut(START), sse(complete(2))], {
    headers: () => ({ Authorization: `Bearer ${(asked += 1)}` }),
  });
  stream.start();
  await ended(stream);
  assert.deepEqual(requests.map(({ headers }) => headers.authorization), ["Bearer 1", "Bearer 2"]);
});

test("a snapshot is the same object until something is told, and a burst is told as one", async () => {
  const words = Array.from({ length: 500 }, (_, n) => token(n + 2, "x"));
  const { stream } = await against([sse(START, ...words, complete(502))]);
  let told = 0;
  stream.subscribe(() => (told += 1));
  stream.start();
  assert.equal(stream.getSnapshot(), stream.getSnapshot());
  assert.equal((await ended(stream)).text.length, 500);
  assert.ok(told < 20, `told ${told} times`);
});

test("a second start while one is at work starts nothing", async () => {
  const { stream, requests } = await against([held(START, token(2, "a"))]);
  stream.start();
  stream.start();
  await until(stream, ({ text }) => text === "a");
  stream.start();
  assert.equal(requests.length, 1);
});

test("every event is told, and the end once", async () => {
  const told = [];
  const { stream } = await against([sse(START, token(2, "a"), complete(3))], {
    onEvent: (event) => told.push(event.type), onFinish: ({ status }) => told.push(status),
  });
  stream.start();
  await ended(stream);
  assert.deepEqual(told, ["start", "token", "complete", "done"]);
});
