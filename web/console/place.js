// @ts-check
/** Where the page is: `#/leads/ID` or `#/streams/ID`. Every stream has an address of its own. */
import { useEffect, useState } from "preact/hooks";

export const leadPath = (id) => `#/leads/${encodeURIComponent(id)}`;
export const streamPath = (id) => `#/streams/${encodeURIComponent(id)}`;

/** @param {string} path  @param {"pushState" | "replaceState"} [how] */
export function go(path, how = "pushState") {
  if (path === location.hash) return;
  history[how](null, "", path);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function here() {
  const [, kind = "", id = ""] = location.hash.split("/");
  return { kind, id: decodeURIComponent(id) };
}

export function usePlace() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = () => setPlace(here());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}
