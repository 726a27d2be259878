// @ts-check
/** What a reader should know about an answer, quietly. */
import { html } from "./html.js";
import { label } from "./words.js";

const SAID = {
  rules_only: "No model was asked: this was made by rules alone",
  toy_model: "A toy model wrote this: do not rely on it",
};

/** @param {{ warnings: any[] }} props */
export function Warnings({ warnings }) {
  if (!warnings.length) return null;
  return html`<ul class="warnings" aria-label="Good to know">
    ${warnings.map(({ code, detail }, nth) => html`<li key=${nth}><details>
      <summary>${SAID[code] ?? label(code)}</summary><p>${detail}</p></details></li>`)}
  </ul>`;
}
