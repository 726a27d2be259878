// @ts-check
/** Something of the server's, read again whenever `fresh` changes. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "./server.js";

/**
 * @param {string | null} path  null reads nothing
 * @param {any[]} fresh
 * @returns {{ data: any, problem: any }} the last good answer stays while it is read again
 */
export function useResource(path, fresh = []) {
  const [found, setFound] = useState({ path, data: /** @type {any} */ (null), problem: null });
  useEffect(() => {
    if (path === null) return;
    let left = false;
    const keep = (news) => left || setFound((before) => ({
      path, data: before.path === path ? before.data : null, problem: null, ...news,
    }));
    ask(path).then((data) => keep({ data }), (problem) => keep({ problem }));
    return () => {
      left = true;
    };
  }, [path, ...fresh]);
  return found.path === path ? found : { data: null, problem: null };
}
