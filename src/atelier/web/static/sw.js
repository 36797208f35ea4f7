// NAME, SHELL, REST and RUNTIME stand above, where the page was written: what its files are called together, those it is seen by, the
// networks and the runtime's.

const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" })))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("atelier-") && name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.href.startsWith(self.registration.scope)) event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(NAME);
  const path = request.url.split(/[?#]/)[0];
  const kept = (await cache.match(path)) ?? (await fetched(cache, path));
  return new Response(kept.body, { status: kept.status, statusText: kept.statusText, headers: { ...Object.fromEntries(kept.headers), ...ISOLATED } });
}

const underway = new Map(); // by path: a file that is being fetched, once for all who want it

/** What was fetched and kept, or an answer that says why not. */
async function fetched(cache, path) {
  if (!underway.has(path)) underway.set(path, keep(cache, path).finally(() => underway.delete(path)));
  return (await underway.get(path))?.clone() ?? (await cache.match(path));
}

/** Fetch a file and keep it; an answer where that fails. */
async function keep(cache, path) {
  try {
    const found = await fetch(path, { cache: "no-cache" });
    if (!found.ok) return found;
    await cache.put(path, found);
    return null;
  } catch {
    return new Response("There is no network, and this was not kept.", { status: 504 });
  }
}

// All that this browser may want, for when there is no network: the page asks for it when it has nothing else to do.
self.addEventListener("message", (event) => {
  if (event.data !== "keep") return;
  event.waitUntil((async () => {
    const other = "Suspending" in WebAssembly ? RUNTIME.wasm : RUNTIME.webgpu;
    const cache = await caches.open(NAME);
    let kept = true;
    for (const name of REST.filter((each) => !Object.values(other).includes(each))) {
      const path = new URL(name, self.registration.scope).href;
      if (!(await cache.match(path))) kept = (await fetched(cache, path)).ok && kept;
    }
    if (kept) event.source.postMessage("kept");
  })());
});
