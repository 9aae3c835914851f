// What a phone shows without a network: Now, the relief with its list to call, and the pages of sites, each as it
// was read last, with its time. Copies last twelve hours, belong to one reader, and go on signing out, when the
// session is over, and when another reader signs in. Nothing is kept that the server forbids to store.
"use strict";

const PAGES = "releve-pages";
const PARTS = "releve-parts"; // styles, scripts and icons: of no person
const LASTS_MS = 12 * 3600 * 1000;
const PATIENCE_MS = 8000;
const KEPT = [/^\/now$/, /^\/relief$/, /^\/sites\/[^/]+$/];
const READER = /<body[^>]* data-reader="([^"]*)"/;

const wipe = () => caches.delete(PAGES);

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (event.data === "wipe") event.waitUntil(wipe());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && KEPT.some((path) => path.test(url.pathname))) event.respondWith(readPage(event));
  else if (url.pathname.startsWith("/static/")) event.respondWith(readPart(event));
});

async function readPage(event) {
  try {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS); // until the answer begins
    const answer = await fetch(event.request, { signal: patience.signal });
    clearTimeout(timer);
    event.waitUntil(keepPage(event.request.url, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await findPage(event.request.url);
    if (kept) return kept;
    throw error;
  }
}

async function keepPage(url, answer) {
  const led = answer.redirected || answer.type === "opaqueredirect"; // to signing in
  if (led || [401, 403].includes(answer.status)) return wipe(); // the session is over
  const page = answer.status === 200 && (answer.headers.get("Content-Type") || "").startsWith("text/html");
  if (!page || (answer.headers.get("Cache-Control") || "").includes("no-store")) return null;
  const text = await answer.text();
  const reader = READER.exec(text)?.[1] ?? "";
  const pages = await caches.open(PAGES);
  for (const old of await pages.keys()) {
    if ((await pages.match(old)).headers.get("X-Reader") !== encodeURIComponent(reader)) await pages.delete(old);
  }
  const headers = { "Content-Type": "text/html; charset=utf-8", "X-Reader": encodeURIComponent(reader) };
  const policy = answer.headers.get("Content-Security-Policy");
  if (policy) headers["Content-Security-Policy"] = policy;
  headers["X-Kept-At"] = new Date().toISOString();
  return pages.put(url, new Response(text, { headers }));
}

async function findPage(url) {
  const pages = await caches.open(PAGES);
  const kept = await pages.match(url);
  if (!kept) return null;
  const at = kept.headers.get("X-Kept-At");
  if (Date.now() - Date.parse(at) > LASTS_MS) {
    await pages.delete(url);
    return null;
  }
  const text = (await kept.text()).replace("<body", `<body data-kept-at="${at}"`);
  return new Response(text, { headers: kept.headers });
}

async function readPart(event) {
  const parts = await caches.open(PARTS);
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(parts.put(event.request, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await parts.match(event.request);
    if (kept) return kept;
    throw error;
  }
}
