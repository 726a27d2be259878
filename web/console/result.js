// @ts-check
/**
 * A structured result as it completes. An agent may have a view of its own; every other result is
 * shown by its shape, in the order of its fields, so that a new agent needs nothing here.
 */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { html } from "./html.js";
import { Markdown } from "./markdown.js";
import { Qualification } from "./qualification.js";
import { label } from "./words.js";

const ORDER = {
  growth: ["headline", "insights", "timing_signals", "risks", "questions_to_ask", "data_gaps"],
  marketing: ["recommendation", "reason", "compliance", "brief", "ideas", "sequence"],
  bdr: ["opening", "situation", "discovery", "demo_steps", "skip", "objections", "close", "follow_up_draft"],
};
const UNSHOWN = new Set(["facts", "made_with", "warnings", "method", "conversation_id", "claims_used", "missing"]);
const TITLES = ["question", "observation", "signal", "subject", "show", "trigger", "idea", "text", "value"];
const BRIEF = 40;

/** What evidence names by its number. */
const Facts = createContext(/** @type {Map<string, any>} */ (new Map()));

/** @param {{ agent: string | null, shown: any, busy: boolean }} props */
export function Result({ agent, shown, busy }) {
  const { fields, text, field } = shown;
  if (agent === "qualification") return html`<${Qualification} fields=${fields} writing=${busy && field} />`;
  const inFields = Object.values(fields).some((value) => typeof value === "string" && value && text.includes(value));
  const names = (ORDER[agent ?? ""] ?? Object.keys(fields).filter((name) => !UNSHOWN.has(name)))
    .filter((name) => isThere(fields[name]));
  const brief = names.filter((name) => isBrief(fields[name]) && field !== name);
  const facts = new Map((fields.facts ?? []).map((fact) => [fact.id, fact]));
  return html`<${Facts.Provider} value=${facts}><div class="result">
    ${!inFields && (text || busy) && html`<${Words} text=${text} writing=${busy} />`}
    ${brief.length > 0 && html`<dl class="brief">${brief.map((name) => html`<${Entry} key=${name} name=${name} value=${fields[name]} />`)}</dl>`}
    ${names.filter((name) => !brief.includes(name)).map((name) => html`<section key=${name} class=${`part is-${name}`}>
      <h3>${label(name)}</h3>
      <${Value} value=${fields[name]} writing=${busy && field === name} /></section>`)}
  </div><//>`;
}

/** Words as they come are plain; a finished text is set.
 *  @param {{ text: string, writing: boolean }} props */
export function Words({ text, writing }) {
  return html`<div class=${`words ${writing ? "is-writing" : ""}`} role="region" aria-label="Text" tabindex="0" dir="auto">
    ${writing ? text : html`<${Markdown} text=${text} />`}</div>`;
}

function Value({ value, writing = false }) {
  if (isBrief(value)) return html`<span dir="auto">${said(value)}</span>`;
  if (typeof value === "string") return html`<${Words} text=${value} writing=${writing} />`;
  if (Array.isArray(value)) {
    return html`<ul class=${value.some((one) => typeof one === "object") ? "cards" : "plain"}>
      ${value.filter(isThere).map((one, nth) => html`<li key=${nth}><${Value} value=${one} /></li>`)}</ul>`;
  }
  return "ref" in value && "quote" in value ? html`<${Evidence} found=${value} />` : html`<${Card} value=${value} />`;
}

function Card({ value }) {
  const title = TITLES.find((name) => typeof value[name] === "string");
  const { minute_from, minute_to, day, ...rest } = value;
  const when = minute_to != null ? `${minute_from}–${minute_to} min` : day != null ? `Day ${day}` : null;
  const names = Object.keys(rest).filter((name) => name !== title && isThere(rest[name]) && !repeats(rest[name], value[title ?? ""]));
  return html`
    ${when && html`<span class="tag">${when}</span>`}
    ${title && html`<h4 dir="auto">${value[title]}</h4>`}
    ${names.length > 0 && html`<dl>${names.map((name) => html`<${Entry} key=${name} name=${name} value=${rest[name]} />`)}</dl>`}`;
}

function Entry({ name, value }) {
  return html`<div><dt>${label(name)}</dt><dd><${Value} value=${value} /></dd></div>`;
}

function Evidence({ found: { ref, quote } }) {
  const fact = useContext(Facts).get(ref);
  if (quote) return html`<q dir="auto">${quote}</q> <small>${label(ref)}</small>`;
  return html`<span class="tag">${fact ? `${label(fact.field)}: ${fact.value}` : label(ref)}</span>`;
}

const isThere = (value) => value != null && value !== "" && !(Array.isArray(value) && !value.length);
const isBrief = (value) => (typeof value === "string" ? value.length <= BRIEF && !/\s.*[.!?]$/.test(value) : typeof value !== "object");
const repeats = (value, title) => Array.isArray(value) && value.length > 0 && value.every((one) => one?.quote && one.quote === title);

function said(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return /^[a-z]+(_[a-z]+)+$/.test(value) ? label(value) : String(value);
}
