// @ts-check
/** What was done: each a link to its stream, which is replayed, or joined while it is written. */
import { html } from "./html.js";
import { streamPath } from "./place.js";
import { useResource } from "./resource.js";
import { ago, label, money, nameOf } from "./words.js";

const SHAPES = { success: "●", failed: "✕", stopped: "■", running: "◐", pending: "◌" };

/** @param {{ fresh: any, leads: any[], now: string | null }} props */
export function History({ fresh, leads, now }) {
  const { data, problem } = useResource("api/executions?limit=60", [fresh, now]);
  const who = new Map(leads.map((lead) => [lead.lead_id, nameOf(lead)]));
  if (problem && !data) return html`<p class="note" role="alert">${problem.message}</p>`;
  if (data && !data.items.length) return html`<p class="note">Nothing was done yet.</p>`;
  return html`<ul class="list">
    ${data?.items.map((one) => html`<li key=${one.execution_id}>
      <a href=${streamPath(one.stream_id)} aria-current=${one.stream_id === now ? "true" : null}>
        <b><span class=${`shape is-${one.status}`} aria-hidden="true">${SHAPES[one.status]}</span>
          ${label(one.agent_type)} <span class="unseen">${one.status}</span></b>
        <span dir="auto">${who.get(one.lead_id) ?? one.lead_id ?? "no lead"}</span>
        <small>${ago(one.created_at)} · ${money(one.total_cost_usd)}</small></a></li>`)}
  </ul>`;
}
