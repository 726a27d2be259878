// @ts-check
/** htm bound to Preact: HTML in template literals that becomes DOM nodes, never markup. */
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
