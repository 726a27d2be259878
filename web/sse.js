// @ts-check
/**
 * Server-Sent Events, decoded as the WHATWG standard has it. Pure: text in, frames out.
 *
 * What a connection cut before its blank line is dropped: the next connection brings it again.
 */

/** @typedef {{ id: string, data: string }} Frame */

export class FrameReader {
  /** What the last `retry:` asked for, in milliseconds; a frame behind it takes it back. */
  farewellMs = /** @type {number | null} */ (null);
  #rest = "";
  #afterReturn = false;
  #begun = false;
  #id = "";
  /** @type {string[]} */
  #data = [];

  /**
   * The frames that `text` completes. It may end anywhere, between `\r` and `\n` too.
   * @param {string} text
   * @returns {Frame[]}
   */
  feed(text) {
    if (!text) return [];
    if (!this.#begun && text.startsWith("\ufeff")) text = text.slice(1);
    this.#begun = true;
    const returned = this.#afterReturn;
    this.#afterReturn = text.endsWith("\r");
    if (returned && text.startsWith("\n")) text = text.slice(1);
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = /** @type {string} */ (lines.pop());
    return lines.flatMap((line) => this.#take(line));
  }

  /** @param {string} line */
  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.farewellMs = Number(value);
    return [];
  }

  #dispatch() {
    if (!this.#data.length) return [];
    const frame = { id: this.#id, data: this.#data.join("\n") };
    this.#data = [];
    this.farewellMs = null;
    return [frame];
  }
}
