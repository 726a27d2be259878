// @ts-check
/**
 * A value with listeners, who are told of it once a frame and not at every change.
 *
 * The snapshot is the same object until then, which is what `useSyncExternalStore` needs. A hidden
 * page has no frames: there a timer tells.
 */

const FLUSH_MS = 100;

/** @template {object} S */
export class Store {
  #state;
  #snapshot;
  #listeners = new Set();
  #unschedule = /** @type {null | (() => void)} */ (null);

  /** @param {S} state */
  constructor(state) {
    this.#state = this.#snapshot = state;
  }

  subscribe = (/** @type {() => void} */ listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  getSnapshot = () => this.#snapshot;

  /** The value as it is now, told or not. */
  get state() {
    return this.#state;
  }

  /** @param {Partial<S>} news */
  set(news) {
    this.#state = { ...this.#state, ...news };
    if (this.#unschedule) return;
    const timer = setTimeout(this.flush, FLUSH_MS);
    const frame = globalThis.requestAnimationFrame?.(this.flush);
    this.#unschedule = () => {
      clearTimeout(timer);
      if (frame) cancelAnimationFrame(frame);
    };
  }

  flush = () => {
    this.#unschedule?.();
    this.#unschedule = null;
    this.#snapshot = this.#state;
    this.#listeners.forEach((listener) => listener());
  };
}
