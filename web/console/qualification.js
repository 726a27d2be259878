// @ts-check
/** A qualification: the score, what it is made of, and the words or fields behind every point. */
import { html } from "./html.js";
import { Words } from "./result.js";
import { label } from "./words.js";

const STATES = {
  positive: ["●", "yes"], partial: ["◐", "partly"], known_negative: ["✕", "no"], unknown: ["○", "unknown"],
};

/** @param {{ fields: any, writing: string | false | null }} props */
export function Qualification({ fields, writing }) {
  const score = fields.score != null ? fields : fields.pre_score;
  const facts = new Map((fields.facts ?? []).map((fact) => [fact.field, fact.value]));
  const { summary, components = [], missing = [], disqualifiers = [], contradictions = [] } = fields;
  return html`<div class="result">
    ${score && html`<${Score} ...${score} final=${fields.score != null} method=${fields.method} />`}
    ${summary && html`<${Words} text=${summary} writing=${writing === "summary"} />`}
    ${disqualifiers.map(({ code, quote }) => html`<p class="note is-bad">${label(code)}: <q dir="auto">${quote}</q></p>`)}
    ${fields.next_action && html`<section class="next"><h3>Next</h3>
      <p><b>${label(fields.next_action.code)}</b> <span class="why">${fields.next_action.why}</span></p></section>`}
    ${components.length > 0 && html`<section class="part"><h3>What it is made of</h3>
      <ul class="components">${components.filter(Boolean).map((one) => html`<${Component} key=${one.name} ...${one} facts=${facts} />`)}</ul></section>`}
    ${missing.length > 0 && html`<section class="part"><h3>Worth asking</h3>
      <ol class="questions">${missing.map(({ item, question, swing_points }) => html`<li key=${item}>
        <span class="tag">+${swing_points}</span> <span dir="auto">${question}</span></li>`)}</ol></section>`}
    ${contradictions.length > 0 && html`<section class="part"><h3>They said two things</h3>
      <ul class="plain">${contradictions.map(({ about, earlier, later }) => html`<li key=${about}>${label(about)}:
        <q dir="auto">${earlier.quote}</q>, later <q dir="auto">${later.quote}</q></li>`)}</ul></section>`}
    ${fields.contact_policy && html`<p class="small">E-mail: <b>${label(fields.contact_policy.email)}</b>. ${fields.contact_policy.why}</p>`}
  </div>`;
}

function Score({ score, score_max, tier, coverage, final, method }) {
  const words = `${score} of 100, ${label(tier)}; at most ${score_max} once all is known`;
  return html`<div class=${`score is-${tier}`}>
    <p class="figure"><b>${score}</b><span>/ 100</span></p>
    <div><p><span class="tier">${label(tier)}</span> ${!final && html`<span class="small">so far</span>`}
        ${method && html`<span class="small">${label(method)}</span>`}</p>
      <svg class="band" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=${words}>
        <rect class="track" width="100" height="6" /><rect class="may" width=${score_max} height="6" />
        <rect class="is" width=${score} height="6" /></svg>
      <p class="small">${score_max > score ? `${coverage} % is known. Up to ${score_max} if everything unknown turns out well.` : "All is known that counts."}</p></div>
  </div>`;
}

function Component({ name, points, max, state, evidence, facts }) {
  const [shape, word] = STATES[state] ?? STATES.unknown;
  return html`<li class=${`is-${state}`}>
    <span class="shape" aria-hidden="true">${shape}</span><b>${label(name)}</b>
    <svg class="bar" viewBox="0 0 12 4" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width=${max} height="4" /><rect class="is" width=${points} height="4" /></svg>
    <span class="points">${points}<small>/${max}</small></span>
    <span class="behind">${behind(evidence, facts) ?? html`<small>${word}</small>`}</span></li>`;
}

function behind(evidence, facts) {
  if (!evidence) return null;
  if (evidence.quote) return html`<q dir="auto">${evidence.quote}</q>`;
  const value = facts.get(evidence.ref) ?? evidence.ref;
  return html`<mark dir="auto">${String(value).replace(/_/g, " ")}</mark>`;
}
