/**
 * The listener page's service worker: when the server cannot be reached, a page that says so. All
 * else passes it by; sound never comes near it. `listener/device.js` fills the cache.
 */

const worker = /** @type {any} */ (globalThis);

worker.addEventListener("install", (/** @type {any} */ event) => {
  // Chromium: requests for sound are sent without even waking this worker.
  event.addRoutes?.({ condition: { urlPattern: { pathname: "/live/*" } }, source: "network" });
  worker.skipWaiting();
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  // The page is asked for while this worker wakes up.
  event.waitUntil(worker.registration.navigationPreload?.enable());
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (new URL(request.url).pathname.startsWith("/static/")) event.respondWith(file(request));
});

/** @param {any} event */
async function page({ request, preloadResponse }) {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch (error) {
    const known = await caches.match("/r/offline.html", { ignoreSearch: true });
    if (known) return known;
    throw error;
  }
}

/** @param {Request} request */
async function file(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const known = await caches.match(request);
    if (known) return known;
    throw error;
  }
}
