// @ts-check
/** Asks for the API key that the server wants. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { key } from "./server.js";

/** @param {{ onKey: () => void }} props */
export function KeyForm({ onKey }) {
  const [value, setValue] = useState("");
  const refused = key.get() !== "";
  const keep = (event) => {
    event.preventDefault();
    key.set(value.trim());
    onKey();
  };
  return html`<form class="key welcome" onSubmit=${keep}>
    <h1>A key, please</h1>
    <p>This server answers those who have a key. It stays in this tab and is forgotten with it.</p>
    <label for="key">API key</label>
    <input id="key" type="password" autocomplete="off" spellcheck=${false} value=${value} autofocus
      onInput=${(event) => setValue(event.currentTarget.value)} />
    ${refused && html`<p class="note is-bad" role="alert">The key that was sent is not accepted.</p>`}
    <button class="primary" aria-disabled=${!value.trim()}>Go on</button>
  </form>`;
}
