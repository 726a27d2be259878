// @ts-check
/** What went wrong, in words: a refused request (RFC 9457), or a server that does not answer. */

const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504, 507]);

export class Problem extends Error {
  /** @param {{ code: string, message: string, status?: number, title?: string,
   *            retryable?: boolean, retryAfterMs?: number | null }} told */
  constructor({ message, ...told }) {
    super(message);
    this.name = "Problem";
    Object.assign(this, { status: 0, title: "", retryable: true, retryAfterMs: null }, told);
  }

  /** What an answer that is no stream says; it need not come from our server.
   *  @param {Response} answer */
  static async of(answer) {
    const told = await answer.json().catch(() => ({}));
    return new Problem({
      status: answer.status,
      code: told.code ?? `http_${answer.status}`,
      title: told.title ?? "The request was refused",
      message: told.detail ?? `The server answered ${answer.status}.`,
      retryable: TRANSIENT.has(answer.status) && told.retryable !== false,
      retryAfterMs: waitAsked(answer.headers.get("retry-after")),
    });
  }

  /** As a plain object, for a snapshot. */
  told() {
    const { code, message, status, title, retryable } = /** @type {any} */ (this);
    return { code, message, status, title, retryable };
  }
}

/** No answer came, or one that was cut.
 *  @param {unknown} error */
export function lost(error) {
  if (error instanceof Problem) return error;
  return new Problem({
    code: "unreachable",
    title: "The server does not answer",
    message: "The server cannot be reached. Check the connection, then try again.",
  });
}

/** `Retry-After`, seconds or a date, as milliseconds from now.
 *  @param {string | null} value */
function waitAsked(value) {
  if (!value) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
