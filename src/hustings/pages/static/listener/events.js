/**
 * What is said about the sound, by a line of its own (`/events`): for pages whose sound comes by
 * the browser's own player, and for those who read. It is a Stream that carries no parts, so it
 * comes back, waits and moves house as every other. No DOM: runs in Node. Contract: docs/protocol.md 3.
 */

import { PART, RATE, Stream } from "./protocol.js";

const LARGEST = 1 << 17; // letters of one event; the edge sends 16 KiB at most
const SILENT_S = 40; // a line on which nothing is said gets a comment each 15 s
const LATE = 3; // parts: what was sent within the last second may still be on its way

/**
 * Server-sent events to what a Stream tells. Each piece of bytes also tells, as an empty part, how
 * far the line has come, so that the next one goes on from there; what comes twice has its `seq`.
 */
export class Lines {
  #text = new TextDecoder();
  #rest = "";
  #began = NaN; // our seconds at media time 0

  /**
   * @param {unknown} init  there is none
   * @param {(event: import("./boxes.js").RoomEvent) => void} event
   * @param {(part: import("./boxes.js").MediaPart) => void} part
   */
  constructor(init, event, part) {
    this.event = event;
    this.part = part;
  }

  /** @param {Uint8Array} chunk */
  push(chunk) {
    const blocks = (this.#rest + this.#text.decode(chunk, { stream: true })).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    if (this.#rest.length > LARGEST) throw new Error("an event without an end");
    for (const block of blocks) this.#block(block);
    const part = Math.floor(((performance.now() / 1000 - this.#began) * RATE) / PART) - LATE;
    if (part >= 0) this.part({ start: part * PART, end: part * PART, bytes: new Uint8Array(0) });
  }

  /** @param {string} block  fields of one event, or a comment */
  #block(block) {
    const data = block.split("\n").find((line) => line.startsWith("data: "));
    if (!data) return;
    try {
      const event = JSON.parse(data.slice(6));
      if (event.kind === "state") this.#began = performance.now() / 1000 - event.body.media_time / RATE;
      this.event(event);
    } catch (error) {
      console.warn("listener: an event that could not be read:", String(error));
    }
  }
}

/**
 * @param {string} live  `/live/<room>`
 * @param {Pick<import("./protocol.js").Listening, "event" | "line">} telling
 * @param {import("./protocol.js").Platform} [platform]
 * @returns {Stream} to be run, and closed
 */
export function eventStream(live, { event, line }, platform) {
  const stream = new Stream(`${live}/events`, { init: () => {}, part: () => {}, event, line }, platform);
  stream.sorter = Lines;
  stream.silentS = SILENT_S;
  return stream;
}
