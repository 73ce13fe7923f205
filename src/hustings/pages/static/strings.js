/**
 * The scripts' words in the page's language: English is in the code, the others come as one JSON
 * whose URL stands in `<html data-strings>`. Call `t("...")` and `n("one", "many", count)` with
 * literal strings only: they are collected from the source (see pages/locales.py).
 */

/** @type {Record<string, string | Record<string, string>>} */
let strings = {};
const language = globalThis.document?.documentElement.lang || "en";
/** The reader's own habits (en-GB, de-AT) where they fit the page's language; digits always 0-9. */
const habits = globalThis.navigator?.languages?.find((each) => each.split("-")[0] === language);
const format = `${habits ?? language}-u-nu-latn`;
const plurals = new Intl.PluralRules(language);

/** Fetch the strings; without them (offline, an old page) the words stay English. */
export async function loadStrings() {
  const url = document.documentElement.dataset.strings;
  if (!url) return;
  try {
    const answer = await fetch(url);
    if (answer.ok) strings = await answer.json();
  } catch {
    // English is better than nothing
  }
}

/**
 * A sentence; `{name}` in it is replaced by values.name.
 * @param {string} message
 * @param {Record<string, string | number>} [values]
 */
export function t(message, values) {
  const found = strings[message];
  return fill(typeof found === "string" ? found : message, values);
}

/**
 * A sentence with a number in it; `{count}` is the number, written as the language does.
 * @param {string} one
 * @param {string} many
 * @param {number} count
 * @param {Record<string, string | number>} [values]
 */
export function n(one, many, count, values) {
  const forms = strings[one];
  const form = plurals.select(count);
  const known = typeof forms === "object" ? (forms[form] ?? forms.other) : undefined;
  return fill(known ?? (form === "one" ? one : many), { count: formatNumber(count), ...values });
}

/**
 * Numbers in the digits 0-9 in every language, as the server writes them.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function formatNumber(value, options) {
  return new Intl.NumberFormat(format, options).format(value);
}

/** As `dateStyle: "long", timeStyle: "short"`, which cannot be had with the zone. @type {Intl.DateTimeFormatOptions} */
const MOMENT = { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" };

/**
 * A wall time in the reader's own zone, and that zone's name.
 * @param {number} wallMs
 */
export function formatMoment(wallMs) {
  return new Intl.DateTimeFormat(format, MOMENT).format(wallMs);
}

/** Write every `<time datetime>` of the page in the reader's own zone. */
export function localTimes() {
  for (const element of document.querySelectorAll("time[datetime*=T]")) {
    element.textContent = formatMoment(Date.parse(element.getAttribute("datetime") ?? ""));
  }
}

/**
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values?.[name] ?? whole));
}

/** Days, hours, minutes and seconds that are left. @param {number} ms */
export function formatCountdown(ms) {
  const seconds = Math.ceil(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const two = (/** @type {number} */ value) => formatNumber(value, { minimumIntegerDigits: 2 });
  const clock = [(seconds % 86_400) / 3600, (seconds % 3600) / 60, seconds % 60];
  const digits = clock.map((value) => two(Math.floor(value))).join(":");
  const counted = `\u2066${digits}\u2069`; // from left to right everywhere
  return days ? n("{count} day, {clock}", "{count} days, {clock}", days, { clock: counted }) : counted;
}
