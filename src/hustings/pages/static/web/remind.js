/**
 * Reminders in this browser (Web Push): asks the person only once they press the button, tells the
 * server where to push, and takes that back. The mail form learns the reader's time zone.
 */

import { loadStrings, t } from "../strings.js";

const WORKER = "/remind/worker.js"; // scope: /remind/

await loadStrings();
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
for (const field of document.querySelectorAll("input[name=zone]")) {
  if (field instanceof HTMLInputElement) field.value = zone;
}
const box = document.querySelector("[data-push]");
if (box instanceof HTMLElement) prepare(box, box.dataset.push ?? "", box.dataset.room ?? "");

/**
 * @param {HTMLElement} box
 * @param {string} key the house's public key, base64url
 * @param {string} room
 */
async function prepare(box, key, room) {
  const able = "serviceWorker" in navigator && "PushManager" in window && isSecureContext;
  for (const each of box.querySelectorAll("[data-able], [data-unable]")) {
    if (each instanceof HTMLElement) each.hidden = "able" in each.dataset !== able;
  }
  const [start, stop] = ["start", "stop"].map((each) => box.querySelector(`button[data-${each}]`));
  const answer = box.querySelector("[data-answer]");
  if (!able || !(start instanceof HTMLButtonElement) || !(stop instanceof HTMLButtonElement)) return;

  /** @param {boolean} on @param {string} [words] */
  const show = (on, words) => {
    start.hidden = on;
    stop.hidden = !on;
    if (answer) answer.textContent = words ?? (on ? t("This browser will remind you.") : "");
  };
  /** @param {HTMLButtonElement} button @param {() => Promise<void>} work */
  const press = (button, work) =>
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await work();
      } catch (error) {
        if (answer) answer.textContent = wordsFor(error);
      } finally {
        button.disabled = false;
      }
    });

  press(start, async () => {
    const registration = await ready();
    const subscription =
      (await registration.pushManager.getSubscription()) ??
      (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    const asked = new URLSearchParams(location.search);
    asked.set("zone", zone);
    await post(`/remind/${room}/push?${asked}`, subscription.toJSON());
    show(true);
    stop.focus();
  });
  press(stop, async () => {
    const subscription = await known();
    if (subscription) await post(`/remind/${room}/push/stop`, { endpoint: subscription.endpoint });
    show(false, t("This browser will not remind you of this room."));
    start.focus();
  });

  const subscription = await known();
  if (!subscription) return;
  const said = await post(`/remind/${room}/push/state`, { endpoint: subscription.endpoint });
  show((await said.json()).on);
}

/** The worker, once it can take a subscription. */
async function ready() {
  const registration = await navigator.serviceWorker.register(WORKER);
  const coming = registration.installing ?? registration.waiting;
  if (!registration.active && coming) {
    await new Promise((done) =>
      coming.addEventListener("statechange", () => coming.state === "activated" && done(null)),
    );
  }
  return registration;
}

/** This browser's subscription, if it has one. */
async function known() {
  const registration = await navigator.serviceWorker.getRegistration("/remind/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/**
 * @param {string} url
 * @param {object} body
 */
async function post(url, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error((await answer.json()).code ?? "");
  return answer;
}

/** @param {unknown} error */
function wordsFor(error) {
  const { name = "", message = "" } = error instanceof Error ? error : {};
  if (name === "NotAllowedError") return t("Notifications are not allowed here. You can change that in your browser’s settings.");
  if (message === "remind_rate") return t("Very many ask at once. Please try again in a minute.");
  if (message === "remind_over") return t("Nobody is reminded of this room any more.");
  return t("This did not work. Please try again, or choose another way.");
}
