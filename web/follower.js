// @ts-check
/**
 * Reads one stream through as many connections as it takes.
 *
 * It knows connections and nothing of agents: when to come back, how long to wait, when silence
 * means that nobody is there any more. The server sends a heartbeat every 15 s, so 45 s without a
 * byte are a dead connection that no error will ever report.
 */
import { Problem, lost } from "./problem.js";
import { FrameReader } from "./sse.js";

/**
 * @typedef {{ url: URL | string, init: RequestInit, attempts: number }} Asked
 *   `attempts`: how often in a row it may fail.
 * @typedef {{ streamId: string }} Connected
 * @typedef {{ frames: import("./sse.js").Frame[] }} Read
 * @typedef {{ problem: Problem, attempt: number, waitMs: number }} Lost
 * @typedef {{ over: true }} Over  the server has nothing more
 */

const LONGEST_PAUSE_MS = 5_000;

export class Follower {
  #options;
  #connection = new AbortController();
  #left = false;
  #wake = () => {};

  /** @param {{ fetch: typeof fetch, headers: () => HeadersInit, backoffMs: number,
   *            silenceMs: number, random: () => number }} options */
  constructor(options) {
    this.#options = options;
  }

  /** Cut this connection, as a dead network would. */
  drop = () => this.#connection.abort();

  /** Do not wait any longer. */
  hurry = () => this.#wake();

  /** Cut it for good. */
  leave() {
    this.#left = true;
    this.#connection.abort();
    this.#wake();
  }

  /**
   * What comes, until the consumer has enough. Throws the Problem that trying again cannot help.
   * @param {() => Asked} ask the request of the next connection
   */
  async *follow(ask) {
    for (let attempt = 1; !this.#left; attempt += 1) {
      const asked = ask();
      /** @type {Problem} */
      let problem;
      try {
        const told = yield* this.#connect(asked, () => (attempt = 0));
        if (told) continue;
        problem = lost(null);
      } catch (error) {
        problem = lost(error);
      }
      if (this.#left) return;
      if (!problem.retryable || attempt > asked.attempts) throw problem;
      const waitMs = problem.retryAfterMs ?? this.#backoff(attempt);
      yield { problem, attempt, waitMs };
      await this.#pause(waitMs);
    }
  }

  /** One connection. True where the answer was no stream but told where it is. */
  async *#connect({ url, init }, onNews) {
    this.#connection = new AbortController();
    const { drop } = this;
    let watchdog = setTimeout(drop, this.#options.silenceMs);
    try {
      const answer = await this.#send(url, init);
      if (!answer.ok) throw await Problem.of(answer);
      if (answer.status === 204) return void (yield { over: true });
      const stream = answer.headers.get("content-type")?.startsWith("text/event-stream");
      const streamId = stream ? answer.headers.get("x-stream-id") : (await answer.json()).stream_id;
      if (!stream && !streamId) throw lost(null);
      yield { streamId };
      if (!stream) return true;
      for await (const frames of read(answer, this.#connection.signal)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(drop, this.#options.silenceMs);
        if (!frames.length) continue;
        onNews();
        yield { frames };
      }
    } finally {
      clearTimeout(watchdog);
      this.#connection.abort();
    }
  }

  #send(url, init) {
    const headers = new Headers(this.#options.headers());
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    const { signal } = this.#connection;
    return this.#options.fetch(url, { ...init, headers, signal, cache: "no-store" });
  }

  /** Doubling, and spread: a thousand readers do not come back in the same instant. */
  #backoff(attempt) {
    const most = Math.min(this.#options.backoffMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
    return most * (0.5 + this.#options.random() / 2);
  }

  async #pause(ms) {
    const online = () => this.#wake();
    globalThis.addEventListener?.("online", online);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => (clearTimeout(timer), resolve(undefined));
      if (this.#left) this.#wake();
    });
    globalThis.removeEventListener?.("online", online);
  }
}

/** Frames as they come, [] for a heartbeat. Throws where a server that leaves has said for how
 *  long.  @param {Response} answer  @param {AbortSignal} signal */
async function* read(answer, signal) {
  const frames = new FrameReader();
  const decoder = new TextDecoder();
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  // An abort between the last bytes and the end leaves some readers waiting for ever.
  signal.addEventListener("abort", () => reader.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    yield frames.feed(decoder.decode(value, { stream: true }));
  }
  if (frames.farewellMs === null) return;
  const message = "The server is going down; the next one goes on.";
  throw new Problem({ code: "dismissed", message, retryAfterMs: frames.farewellMs });
}
