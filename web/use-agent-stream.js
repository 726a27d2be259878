// @ts-check
/**
 * The React hook around AgentStream. One file for React 18 and 19, and for Preact where an import
 * map (or a bundler's alias) says that "react" is preact/compat.
 */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { AgentStream } from "./agent-stream.js";

/** @param {import("./use-agent-stream.d.ts").HookOptions} options */
export function useAgentStream(options) {
  const latest = useRef(options);
  const [stream] = useState(() => new AgentStream(() => latest.current));
  const snapshot = useSyncExternalStore(stream.subscribe, stream.getSnapshot, stream.getSnapshot);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    // StrictMode mounts twice: the first mount's start is called off before it is made.
    const starting = setTimeout(() => {
      stream.connect();
      if (latest.current.autoStart && stream.getSnapshot().status === "idle") stream.start();
    });
    return () => {
      clearTimeout(starting);
      stream.disconnect();
    };
  }, [stream]);
  const { start, stop, retry, drop, hurry } = stream;
  return useMemo(() => ({ ...snapshot, start, stop, retry, drop, hurry }), [snapshot]);
}
