// @ts-check
/** A workflow as the list of its steps, each with what it has come to. */
import { html } from "./html.js";
import { useResource } from "./resource.js";
import { Result } from "./result.js";
import { Route } from "./route.js";
import { label, money, seconds } from "./words.js";

const SHAPES = { started: "◐", done: "●", failed: "✕", skipped: "–", waiting: "○" };

/** @param {{ flow: string | null, steps: Record<string, any>, busy: boolean }} props */
export function Steps({ flow, steps, busy }) {
  const known = useResource("api/workflows").data?.items ?? [];
  const shape = known.find(({ workflow }) => workflow === flow)?.steps ?? [];
  const names = new Set([...shape.map((step) => step.step ?? step.name), ...Object.keys(steps)]);
  return html`<ol class="steps">
    ${[...names].map((name) => html`<${Step} key=${name} name=${name} step=${steps[name] ?? {}} busy=${busy} />`)}
  </ol>`;
}

function Step({ name, step, busy }) {
  const { state = "waiting", why, metadata, route, fields = {} } = step;
  const said = Object.keys(fields).length > 0 || step.text;
  const head = html`<span class=${`shape is-${state}`} aria-hidden="true">${SHAPES[state]}</span>
    <b>${label(name)}</b> <span class="word">${state}</span>
    ${fields.score != null && html`<span class="tag">${fields.score} · ${label(fields.tier)}</span>`}
    <span class="small">${metadata ? `${seconds(metadata.latency_ms)} · ${money(metadata.total_cost_usd)}` : ""}</span>
    ${why && html`<span class="why">${why}</span>`}`;
  if (!said) return html`<li class=${`is-${state}`}><div class="step">${head}</div></li>`;
  return html`<li class=${`is-${state}`}>
    <details open=${state === "started"}><summary class="step">${head}</summary>
      <${Route} route=${route} /><${Result} agent=${name} shown=${step} busy=${busy && state === "started"} /></details>
  </li>`;
}
