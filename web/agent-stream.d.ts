/** What a stream says, and what one has of it. See docs/in-the-browser.md. */

export type Status =
  | "idle" | "connecting" | "streaming" | "reconnecting" | "done" | "stopped" | "error";

export interface RouteEvent {
  type: "route";
  provider: string;
  model: string;
  task_type: string;
  reason: string;
  estimated_cost_usd: number | null;
  estimated_latency_ms: number | null;
  considered: { provider: string; model: string; verdict: string; why: string }[];
  step?: string;
}

/** The receipt: what the work has cost so far, all attempts together. */
export interface Metadata {
  provider: string | null;
  model: string | null;
  task_type: string;
  input_tokens: number;
  output_tokens: number;
  total_cost_usd: number | null;
  latency_ms: number;
  ttft_ms: number | null;
  tokens_per_second: number | null;
  finish_reason: string | null;
  usage_source: "reported" | "estimated" | "mixed";
  attempts: object[];
  [more: string]: unknown;
}

export interface Failure {
  code: string;
  message: string;
  /** An HTTP status; 0 where no answer came. */
  status: number;
  title?: string;
  retryable: boolean;
}

export interface Warning {
  type: "warning";
  code: string;
  detail: string;
}

export type AgentEvent =
  | { type: "start"; stream_id: string; execution_id?: string; agent_type?: string; lead_id?: string | null; workflow_id?: string }
  | RouteEvent
  | { type: "token"; content: string; field?: string; step?: string }
  | { type: "field"; name: string; value: unknown; step?: string }
  | (Warning & { step?: string })
  | { type: "reset"; reason: "failover" | "recovered" | "rewind"; provider?: string | null; step?: string }
  | { type: "step"; step: string; state: StepState; why?: string | null; metadata?: Metadata | null; result?: unknown }
  | { type: "complete"; metadata: Metadata; result: unknown }
  | { type: "error"; error: Failure; metadata: Metadata | null }
  | { type: "stopped"; reason: string; metadata: Metadata };

export type StepState = "started" | "done" | "failed" | "skipped";

/** What has been shown, of the whole or of a workflow's step. A `reset` empties it. */
export interface Shown {
  /** All words; each field's prose is a paragraph. */
  text: string;
  /** The field that the last words belong to. */
  field: string | null;
  /** The result as far as it is finished, its prose as far as it is said. */
  fields: Record<string, any>;
  route: RouteEvent | null;
  warnings: Warning[];
}

export interface Step extends Shown {
  state: StepState;
  why: string | null;
  metadata: Metadata | null;
  result: any;
}

export interface Snapshot extends Shown {
  status: Status;
  steps: Record<string, Step>;
  result: any;
  metadata: Metadata | null;
  /** Why it ended, why it waits, or null. */
  error: Failure | null;
  /** Why it was stopped. */
  reason: string | null;
  /** How many connections in a row have failed. */
  attempt: number;
  /** When the next connection is tried, as `Date.now()` has it. */
  retryAt: number | null;
  stopping: boolean;
  streamId: string | null;
  executionId: string | null;
  agent: string | null;
  workflow: string | null;
  leadId: string | null;
  startedAt: number | null;
  firstTokenAt: number | null;
  tokens: number;
}

export interface Options {
  /** One of `agent`, `workflow`, `streamId`. */
  agent?: string;
  workflow?: string;
  /** Join this stream instead of starting one. */
  streamId?: string | null;
  leadId?: string | number | null;
  input?: Record<string, unknown>;
  /** Whatever a start takes beside its input: `provider`, `max_cost_usd`, `lead`, … */
  options?: Record<string, unknown>;
  /** Where Leadstream is, with a slash at the end. Default: where this module came from. */
  base?: string | URL;
  /** Asked before every request; for `Authorization`. */
  headers?: () => HeadersInit;
  onEvent?(event: AgentEvent): void;
  onFinish?(snapshot: Snapshot): void;
  /** How often in a row a start is tried again. A stream that is there is never given up. */
  retries?: number;
  backoffMs?: number;
  /** So long without a byte, and the connection is dead. */
  silenceMs?: number;
  fetch?: typeof fetch;
  random?: () => number;
}

export interface Actions {
  start(): void;
  /** Ends the agent's work, at the vendor too. */
  stop(): Promise<void>;
  /** After an error: the same stream, or the same start. */
  retry(): void;
  /** Cuts the connection, as a dead network would. */
  drop(): void;
  /** Comes back now instead of after the pause. */
  hurry(): void;
}

export class AgentStream implements Actions {
  constructor(options: Options | (() => Options));
  subscribe(listener: () => void): () => void;
  /** The same object until something has changed. */
  getSnapshot(): Snapshot;
  start(): void;
  stop(): Promise<void>;
  retry(): void;
  drop(): void;
  hurry(): void;
  /** Leaves; the agent goes on. */
  disconnect(): void;
  /** Comes back after `disconnect()`. */
  connect(): void;
}
