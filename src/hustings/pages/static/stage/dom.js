/** Small helpers for elements: text only, never HTML. */

/**
 * An element of the page that the template promises.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return /** @type {E} */ (found);
}

/**
 * Set a text only if it changes: live regions speak each change.
 * @param {HTMLElement} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Ask by a dialog of the page; resolves with the value of the button that was pressed, or "".
 * @param {string} id
 * @param {() => void} [prepare]  fill it in before it shows
 * @returns {Promise<string>}
 */
export function ask(id, prepare = () => {}) {
  const dialog = /** @type {HTMLDialogElement} */ (element(id));
  dialog.returnValue = "";
  prepare();
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
