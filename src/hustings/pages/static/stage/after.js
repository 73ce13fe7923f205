/** The speakers' page of a room that has ended: whoever agreed to a track of their own can take it back. */

import { loadStrings, t } from "../strings.js";
import { ask, element, write } from "./dom.js";
import { Seat } from "./seat.js";
import { tabStore } from "./tab_store.js";
import { erased } from "./track.js";

await loadStrings();

const box = /** @type {HTMLElement} */ (element("own-track"));
const room = box.dataset.room ?? "";
const base = `${location.origin}${location.pathname.slice(0, location.pathname.lastIndexOf("/s/"))}/rooms/${room}`;
const seat = new Seat(base, tabStore(room), () => {});

seat.invited(new URLSearchParams(location.hash.slice(1)).get("i") ?? "");
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
box.hidden = !(box.dataset.tracks ?? "").split(" ").includes(seat.participant);

const button = /** @type {HTMLButtonElement} */ (element("drop-track"));
button.addEventListener("click", async () => {
  if ((await ask("ask-drop")) !== "yes") return;
  button.disabled = true;
  try {
    await seat.dropTrack();
    button.hidden = element("own-track-words").hidden = true;
    write(element("own-track-said"), erased());
  } catch {
    button.disabled = false;
    write(element("own-track-said"), t("The stage cannot be reached right now."));
  }
});
