/**
 * From listening to the stage and back without leaving the page: the speakers' page in a frame,
 * over all of this one. Loaded when a hand was called up, and loads that page at once, out of sight:
 * when its person presses the button it is there. Until then it waits, asks for no microphone and
 * takes no seat. The frame says when it is ready, when its person is in (then they hear the stage
 * there, and this page is silent) and when they have left. The browser's Back leaves as the button
 * does: to this page, where the way up is offered again.
 */

import { t } from "../strings.js";

const HEARING = ["playing", "starting", "reading"];

export class Way {
  #dialog = document.createElement("dialog");
  #frame = document.createElement("iframe");
  #ready = false;
  #loaded = false;
  #wanted = false;
  #listened = false;
  #left = false;

  /**
   * @param {string} url  of the speakers' page, with the ticket in its fragment
   * @param {import("./session.js").Session} session
   * @param {() => void} again  offer the way once more: its person went back, but has not left
   */
  constructor(url, session, again) {
    const [page = "", fragment = ""] = url.split("#");
    this.url = url;
    this.session = session;
    this.fragment = fragment;
    this.origin = new URL(page, location.href).origin;
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = t("Back to listening");
    back.addEventListener("click", () => this.#dialog.close());
    this.#dialog.className = "up";
    this.#dialog.setAttribute("aria-label", t("On stage"));
    this.#dialog.append(back, this.#frame);
    this.#dialog.addEventListener("close", () => {
      this.close();
      if (!this.#left) again();
    });
    this.#frame.title = t("On stage");
    this.#frame.allow = "microphone; autoplay; screen-wake-lock";
    this.#frame.src = `${page}#wait`;
    this.#frame.addEventListener("load", () => (this.#loaded = true));
    addEventListener("message", this.#heard);
    document.body.append(this.#dialog);
  }

  /** Show it, and let it begin. */
  go() {
    this.#listened = HEARING.includes(this.session.mode);
    this.#wanted = true;
    this.#dialog.showModal();
    history.pushState({ up: true }, "");
    addEventListener("popstate", this.#back);
    if (this.#ready) this.#begin();
    else if (this.#loaded) this.#frame.src = this.url; // it failed before; the stage may be back
  }

  /** Back to listening, or never gone; the frame hangs up as it goes. */
  close() {
    removeEventListener("message", this.#heard);
    removeEventListener("popstate", this.#back);
    this.#dialog.remove();
    if (this.#wanted && history.state?.up) history.back();
    this.#wanted = false;
    if (this.#listened && this.session.mode === "stopped") this.session.start();
    this.#listened = false;
  }

  #back = () => this.#dialog.close();

  /** @param {MessageEvent} event */
  #heard = ({ source, data }) => {
    if (source !== this.#frame.contentWindow) return;
    if (data?.hustings === "ready") {
      this.#ready = true;
      if (this.#wanted) this.#begin();
    }
    if (data?.hustings === "seated") this.session.stop();
    if (data?.hustings !== "left") return;
    this.#left = true;
    this.#dialog.close();
  };

  #begin() {
    this.#frame.contentWindow?.postMessage({ hustings: "come", fragment: this.fragment }, this.origin);
  }
}
