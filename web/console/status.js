// @ts-check
/** How far an answer is: for the eye in a line, for a screen reader in a few sentences. */
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";
import { label } from "./words.js";

const SHOWN = {
  idle: ["○", "Not started"], connecting: ["◌", "Waiting for the first word"], streaming: ["◐", "Writing"],
  reconnecting: ["↻", "Reconnecting, nothing is lost"], done: ["●", "Done"], stopped: ["■", "Stopped"],
  error: ["✕", "It did not work"],
};
const REASONS = {
  requested: "at your word", abandoned: "nobody followed it any more", budget: "its budget is spent",
  superseded: "a newer message took its place",
};

export const isBusy = ({ status }) => ["connecting", "streaming", "reconnecting"].includes(status);

/** @param {{ stream: any }} props */
export function Status({ stream }) {
  const { status, error, reason, retryAt, retry, hurry, stopping } = stream;
  const [shape, words] = SHOWN[status];
  const left = useCountdown(retryAt);
  const waits = left > 1 ? `, again in ${left} s` : "";
  const why = stopping ? "stopping …" : status === "stopped" ? REASONS[reason] : null;
  return html`<div class=${`status is-${status}`}>
    <span class="shape" aria-hidden="true">${shape}</span>
    <strong>${words}${waits}</strong>
    ${why && html`<span class="why">${why}</span>`}
    ${waits && html`<button type="button" class="quiet" onClick=${hurry}>Try now</button>`}
    ${error && status === "error" && error.retryable && html`<button type="button" class="quiet" onClick=${retry}>Try again</button>`}
    ${error && status !== "reconnecting" && html`<p class="note is-bad" role=${status === "error" ? "alert" : null}>${error.message}</p>`}
  </div>`;
}

/** A word at the beginning, at the end and at what happens between: never a token.
 *  @param {{ stream: any, doer: string | null }} props */
export function Announcer({ stream, doer }) {
  const { status, fields, reason, retryAt } = stream;
  const who = label(doer ?? "the agent");
  const score = fields.score != null ? ` Score ${fields.score}, ${fields.tier}.` : "";
  const words = {
    idle: "", connecting: retryAt ? "Waiting." : "Connecting.", streaming: `${who} is writing.`,
    reconnecting: "Reconnecting, nothing is lost.", done: `${who} is done.${score}`,
    stopped: `Stopped${REASONS[reason] ? `: ${REASONS[reason]}` : ""}.`, error: "",
  };
  return html`<p role="status" class="unseen">${words[status]}</p>`;
}

/** Seconds until `time`, counted down; 0 when it has come or there is none. */
function useCountdown(time) {
  const left = () => (time ? Math.max(0, Math.ceil((time - Date.now()) / 1000)) : 0);
  const [, tick] = useState(0);
  useEffect(() => {
    if (!time) return;
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [time]);
  return left();
}
