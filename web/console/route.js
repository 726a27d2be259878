// @ts-check
/** Who answers and why: the router's decision, shown before the first word. */
import { html } from "./html.js";
import { money, seconds } from "./words.js";

/** @param {{ route: any }} props */
export function Route({ route }) {
  if (!route) return null;
  const { provider, model, reason, considered = [], estimated_latency_ms, estimated_cost_usd } = route;
  return html`<details class="route">
    <summary><b>${provider}</b> ${model} <span class="why">${reason}</span></summary>
    <p class="small">Estimated: ${seconds(estimated_latency_ms)}, ${money(estimated_cost_usd)}.</p>
    <table><thead><tr><th scope="col">Candidate</th><th scope="col">Verdict</th><th scope="col">Why</th></tr></thead>
      <tbody>${considered.map((one) => html`<tr key=${one.provider + one.model}>
        <th scope="row">${one.provider} <small>${one.model}</small></th><td>${one.verdict}</td><td>${one.why}</td></tr>`)}
      </tbody></table>
  </details>`;
}
