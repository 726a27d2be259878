// @ts-check
/** What is to be done with a lead: which agent or workflow, with what input. One button starts it. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { Inputs, filled, missingOf } from "./inputs.js";
import { useResource } from "./resource.js";
import { label, verb } from "./words.js";

const ORDER = ["qualification", "enrichment", "growth", "marketing", "bdr", "conversation"];
const rank = ({ name }) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

/** @param {{ leadId: string | null, busy: boolean, onStart: (what: object) => void }} props */
export function Composer({ leadId, busy, onStart }) {
  const choices = useChoices();
  const [name, setName] = useState("qualification");
  const [said, setSaid] = useState(/** @type {Record<string, any>} */ ({}));
  const choice = choices.find((one) => one.name === name) ?? choices[0];
  if (!choice || (!leadId && choice.needsLead)) return null;
  const values = said[choice.name] ?? {};
  const missing = missingOf(choice.input, values);
  const start = (event) => {
    event.preventDefault();
    const { provider, ...input } = filled(choice.input, values);
    const options = provider ? { provider } : {};
    const what = choice.workflow ? { workflow: choice.name } : { agent: choice.name };
    if (!busy && !missing.length) onStart({ ...what, leadId, input, options });
  };
  return html`<form class="composer" onSubmit=${start} aria-label="What is to be done">
    <fieldset class="choices">
      <legend class="unseen">Agent or workflow</legend>
      ${choices.map((one) => html`<label key=${one.name} class=${one.workflow ? "is-workflow" : ""}>
        <input type="radio" name="agent" value=${one.name} checked=${one === choice}
          onChange=${() => setName(one.name)} /><span>${label(one.name)}</span></label>`)}
    </fieldset>
    <p class="about">${choice.about}</p>
    <${Inputs} schema=${choice.input} values=${values}
      onChange=${(news) => setSaid({ ...said, [choice.name]: { ...values, ...news } })} />
    <button class="primary" aria-disabled=${busy || missing.length > 0}>
      ${choice.workflow ? "Start the workflow" : verb(choice.name)}</button>
  </form>`;
}

function useChoices() {
  const agents = useResource("api/agents").data?.items ?? [];
  const workflows = useResource("api/workflows").data?.items ?? [];
  return [
    ...agents.map((agent) => ({
      name: agent.agent_type, about: agent.description, input: agent.input, needsLead: agent.needs_lead,
    })).sort((a, b) => rank(a) - rank(b)),
    ...workflows.map(({ workflow, about }) => ({
      name: workflow, about, input: {}, needsLead: true, workflow: true,
    })),
  ];
}
