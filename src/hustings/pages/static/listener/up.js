/**
 * From listening to the stage and back without leaving the page: the speakers' page in a frame,
 * over all of this one. Loaded when a hand was called up. The frame says when its person is in (then
 * they hear the stage there, and this page is silent) and when they have left.
 */

import { t } from "../strings.js";

/**
 * @param {string} url  of the speakers' page, with the ticket
 * @param {import("./session.js").Session} session
 */
export function goUp(url, session) {
  const listened = ["playing", "starting", "reading"].includes(session.mode);
  const dialog = document.createElement("dialog");
  dialog.className = "up";
  dialog.setAttribute("aria-label", t("On stage"));
  const back = document.createElement("button");
  back.type = "button";
  back.textContent = t("Back to listening");
  back.addEventListener("click", () => dialog.close());
  const frame = document.createElement("iframe");
  frame.title = t("On stage");
  frame.allow = "microphone; autoplay; screen-wake-lock";
  frame.src = url;
  dialog.append(back, frame);
  /** @param {MessageEvent} event */
  const heard = ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data?.hustings === "seated") session.stop();
    if (data?.hustings === "left") dialog.close();
  };
  addEventListener("message", heard);
  dialog.addEventListener("close", () => {
    removeEventListener("message", heard);
    dialog.remove(); // the frame hangs up as it goes
    if (listened && session.mode === "stopped") session.start();
  });
  document.body.append(dialog);
  dialog.showModal();
}
