/** House rules in a browser: which text is read, and what is remembered. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pledge } from "../../src/hustings/pages/static/listener/pledge.js";
import { agree, agreed, told } from "../../src/hustings/pages/static/rules.js";

/** @param {Record<string, string>} kept */
function storage(kept) {
  const items = new Map(Object.entries(kept));
  return { getItem: (/** @type {string} */ key) => items.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => items.set(key, value) };
}

test("a reader gets the house's text in their language, else in English, else in any; then the room's own", () => {
  const house = { de: "Kurz.", en: "Brief." };
  assert.deepEqual(told({ id: "1", house }, "de", "fr"), [{ text: "Kurz.", language: "de" }]);
  assert.deepEqual(told({ id: "1", house }, "ar", "fr"), [{ text: "Brief.", language: "en" }]);
  assert.deepEqual(told({ id: "1", house: { de: "Kurz." } }, "ar", "fr"), [{ text: "Kurz.", language: "de" }]);
  assert.deepEqual(told({ id: "1", own: "Un." }, "ar", "fr"), [{ text: "Un.", language: "fr" }]);
  assert.equal(told({ id: "1", house, own: "Un." }, "de", "fr").length, 2);
});

test("a version is agreed to once; of many the latest are remembered", () => {
  Object.assign(globalThis, { localStorage: storage({}) });
  assert.ok(!agreed("a"));
  agree("a");
  assert.ok(agreed("a") && !agreed("b"));
  for (let n = 0; n < 60; n += 1) agree(`v${n}`);
  assert.ok(agreed("v59") && agreed("v10") && !agreed("a"));
});

test("what a browser cannot keep, or another page wrote, asks again and breaks nothing", () => {
  const refusing = { getItem: () => "{", setItem: () => { throw new Error("full"); } };
  Object.assign(globalThis, { localStorage: refusing });
  agree("c");
  assert.ok(agreed("c")); // until the page is left
});

/** A pledge over a page of empty elements; what its room says holds can be changed. @param {string} holds */
function pledged(holds) {
  const element = () => ({ append() {}, prepend() {}, replaceChildren() {} });
  const page = { createElement: element, documentElement: { lang: "en" }, body: { dataset: {} }, querySelector: () => null };
  Object.assign(globalThis, { document: page, localStorage: storage({}) });
  const facts = { rules: holds, language: "en" };
  return { facts, pledge: new Pledge(/** @type {any} */ (element()), "/live/r", /** @type {any} */ ({ room: { facts } })) };
}

test("rules that did not come are not agreed to", async (t) => {
  t.mock.method(globalThis, "fetch", async () => new Response("", { status: 503 }));
  const { pledge } = pledged("new");
  const loading = pledge.prepare();
  assert.equal(pledge.sign(), "");
  await loading;
  assert.equal(pledge.sign(), "");
  assert.ok(!agreed("new"));
});

test("rules that changed while the form was open are not agreed to", async (t) => {
  t.mock.method(globalThis, "fetch", async () => Response.json({ id: "first", own: "Be kind." }));
  const { facts, pledge } = pledged("first");
  await pledge.prepare();
  facts.rules = "later";
  assert.equal(pledge.sign(), "first"); // the ones that were read
  assert.equal(pledge.sign(), "");
  pledge.show({ id: "later", own: "Be brief." }); // as the answer brings them
  assert.equal(pledge.sign(), "later");
  assert.equal(pledge.sign(), "later"); // the next hand
});
