import type { Actions, Options, Snapshot } from "./agent-stream.js";

export * from "./agent-stream.js";

export interface HookOptions extends Options {
  /** Start, or join `streamId`, when the component is there. */
  autoStart?: boolean;
}

/** Unmounting disconnects and leaves the agent at work; `stop()` ends it. */
export function useAgentStream(options: HookOptions): Snapshot & Actions;
