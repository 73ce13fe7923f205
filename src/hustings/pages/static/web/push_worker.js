/**
 * Shows the pushes of this house and opens the room when one is pressed; does nothing else, and
 * fetches nothing. Browsers that read the declarative form show it without waking this script.
 */

const pushes = /** @type {any} */ (globalThis);

pushes.addEventListener("install", () => pushes.skipWaiting());

pushes.addEventListener("push", (/** @type {any} */ event) => {
  const said = event.data?.json()?.notification;
  if (!said?.title) return;
  const { title, body, lang, dir, tag, icon, navigate } = said;
  // renotify: a new time takes the old notice's place, and rings again
  const options = { body, lang, dir, tag, renotify: true, data: navigate, ...(icon && { icon }) };
  event.waitUntil(pushes.registration.showNotification(title, options));
});

pushes.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  if (event.notification.data) event.waitUntil(pushes.clients.openWindow(event.notification.data));
});
