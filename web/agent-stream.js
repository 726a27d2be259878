// @ts-check
/**
 * One agent's (or workflow's) work as a store: `subscribe`, `getSnapshot`, and what one can do.
 *
 * The stream is a numbered log on the server, so a connection is nothing to hold on to: whatever
 * cuts it, the next one begins behind the last event that was read. Disconnecting leaves the agent
 * at work; only `stop()` ends it.
 */
import { EMPTY, fold, hasBegun } from "./answer.js";
import { Follower } from "./follower.js";
import { Store } from "./store.js";

const BUSY = new Set(["connecting", "streaming", "reconnecting"]);
const END = { complete: "done", stopped: "stopped", error: "error" };
const CALM = { error: null, attempt: 0, retryAt: null };

const IDLE = {
  ...EMPTY, ...CALM, status: "idle", streamId: null, executionId: null, agent: null, workflow: null,
  leadId: null, stopping: false, startedAt: null, firstTokenAt: null, tokens: 0,
};

const DEFAULTS = {
  base: new URL("..", import.meta.url).href, headers: () => ({}), retries: 5, backoffMs: 400,
  silenceMs: 45_000, fetch: (url, init) => fetch(url, init), random: Math.random,
};

export class AgentStream {
  #options;
  #store = new Store(/** @type {any} */ (IDLE));
  #begin = /** @type {any} */ (null);
  #follower = /** @type {Follower | null} */ (null);
  #lastId = 0;
  #ended = false;

  subscribe = this.#store.subscribe;
  getSnapshot = this.#store.getSnapshot;

  /** @param {object | (() => object)} options see agent-stream.d.ts; a function is asked anew. */
  constructor(options) {
    const said = typeof options === "function" ? options : () => options;
    this.#options = () => {
      const given = Object.entries(said()).filter(([, value]) => value !== undefined);
      return /** @type {any} */ ({ ...DEFAULTS, ...Object.fromEntries(given) });
    };
  }

  /** Start, or join the stream `streamId`. One that is at work is left alone. */
  start = () => {
    if (BUSY.has(this.#now.status)) return;
    const { streamId = null } = this.#options();
    this.#begin = streamId ? null : this.#request();
    this.#lastId = 0;
    this.#ended = false;
    this.#store.set({ ...IDLE, streamId, startedAt: streamId ? null : Date.now() });
    this.#follow();
  };

  /** Go on after an error: with the same stream where there is one, else with the same start. */
  retry = () => {
    if (BUSY.has(this.#now.status)) return;
    if (this.#ended || !this.#known) this.start();
    else this.#follow();
  };

  /** Take up again what `disconnect()` has left, if anything. */
  connect = () => {
    if (this.#now.status === "idle" && this.#known && !this.#ended) this.#follow();
  };

  /** Leave. The agent goes on, and may be joined again. */
  disconnect = () => {
    if (!this.#follower) return;
    this.#leave();
    this.#store.set({ status: "idle" });
  };

  /** Cut the connection as a dead network would: the stream comes back by itself. */
  drop = () => this.#follower?.drop();

  /** Come back now instead of after the pause. */
  hurry = () => this.#follower?.hurry();

  /** End the agent's work. Its last event, with the receipt, comes on the stream. */
  stop = async () => {
    if (!BUSY.has(this.#now.status)) return;
    this.#store.set({ stopping: true });
    if (this.#now.streamId) await this.#askToStop();
    else if (this.#now.retryAt) this.#end({ status: "stopped" });
  };

  get #now() {
    return this.#store.state;
  }

  get #known() {
    return this.#begin || this.#now.streamId;
  }

  /** The start as it is sent, again and again with the same key: only one comes of it. */
  #request() {
    const { agent, workflow, leadId, input, options, base } = this.#options();
    const lead = leadId == null ? {} : { lead_id: String(leadId) };
    const [path, body] = workflow
      ? [`api/workflows/start/${encodeURIComponent(leadId)}`, { workflow, input, ...options }]
      : [`api/agents/${encodeURIComponent(agent)}/stream`, { ...input, ...options, ...lead }];
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key() };
    return { url: new URL(path, base), init: { method: "POST", headers, body: JSON.stringify(body) } };
  }

  #ask() {
    if (!this.#now.streamId) return { ...this.#begin, attempts: this.#options().retries };
    const headers = this.#lastId ? { "Last-Event-ID": String(this.#lastId) } : {};
    return { url: this.#url("api/stream/"), init: { headers }, attempts: Infinity };
  }

  #url(path) {
    return new URL(path + encodeURIComponent(this.#now.streamId), this.#options().base);
  }

  async #follow() {
    const follower = new Follower(this.#options());
    this.#follower = follower;
    this.#store.set({ ...CALM, status: phase(this.#now) });
    try {
      for await (const news of follower.follow(() => this.#ask())) {
        if (this.#follower === follower) this.#hear(news);
        if (this.#follower !== follower) return;
      }
    } catch (problem) {
      if (this.#follower === follower) this.#end({ status: "error", error: problem.told() });
    }
  }

  #hear({ streamId, frames, problem, attempt, waitMs, over }) {
    if (frames) frames.forEach((frame) => this.#take(Number(frame.id), JSON.parse(frame.data)));
    else if (over) this.#close({ status: "done" });
    else if (!problem) this.#connected(streamId);
    else if (this.#now.stopping && !this.#now.streamId) this.#end({ status: "stopped" });
    else {
      const status = this.#now.streamId ? "reconnecting" : "connecting";
      this.#store.set({ status, attempt, retryAt: Date.now() + waitMs, error: problem.told() });
    }
  }

  #connected(streamId) {
    this.#store.set({ streamId: streamId ?? this.#now.streamId, ...CALM, status: phase(this.#now) });
    if (this.#now.stopping) this.#askToStop();
  }

  #take(id, event) {
    const rewind = event.type === "reset" && event.reason === "rewind";
    if (this.#ended || (id <= this.#lastId && !rewind)) return;
    this.#lastId = rewind ? 0 : id;
    const answer = { ...fold(this.#now, event), ...CALM, ...noted(this.#now, event) };
    this.#store.set({ ...answer, status: phase(answer) });
    report(this.#options().onEvent, event);
    if (Object.hasOwn(END, event.type)) {
      this.#close({ status: END[event.type], error: event.error ?? null });
    }
  }

  async #askToStop() {
    const { fetch, headers } = this.#options();
    const asked = { method: "POST", headers: headers(), keepalive: true };
    const answer = await fetch(this.#url("api/stream/stop/"), asked).catch(() => null);
    if (!answer?.ok) this.drop(); // it is asked again on the next connection
  }

  #close(state) {
    this.#ended = true;
    this.#end(state);
  }

  #end(state) {
    this.#leave();
    this.#store.set({ ...state, stopping: false, retryAt: null });
    this.#store.flush();
    report(this.#options().onFinish, this.getSnapshot());
  }

  #leave() {
    this.#follower?.leave();
    this.#follower = null;
  }
}

/** What an event says beside the answer: who works for whom, and when the words came. */
function noted({ firstTokenAt, tokens }, event) {
  if (event.type === "token") return { firstTokenAt: firstTokenAt ?? Date.now(), tokens: tokens + 1 };
  if (event.type !== "start") return {};
  const { stream_id, execution_id = null, agent_type = null, workflow = null, lead_id = null } = event;
  const ids = { streamId: stream_id, executionId: execution_id, leadId: lead_id };
  return { ...ids, agent: agent_type, workflow };
}

function phase(answer) {
  return hasBegun(answer) ? "streaming" : "connecting";
}

/** Not `randomUUID`, which only secure contexts have. */
function key() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
}

/** Somebody else's function: what it throws is reported, and the stream goes on. */
function report(listener, news) {
  try {
    listener?.(news);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}
