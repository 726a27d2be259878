// @ts-check
/**
 * What a reader has been shown of an answer, folded from its events. Pure: nothing is changed in
 * place, so a part that is the same object has not changed.
 *
 * A `reset` takes back everything since `start`; in a workflow, everything of its step.
 */

/** @typedef {import("./agent-stream.d.ts").AgentEvent} AgentEvent */

const UNSAID = { text: "", field: null, fields: {}, route: null, warnings: [] };

export const EMPTY = { ...UNSAID, steps: {}, result: null, metadata: null, reason: null };

/**
 * @template {Record<string, any>} A
 * @param {A} answer
 * @param {AgentEvent | Record<string, any>} event
 * @returns {A}
 */
export function fold(answer, event) {
  const { step, type } = event;
  if (type === "step") return withStep(answer, step, ended(answer.steps[step], event));
  if (step !== undefined) return withStep(answer, step, said(answer.steps[step] ?? UNSAID, event));
  if (type === "reset") return { ...answer, ...EMPTY };
  const { metadata = null, result = null, reason = null } = event;
  if (type === "complete") return { ...answer, metadata, result, fields: { ...answer.fields, ...result } };
  return type === "stopped" || type === "error" ? { ...answer, metadata, reason } : said(answer, event);
}

/** Whether a reader has anything to read yet.
 *  @param {{ text: string, fields: object, steps: object }} answer */
export function hasBegun({ text, fields, steps }) {
  return Boolean(text || Object.keys(fields).length || Object.keys(steps).length);
}

function withStep(answer, name, step) {
  return { ...answer, steps: { ...answer.steps, [name]: step } };
}

function ended(before = UNSAID, { state, why = null, metadata = null, result = null }) {
  const fields = { ...before.fields, ...result };
  return { ...before, state, why, metadata, result, fields };
}

function said(part, event) {
  switch (event.type) {
    case "route":
      return { ...part, route: event };
    case "token":
      return withWords(part, event.content, event.field ?? null);
    case "field":
      return { ...part, fields: put(part.fields, keysOf(event.name), () => event.value) };
    case "warning":
      return { ...part, warnings: [...part.warnings, event] };
    case "reset":
      return { ...part, ...UNSAID };
    default:
      return part;
  }
}

/** Each field's prose is a paragraph of `text`, and grows in `fields` too. */
function withWords(part, content, field) {
  const gap = part.text && field !== part.field ? "\n\n" : "";
  const text = part.text + gap + content;
  if (field === null) return { ...part, text, field };
  const grown = (before) => (typeof before === "string" ? before : "") + content;
  return { ...part, text, field, fields: put(part.fields, keysOf(field), grown) };
}

/** `sequence[2].body` as `["sequence", 2, "body"]`. */
function keysOf(path) {
  const keys = path.match(/[^.[\]]+/g) ?? [];
  return keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key));
}

/** A copy of `into` with the value at `keys` made from what was there. */
function put(into, [key, ...rest], make) {
  if (key === undefined) return make(into);
  const copy = typeof key === "number" ? [...(Array.isArray(into) ? into : [])] : { ...into };
  const before = Object.hasOwn(copy, key) ? copy[key] : undefined;
  Object.defineProperty(copy, key, {
    value: put(before, rest, make), writable: true, enumerable: true, configurable: true,
  });
  return copy;
}
