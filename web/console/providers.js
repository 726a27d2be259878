// @ts-check
/** The vendors as pills. A state has a shape and a word, so that no colour is needed to read it. */
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";
import { useResource } from "./resource.js";

const EVERY_MS = 5000;
const SHAPES = { ready: "●", trying: "◐", paused: "◆", open: "▲", "no key": "○", off: "○", loading: "◌" };

/** @param {{ fresh: any }} props */
export function Providers({ fresh }) {
  const { data } = useResource("api/providers", [fresh, useBeat()]);
  const items = data?.items ?? [];
  return html`<ul class="providers" aria-label="Model providers">
    ${items.map((provider) => {
      const { state, why } = stateOf(provider);
      return html`<li key=${provider.provider} class=${`pill is-${state.replace(" ", "-")}`} title=${why}>
        <span class="shape" aria-hidden="true">${SHAPES[state] ?? "●"}</span>
        ${provider.provider} <span class="word">${state}</span></li>`;
    })}
  </ul>`;
}

/** A beat while the page is looked at. */
function useBeat() {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setBeat((n) => n + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return beat;
}

function stateOf({ configured, candidate, missing, state, gate, models }) {
  if (!configured) return { state: missing?.includes("off") ? "off" : "no key", why: `Set ${missing}` };
  if (!candidate) return { state: "off", why: "Not in LEADSTREAM_PROVIDERS" };
  if (gate?.state && gate.state !== "clear") return { state: "paused", why: gate.why };
  const open = models.find(({ breaker }) => breaker.state === "open");
  if (open && models.every(({ breaker }) => breaker.state === "open")) {
    return { state: "open", why: `${open.model}: ${open.breaker.why}` };
  }
  const trying = open ?? models.find(({ breaker }) => breaker.state !== "closed");
  if (trying) return { state: "trying", why: `${trying.model}: ${trying.breaker.why}` };
  if (state && !/ready|open/.test(state)) return { state, why: "" };
  return { state: "ready", why: models.map(({ model }) => model).join(", ") };
}
