/** The rooms that were visited last, for the page without a connection. In this browser only. */

import { remember, remembered } from "./pass.js";

const NAME = "rooms";
const KEPT = 8;

/** @typedef {Pick<import("./room.js").Facts, "room" | "title" | "host" | "state" | "start_ms" | "cancelled_ms">} KnownRoom */

/** @returns {KnownRoom[]} */
function knownRooms() {
  try {
    const kept = JSON.parse(remembered(NAME) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each?.room === "string") : [];
  } catch {
    return []; // not ours
  }
}

/** As it was on the last visit. @param {string} room */
export const knownRoom = (room) => knownRooms().find((each) => each.room === room);

/** @param {KnownRoom} facts */
export function rememberRoom({ room, title, host = "", state = "scheduled", start_ms = 0, cancelled_ms = 0 }) {
  const others = knownRooms().filter((each) => each.room !== room);
  remember(NAME, JSON.stringify([{ room, title, host, state, start_ms: cancelled_ms ? 0 : start_ms }, ...others].slice(0, KEPT)));
}
