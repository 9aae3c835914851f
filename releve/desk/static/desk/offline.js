// Keeps what worker.js needs, and says of a kept page at what time it was read.
"use strict";

const RETRY_MS = 5000;

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
    const renew = async () => {
      if (!navigator.onLine) return;
      const answer = await fetch(window.location.href, { method: "HEAD" }).catch(() => null);
      if (answer) window.location.reload();
    };
    window.addEventListener("online", renew); // which comes before the network carries anything
    window.setInterval(renew, RETRY_MS);
  }
  if ("reader" in document.body.dataset) navigator.serviceWorker.register("/worker.js");
})();
