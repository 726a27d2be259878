// @ts-check
/** What it took: measured here while it is written, the server's receipt once it is there. */
import { html } from "./html.js";
import { money, seconds } from "./words.js";

/** @param {{ stream: any }} props */
export function Meters({ stream }) {
  const { metadata, route } = stream;
  const speed = metadata ? metadata.tokens_per_second : speedOf(stream);
  const cost = metadata ? money(metadata.total_cost_usd)
    : route ? `≈ ${money(route.estimated_cost_usd)}` : "–";
  const spoke = !metadata || metadata.attempts?.length > 0;
  return html`<dl class="meters">
    ${spoke && html`
      <${Meter} name="First token" value=${seconds(metadata ? metadata.ttft_ms : firstOf(stream))} />
      <${Meter} name="Tokens a second" value=${speed ? Math.round(speed) : "–"} />`}
    <${Meter} name="Cost" value=${cost} />
    <${Meter} name="In all" value=${seconds(metadata?.latency_ms)} />
  </dl>`;
}

function Meter({ name, value }) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

const firstOf = ({ startedAt, firstTokenAt }) => (startedAt && firstTokenAt ? firstTokenAt - startedAt : null);

function speedOf({ firstTokenAt, tokens }) {
  const s = (Date.now() - firstTokenAt) / 1000;
  return firstTokenAt && s > 0.5 ? tokens / s : null;
}

/** Open where it is asked for: after a Stop, and where more than one attempt was needed.
 *  @param {{ stream: any }} props */
export function Receipt({ stream: { metadata, status } }) {
  if (!metadata?.attempts?.length) return null;
  return html`<details class="receipt" open=${status === "stopped" || metadata.attempts.length > 1}>
    <summary>Receipt: ${metadata.input_tokens} tokens in, ${metadata.output_tokens} out, ${money(metadata.total_cost_usd)}
      ${metadata.usage_source !== "reported" && html` (${metadata.usage_source})`}</summary>
    <table><thead><tr><th scope="col">Attempt</th><th scope="col">Outcome</th><th scope="col">Tokens</th><th scope="col">Time</th><th scope="col">Cost</th></tr></thead>
      <tbody>${metadata.attempts.map((one, nth) => html`<tr key=${nth}>
        <th scope="row">${one.provider} <small>${one.model}</small></th>
        <td>${one.outcome} ${one.error && html`<small>${one.error}</small>`}</td>
        <td>${one.input_tokens} + ${one.output_tokens}</td><td>${seconds(one.ms)}</td><td>${money(one.cost_usd)}</td></tr>`)}
      </tbody></table>
  </details>`;
}
