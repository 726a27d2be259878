// @ts-check
/** One lead: who it is, and what it has written, with the words marked that an agent relies on. */
import { html } from "./html.js";
import { useResource } from "./resource.js";
import { label, nameOf, roleOf } from "./words.js";

const SHOWN = ["industry", "employee_count", "city", "country", "source"];

export const useLead = (leadId, fresh = []) =>
  useResource(leadId ? `api/leads/${encodeURIComponent(leadId)}` : null, fresh).data;

/** @param {{ leadId: string | null, fresh: any }} props */
export function LeadHead({ leadId, fresh }) {
  const lead = useLead(leadId, [fresh]);
  if (!lead) return html`<div class="lead-head"></div>`;
  const known = SHOWN.filter((name) => lead[name] != null && lead[name] !== "");
  return html`<div class="lead-head">
    <h1 dir="auto">${nameOf(lead)}</h1>
    <p class="role" dir="auto">${roleOf(lead)}</p>
    <dl class="facts">${known.map((name) => html`<div key=${name}>
      <dt>${label(name)}</dt><dd dir="auto">${String(lead[name]).replace(/_/g, " ")}</dd></div>`)}</dl>
  </div>`;
}

/** @param {{ leadId: string | null, quotes: string[] }} props */
export function Record({ leadId, quotes }) {
  const lead = useLead(leadId);
  const texts = lead ? [
    ...(lead.notes ? [{ who: "Notes", text: lead.notes }] : []),
    ...(lead.messages ?? []).map(({ role, text }) => ({ who: role === "lead" ? nameOf(lead) : "Us", text })),
  ] : [];
  if (!texts.length) return null;
  return html`<section class="record" aria-label="In their own words">
    <h3>In their own words</h3>
    ${texts.map(({ who, text }, nth) => html`<figure key=${nth}>
      <figcaption>${who}</figcaption><blockquote dir="auto">${marked(text, quotes)}</blockquote></figure>`)}
  </section>`;
}

/** `text` with every quote that stands in it marked. */
function marked(text, quotes) {
  const found = quotes.filter((quote) => quote && text.includes(quote)).sort((a, b) => b.length - a.length);
  if (!found.length) return text;
  const any = new RegExp(`(${found.map((q) => q.replace(/[.*+?^${"$"}{}()|[\]\\]/g, "\\$&")).join("|")})`);
  return text.split(any).map((part, nth) => (nth % 2 ? html`<mark>${part}</mark>` : part));
}

/** Every quote in a result, wherever it stands. */
export function quotesIn(value) {
  if (!value || typeof value !== "object") return [];
  const own = typeof value.quote === "string" ? [value.quote] : [];
  return own.concat(Object.values(value).flatMap(quotesIn));
}
