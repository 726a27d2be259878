// @ts-check
/** The server this page came from: one way to ask it, and the key it may want. */
import { Problem, lost } from "../problem.js";

export const BASE = new URL("../..", import.meta.url).href;

const KEY = "leadstream.key";

/** For this tab only: a key that outlives its tab is a key that somebody finds. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (/** @type {string} */ value) => sessionStorage.setItem(KEY, value),
};

export function headers() {
  const value = key.get();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

/** The JSON that a path answers with. Throws a Problem.
 *  @param {string} path  @param {RequestInit} [init] */
export async function ask(path, init = {}) {
  const answer = await fetch(new URL(path, BASE), { ...init, headers: headers() }).catch((error) => {
    throw lost(error);
  });
  if (!answer.ok) throw await Problem.of(answer);
  return answer.json();
}
