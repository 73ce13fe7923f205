/**
 * What a browser keeps: a person's choices, and for this tab its ticket: a place in the
 * queue, later a seat, kept over reloads and renewed while the page is open, so that nobody who
 * was in is queued again. It names nobody. docs/protocol.md 3.7.
 */

const RENEW_S = 240; // a seat's ticket lasts 600; spread to 360, as a crowd came together

/** @param {string} name */
export function remembered(name) {
  try {
    return localStorage.getItem(`hustings-${name}`);
  } catch {
    return null; // private windows may forbid it
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function remember(name, value) {
  try {
    localStorage.setItem(`hustings-${name}`, value);
  } catch {
    // as above, or full
  }
}

export class Pass {
  #key;
  #text = "";

  /** @param {string} live  `/live/<room>` */
  constructor(live) {
    this.live = live;
    this.#key = `hustings-ticket ${live}`;
    try {
      this.#text = sessionStorage.getItem(this.#key) ?? "";
    } catch {
      // storage is forbidden: the ticket lives as long as the page
    }
    const renewed = () => setTimeout(() => this.renew().finally(renewed), RENEW_S * (1 + Math.random() / 2) * 1000);
    renewed();
  }

  get ticket() {
    return this.#text;
  }

  /** @param {string | null | undefined} text  null: nothing new */
  keep(text) {
    if (text == null || text === this.#text) return;
    this.#text = text;
    try {
      sessionStorage.setItem(this.#key, text);
    } catch {
      // as above
    }
  }

  /**
   * A fresh one for ours.
   * @param {boolean} [first]  also if we have none: a lot in the draw, or a place behind the others
   */
  async renew(first = false) {
    if (!this.#text && !first) return;
    try {
      const answer = await fetch(`${this.live}/ticket?ticket=${this.#text}`);
      if (answer.ok) this.keep((await answer.json()).ticket);
    } catch {
      // offline: next time
    }
  }
}
