// @ts-check
/** Figures and names as people read them. */

const NAMES = {
  qualification: "Qualify", enrichment: "Enrich", growth: "Find growth", marketing: "Plan campaign",
  bdr: "Prepare meeting", conversation: "Reply",
};

const ITEMS = {
  geo: "Country", metric: "Figures", persona: "Role", bdr: "BDR", email: "E-mail", employee_count: "Employees",
  llm: "By a model", rules_only: "By rules alone", ttft_ms: "First token", kpis: "KPIs",
};

/** What an agent does, as a verb. */
export const verb = (agent) => NAMES[agent] ?? label(agent ?? "");

/** `questions_to_ask` as `Questions to ask`. */
export function label(name) {
  if (Object.hasOwn(ITEMS, name)) return ITEMS[name];
  const words = String(name).replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function money(usd) {
  if (usd == null) return "unknown";
  if (usd === 0) return "$0";
  return usd < 0.01 ? `$${Number(usd.toPrecision(2))}` : `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
}

export function seconds(ms) {
  if (ms == null) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function ago(time, now = Date.now()) {
  const s = Math.max(0, (now - Date.parse(time)) / 1000);
  const [count, unit] = s < 60 ? [0, ""] : s < 3600 ? [s / 60, "min"] : s < 86400 ? [s / 3600, "h"] : [s / 86400, "d"];
  return unit ? `${Math.floor(count)} ${unit} ago` : "just now";
}

export function nameOf(lead) {
  const name = [lead.first_name, lead.last_name].filter(Boolean).join(" ");
  return name || lead.company_name || lead.email || lead.domain || lead.lead_id;
}

/** Who somebody is, in a line. */
export function roleOf(lead) {
  const parts = [lead.title, nameOf(lead) === lead.company_name ? null : lead.company_name];
  return parts.filter(Boolean).join(" · ") || lead.industry || label(lead.source ?? "nothing known yet");
}
