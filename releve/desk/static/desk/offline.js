// Keeps what worker.js needs, and says of a kept page at what time it was read.
"use strict";

(() => {
  if (!navigator.serviceWorker) return; // an address without TLS
  const form = document.querySelector("form[data-draft-wipe]");
  const wipe = () => navigator.serviceWorker.controller?.postMessage("wipe");
  if (form) form.addEventListener("submit", wipe);
  const at = document.body.dataset.keptAt;
  const note = document.querySelector(".kept");
  if (at && note) {
    const time = note.querySelector("time");
    time.dateTime = at;
    time.textContent = new Date(at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
    note.hidden = false;
    window.addEventListener("online", () => window.location.reload());
  }
  if ("reader" in document.body.dataset) navigator.serviceWorker.register("/worker.js");
})();
