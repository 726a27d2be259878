// @ts-check
/** The controls of an agent's input, made from its JSON Schema: what is required stands open. */
import { html } from "./html.js";
import { useResource } from "./resource.js";
import { label } from "./words.js";

/** @param {{ schema: any, values: any, onChange: (news: object) => void }} props */
export function Inputs({ schema, values, onChange }) {
  const fields = controls(schema);
  const required = fields.filter((field) => field.required);
  const rest = fields.filter((field) => !field.required);
  const show = (field) => html`<${Control} key=${field.name} field=${field}
    value=${values[field.name] ?? field.initial} onChange=${(value) => onChange({ [field.name]: value })} />`;
  return html`
    ${required.map(show)}
    <details class="options"><summary>Options</summary>
      <div class="grid">${rest.map(show)}
        <${Provider} value=${values.provider ?? ""} onChange=${(provider) => onChange({ provider })} /></div>
    </details>`;
}

function Control({ field, value, onChange }) {
  const { name, kind, choices, long } = field;
  const input = { id: `input-${name}`, name };
  const typed = (event) => onChange(event.currentTarget.value);
  return html`<div class=${`control is-${long ? "long" : kind}`}>
    <label for=${input.id}>${label(name)}</label>
    ${kind === "boolean" ? html`<input ...${input} type="checkbox" checked=${value} onChange=${(event) => onChange(event.currentTarget.checked)} />`
      : choices ? html`<select ...${input} value=${value} onChange=${typed}>${choices.map((one) => html`<option key=${one} value=${one}>${label(one)}</option>`)}</select>`
      : long ? html`<textarea ...${input} rows="3" value=${value} onInput=${typed}></textarea>`
      : html`<input ...${input} type=${kind === "integer" ? "number" : "text"} value=${value} onInput=${typed} />`}
  </div>`;
}

function Provider({ value, onChange }) {
  const items = useResource("api/providers").data?.items ?? [];
  const names = items.filter(({ candidate }) => candidate).map(({ provider }) => provider);
  return html`<div class="control"><label for="input-provider">Model provider</label>
    <select id="input-provider" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      <option value="">The router's choice</option>
      ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select></div>`;
}

/** Only what one control can say; lists and objects are for programs. */
function controls({ properties = {}, required = [] }) {
  return Object.entries(properties).flatMap(([name, said]) => {
    const kinds = said.anyOf ? said.anyOf.filter(({ type }) => type !== "null") : [said];
    const { type, enum: choices, maxLength = 0, format } = kinds[0];
    const needed = required.includes(name);
    if (!["string", "integer", "boolean"].includes(type) || (!needed && /_id$|^as_of$/.test(name))) return [];
    const initial = said.default ?? (type === "boolean" ? false : "");
    return [{ name, kind: type, choices, initial, required: needed, long: maxLength > 500 && !format }];
  });
}

/** What was said, without what was left as it is. */
export function filled(schema, values) {
  const kept = controls(schema).filter(({ name, initial }) => (values[name] ?? initial) !== initial);
  const said = kept.map(({ name, kind }) => [name, kind === "integer" ? Number(values[name]) : values[name]]);
  return { ...Object.fromEntries(said), ...(values.provider && { provider: values.provider }) };
}

export function missingOf(schema, values) {
  return controls(schema).filter(({ name, required }) => required && !String(values[name] ?? "").trim());
}
