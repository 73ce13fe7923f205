/**
 * Passkeys: a form with `data-passkey` asks the server what to ask, the browser asks the person,
 * and the form posts what they answered. Two round trips; the page that follows is the server's.
 *
 * In such a form [data-able] is shown where the browser has passkeys, else [data-unable];
 * button[data-ask] begins; [data-trouble] says what went wrong.
 */

import { loadStrings, t } from "../strings.js";

/** @typedef {{id: string, type: "public-key"}} Known */
/** @typedef {{challenge: string, user: {id: string, name: string, displayName: string}, excludeCredentials?: Known[]}} Options */

await loadStrings();
const able = "PublicKeyCredential" in window && window.isSecureContext;
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) prepare(form);
}

/** @param {HTMLFormElement} form */
function prepare(form) {
  for (const each of form.querySelectorAll("[data-able], [data-unable]")) {
    if (each instanceof HTMLElement) each.hidden = "able" in each.dataset !== able;
  }
  const name = form.querySelector("[name=name]");
  if (able && name instanceof HTMLInputElement) name.required = true;
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!(button instanceof HTMLButtonElement) || !("ask" in button.dataset)) return;
    event.preventDefault();
    ask(form, button);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button
 */
async function ask(form, button) {
  const trouble = form.querySelector("[data-trouble]");
  const say = (/** @type {string} */ text) => trouble && (trouble.textContent = text);
  say("");
  button.disabled = true;
  try {
    const options = await optionsFor(form);
    if (typeof options === "string") {
      say(options);
      return;
    }
    const answer = await (form.dataset.passkey === "sign_in" ? signIn(options) : create(options));
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "credential";
    field.value = JSON.stringify(answer);
    form.append(field);
    form.submit();
  } catch (error) {
    say(wordsFor(error));
  } finally {
    button.disabled = false;
  }
}

/**
 * What to ask, or the words for why not.
 * @param {HTMLFormElement} form
 * @returns {Promise<Options | string>}
 */
async function optionsFor(form) {
  const fields = new URLSearchParams();
  for (const [key, value] of new FormData(form)) fields.set(key, String(value));
  fields.set("ask", form.dataset.passkey ?? "");
  const answer = await fetch("/passkeys/options", { method: "POST", body: fields });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  if (problem.code === "code_bad") return t("This link was used already, or has run out.");
  if (problem.code === "name_missing") return t("Give a name.");
  return t("That did not work. Try again in a moment.");
}

/** @param {Options} options */
async function create(options) {
  const publicKey = /** @type {any} */ ({
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) })),
  });
  const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }));
  const said = /** @type {AuthenticatorAttestationResponse} */ (made.response);
  return plain(made, { attestationObject: text(said.attestationObject) });
}

/** @param {Options} options */
async function signIn(options) {
  const publicKey = /** @type {any} */ ({ ...options, challenge: bytes(options.challenge), allowCredentials: [] });
  const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
  const said = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  return plain(found, {
    authenticatorData: text(said.authenticatorData),
    signature: text(said.signature),
    userHandle: said.userHandle ? text(said.userHandle) : "",
  });
}

/**
 * As `PublicKeyCredential.toJSON`, which browsers before 2025 do not have.
 * @param {PublicKeyCredential} credential
 * @param {Record<string, string>} response
 */
function plain(credential, response) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: { clientDataJSON: text(credential.response.clientDataJSON), ...response },
  };
}

/** @param {unknown} error */
function wordsFor(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "InvalidStateError") return t("This device has a passkey of yours already.");
  if (name === "NotAllowedError") return t("No passkey was used. Try again when you are ready.");
  return t("That did not work. Try again in a moment.");
}

/** @param {string} base64url */
function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
