/** Where a reload finds the seat again (`stage/seat.js`). */

/** @typedef {import("./seat.js").Store} Store */

/**
 * The tab's own store: it ends with the tab, and other tabs do not see it.
 * @param {string} room
 * @returns {Store}
 */
export function tabStore(room) {
  const key = `hustings-seat:${room}`;
  return {
    read: () => {
      try {
        return JSON.parse(sessionStorage.getItem(key) ?? "{}");
      } catch {
        return {};
      }
    },
    write: (kept) => {
      try {
        sessionStorage.setItem(key, JSON.stringify(kept));
      } catch {
        // full or forbidden: a reload then asks for the link again
      }
    },
  };
}
