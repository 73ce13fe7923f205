/**
 * Reading instead of hearing: the events of the room, at once, and no sound. To Session it looks as
 * a player that never plays. Loaded when somebody reads.
 */

import { eventStream } from "./events.js";

export class Reader {
  played = NaN; // nothing is heard: what is said is shown as it comes
  #stream;
  #known = -1; // what happened up to this entry is in the state already

  /**
   * @param {string} live  `/live/<room>`
   * @param {Pick<import("./protocol.js").Listening, "event" | "line">} telling
   */
  constructor(live, { event, line }) {
    this.#stream = eventStream(live, { event: (said) => this.#new(said) && event(said), line });
    this.#stream.run();
  }

  toLive() {}

  hurry() {
    this.#stream.hurry();
  }

  close() {
    this.#stream.close();
  }

  /** After a broken line the state comes first, then what was said meanwhile. @param {import("./boxes.js").RoomEvent} said */
  #new({ kind, seq }) {
    if (kind === "state") this.#known = seq;
    return kind === "state" || kind === "caption" || seq === 0 || seq > this.#known;
  }
}
