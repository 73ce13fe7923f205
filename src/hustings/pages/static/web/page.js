/**
 * What scripts add to web's pages: times in the reader's zone, links to copy, the host code taken
 * from the fragment, and a question before a link is withdrawn. Everything works without it.
 */

import { loadStrings, localTimes, t } from "../strings.js";

await loadStrings();
localTimes();
takeCode();
offerCopying();
askBeforeWithdrawing();
useOwnZone();
chooseDaysTyped();
refuseLargePhotos();

/** Said before hundreds of megabytes are sent, whose sender would only meet a closed door. */
function refuseLargePhotos() {
  const field = document.querySelector("input[type=file][data-most]");
  const said = document.querySelector("#photo-large");
  if (!(field instanceof HTMLInputElement) || !(said instanceof HTMLElement)) return;
  field.addEventListener("change", () => {
    const large = (field.files?.[0]?.size ?? 0) > Number(field.dataset.most);
    said.hidden = !large;
    if (large) field.value = "";
  });
}

/** The code of a host link is in the fragment: into the field with it, out of the address bar. */
function takeCode() {
  const field = document.querySelector("#code");
  const code = location.hash.slice(1);
  if (!(field instanceof HTMLInputElement) || !code) return;
  field.value = code;
  for (const link of document.querySelectorAll("a[data-keep-code]")) {
    if (link instanceof HTMLAnchorElement) link.hash = code;
  }
  history.replaceState(null, "", location.pathname + location.search);
  field.closest("[data-code-field]")?.classList.add("hidden");
}

function offerCopying() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    const field = document.getElementById(button.dataset.copy ?? "");
    if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => copy(field, button));
  }
}

/**
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 * @param {HTMLButtonElement} button
 */
async function copy(field, button) {
  const before = [...button.childNodes];
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = t("Copied");
  } catch {
    // no secure origin, or refused: the text is selected, the person copies it
    button.textContent = t("Press Ctrl+C");
  }
  setTimeout(() => button.replaceChildren(...before), 2_000);
}

function askBeforeWithdrawing() {
  const dialog = document.querySelector("dialog#confirm");
  if (!(dialog instanceof HTMLDialogElement)) return;
  for (const form of document.querySelectorAll("form[data-confirm]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.returnValue = "no";
      dialog.showModal();
      dialog.addEventListener("close", () => dialog.returnValue === "yes" && submitSure(form, dialog), {
        once: true,
      });
    });
  }
}

/**
 * Without a script the server asks, by a page. What was ticked in the question goes along.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} dialog
 */
function submitSure(form, dialog) {
  const sure = document.createElement("input");
  Object.assign(sure, { type: "hidden", name: "sure", value: "yes" });
  form.append(sure);
  for (const box of dialog.querySelectorAll("input:checked")) form.append(Object.assign(box.cloneNode(), { id: "", hidden: true }));
  form.submit();
}

/** Forms come in UTC; to begin with a start is shown in the reader's own zone, and that is chosen. */
function useOwnZone() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const start of document.querySelectorAll("input[data-start]")) {
    if (!(start instanceof HTMLInputElement) || "typed" in start.dataset) continue;
    const zone = start.form?.querySelector("select[data-zone]");
    if (!(zone instanceof HTMLSelectElement) || !own || own === "Etc/Unknown") continue;
    if (![...zone.options].some((each) => each.value === own)) zone.add(new Option(own));
    zone.value = own;
    if (!start.value) continue;
    const at = new Date(`${start.value}Z`);
    start.value = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }
}

/** A number of days is a choice of the days; another choice takes the number away. */
function chooseDaysTyped() {
  const days = document.querySelector("#keep_days");
  const chosen = document.querySelector("#keep-for");
  if (!(days instanceof HTMLInputElement) || !(chosen instanceof HTMLInputElement)) return;
  days.addEventListener("input", () => days.value && (chosen.checked = true));
  days.form?.addEventListener("change", (event) => {
    const { target } = event;
    if (target instanceof HTMLInputElement && target.name === "keep" && target !== chosen) days.value = "";
  });
}
