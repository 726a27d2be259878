// @ts-check
/**
 * A small part of Markdown, as DOM nodes: paragraphs, headings, lists, bold, code, https links.
 *
 * A model's words are somebody else's words. Everything that is not in this list, HTML and images
 * and other links among it, stands there as it was written.
 */
import { html } from "./html.js";

const INLINE = /(\*\*[^*\n]+\*\*|`[^`\n]+`|(?<!!)\[[^\]\n]+\]\(https:\/\/[^\s()<>"']+\))/;

/** @param {{ text: string }} props */
export function Markdown({ text }) {
  return html`<div class="prose">${blocksOf(text).map(block)}</div>`;
}

/** Fenced code first: nothing in it means anything. */
function blocksOf(text) {
  return text.split(/^(```[^\n]*\n[\s\S]*?\n```)\s*$/m).flatMap((part) =>
    part.startsWith("```") ? [part] : part.split(/\n{2,}/).map((one) => one.trim()).filter(Boolean));
}

function block(text) {
  if (text.startsWith("```")) {
    return html`<pre><code>${text.split("\n").slice(1, -1).join("\n")}</code></pre>`;
  }
  const lines = text.split("\n");
  if (lines.every((line) => /^\s*[-*•] +/.test(line))) return html`<ul>${items(lines, /^\s*[-*•] +/)}</ul>`;
  if (lines.every((line) => /^\s*\d+[.)] +/.test(line))) return html`<ol>${items(lines, /^\s*\d+[.)] +/)}</ol>`;
  const heading = /^#{1,4} +(.+)$/.exec(lines[0]);
  if (!heading) return html`<p>${inline(text)}</p>`;
  const rest = lines.slice(1).join("\n").trim();
  return html`<h4>${inline(heading[1])}</h4>${rest && block(rest)}`;
}

function items(lines, bullet) {
  return lines.map((line) => html`<li>${inline(line.replace(bullet, ""))}</li>`);
}

function inline(text) {
  return text.split(INLINE).map((part, nth) => (nth % 2 ? marked(part) : part));
}

function marked(part) {
  if (part.startsWith("**")) return html`<strong>${part.slice(2, -2)}</strong>`;
  if (part.startsWith("`")) return html`<code>${part.slice(1, -1)}</code>`;
  const [, words, address] = /** @type {RegExpExecArray} */ (/^\[(.+)\]\((.+)\)$/.exec(part));
  if (!URL.canParse(address)) return part;
  // Where it leads is said: the words may promise something else.
  const { host } = new URL(address);
  return html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${words}</a> <small>(${host})</small>`;
}
