// @ts-check
/** Who may be worked on. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { leadPath } from "./place.js";
import { ask } from "./server.js";
import { nameOf, roleOf } from "./words.js";

/** @param {{ found: any, now: string | null }} props */
export function Leads({ found, now }) {
  const [wanted, setWanted] = useState("");
  const items = (found.data?.items ?? []).filter((lead) => matches(lead, wanted));
  if (found.problem && !found.data) return html`<p class="note" role="alert">${found.problem.message}</p>`;
  return html`
    <label class="search"><span class="unseen">Find a lead</span>
      <input type="search" placeholder="Find a lead" value=${wanted}
        onInput=${(event) => setWanted(event.currentTarget.value)} /></label>
    <ul class="list">
      ${items.map((lead) => html`<li key=${lead.lead_id}>
        <a href=${leadPath(lead.lead_id)} aria-current=${lead.lead_id === now ? "true" : null}>
          <b dir="auto">${nameOf(lead)}</b><span dir="auto">${roleOf(lead)}</span></a></li>`)}
    </ul>`;
}

/** The page before there is any lead. @param {{ onLoaded: () => void }} props */
export function Welcome({ onLoaded }) {
  const [state, setState] = useState({ loading: false, problem: "" });
  const load = () => {
    setState({ loading: true, problem: "" });
    ask("api/leads/demo", { method: "POST" })
      .then(onLoaded, ({ message }) => setState({ loading: false, problem: message }));
  };
  return html`<section class="welcome">
    <h1>Whom shall we talk to?</h1>
    <p>There are no leads yet. Eight invented ones show what the agents do; none of them is a real
      person, and they can be removed like any other.</p>
    <button type="button" class="primary" aria-disabled=${state.loading} onClick=${state.loading ? null : load}>
      Load eight fictional leads</button>
    ${state.problem && html`<p class="note is-bad" role="alert">${state.problem}</p>`}
    <p class="small">Your own: <code>POST api/leads</code>, or a CSV file to <code>POST api/leads/import</code>.</p>
  </section>`;
}

function matches(lead, wanted) {
  const text = [nameOf(lead), lead.title, lead.company_name, lead.email, lead.country].join(" ").toLowerCase();
  return wanted.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
