/**
 * What a page without a stream of its own says each 30 s, so that somebody who listens through a
 * cache, or waits, is counted. Contract: `POST /live/<room>/receipt`, docs/protocol.md 2.5.
 */

const EVERY_S = 30;
const SOON_S = 3; // the first ones of a crowd that came together are spread over this
const KEY = "hustings-listener";

/** @typedef {{hears: "hls" | "low" | "nothing", waits: boolean}} Said */

export class Receipts {
  #timer = 0;
  #since = Date.now();
  #leave = () => this.close();

  /**
   * @param {string} live  `/live/<room>`
   * @param {Said} said
   * @param {string} [id]  a ticket; without one the tab's own word
   */
  constructor(live, said, id = tabWord()) {
    this.url = `${live}/receipt`;
    this.said = said;
    this.id = id;
    this.#plan(Math.random() * SOON_S);
    addEventListener("pagehide", this.#leave);
  }

  /** It hears and waits no more. */
  close() {
    clearTimeout(this.#timer);
    removeEventListener("pagehide", this.#leave);
    this.#send({ hears: "nothing", waits: false });
  }

  /** @param {number} seconds */
  #plan(seconds) {
    this.#timer = setTimeout(() => {
      this.#send(this.said);
      this.#plan(EVERY_S);
    }, seconds * 1000);
  }

  /** @param {Said} said */
  #send(said) {
    const heard = Math.round((Date.now() - this.#since) / 1000);
    const body = JSON.stringify({ id: this.id, ...said, heard_s: heard });
    navigator.sendBeacon(this.url, new Blob([body], { type: "application/json" }));
  }
}

/** A random word that lives as long as the tab; it says nothing about anybody. */
function tabWord() {
  const made = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    const known = sessionStorage.getItem(KEY) ?? made;
    sessionStorage.setItem(KEY, known);
    return known;
  } catch {
    return made; // storage is forbidden
  }
}
