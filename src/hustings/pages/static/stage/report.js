/**
 * Tells the stage what is wrong with this page's microphone, so that the hosts see it too; each
 * change once, and again on a new socket. No DOM.
 */

/** @typedef {import("./microphone.js").Trouble} Trouble */

export class Report {
  /** @type {string} what the stage knows */
  #known = "";

  /**
   * @param {import("./control.js").Control} control
   * @param {import("./microphone.js").Microphone} microphone
   */
  constructor(control, microphone) {
    this.control = control;
    this.microphone = microphone;
  }

  /** The stage welcomed us: it may know nothing, or what was true before. @param {string} known */
  welcome(known) {
    this.#known = known;
    this.changed();
  }

  changed() {
    const trouble = this.microphone.trouble === "switched" ? "" : this.microphone.trouble;
    if (trouble === this.#known || this.control.state !== "open") return;
    this.#known = trouble;
    this.control.do("microphone", { trouble }).catch(() => {}); // a new socket says it again
  }
}
