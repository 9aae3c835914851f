// A form that survives a lost network. What is typed is kept on the device until the server has it;
// it is sent when the network is back, under the form's own key, so that it is recorded once.
// Fields marked data-private (health, names of people), files and the form's token are never kept.
// A draft belongs to whoever typed it, lasts a day, and goes on success and on signing out.
"use strict";

(() => {
  const PREFIX = "releve-draft:";
  const LASTS_MS = 24 * 3600 * 1000;
  const RETRY_MS = 15000;
  const PATIENCE_MS = 30000;

  const drafts = () => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));

  const wipe = document.querySelector("form[data-draft-wipe]");
  if (wipe) {
    wipe.addEventListener("submit", () => drafts().forEach((name) => localStorage.removeItem(name)));
  }

  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const slot = PREFIX + form.dataset.draft;
  const status = form.querySelector(".draft");
  let waiting = false;
  let sending = false;

  function read(name) {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch {
      return null;
    }
  }

  function tidy() {
    for (const name of drafts()) {
      const draft = read(name);
      const own = draft && draft.reader === form.dataset.reader;
      if (!own || Date.now() - draft.at > LASTS_MS) localStorage.removeItem(name);
    }
  }

  const keepable = (field) =>
    field.name && field.name !== "csrfmiddlewaretoken" &&
    !["file", "submit", "button"].includes(field.type) && !("private" in field.dataset);

  function say(word) {
    status.hidden = !word;
    status.firstElementChild.textContent = word ? status.dataset[word] : "";
    status.querySelector("button").hidden = word !== "restored";
  }

  function save() {
    const values = [...form.elements].filter(keepable)
      .filter((field) => !["radio", "checkbox"].includes(field.type) || field.checked)
      .map((field) => [field.name, field.value]);
    try {
      localStorage.setItem(slot, JSON.stringify({ reader: form.dataset.reader, at: Date.now(), values }));
      return true;
    } catch {
      return false; // the device keeps nothing, or is full: the page still holds what was typed
    }
  }

  function restore() {
    const draft = read(slot);
    if (!draft || "bound" in form.dataset) return;
    const held = new Set(draft.values.map(([name, value]) => `${name}\n${value}`));
    const typed = new Map(draft.values);
    for (const field of [...form.elements].filter(keepable)) {
      if (["radio", "checkbox"].includes(field.type)) {
        field.checked = held.has(`${field.name}\n${field.value}`);
      } else if (typed.has(field.name)) {
        field.value = typed.get(field.name);
      }
    }
    say("restored");
  }

  function drop() {
    localStorage.removeItem(slot);
    waiting = false;
  }

  async function send() {
    if (sending) return;
    sending = true;
    save();
    say("sending");
    try {
      const response = await fetch(`${location.pathname}?format=json`, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Releve-Page": "1" },
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      settle(response.status);
    } catch {
      waiting = true;
      say("waiting");
    } finally {
      sending = false;
    }
  }

  function settle(code) {
    if (code === 200 || code === 201) {
      drop();
      location.assign(form.dataset.next);
    } else if (code >= 500) {
      waiting = true;
      say("waiting");
    } else if (code === 401 || code === 403) {
      waiting = false;
      location.assign(location.href); // the sign-in, and back to what was kept
    } else {
      waiting = false;
      form.submit(); // refused: the page shows each fault by its field
    }
  }

  tidy();
  restore();
  form.addEventListener("input", () => save() && !waiting && say("kept"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  status.querySelector("button").addEventListener("click", () => {
    drop();
    location.assign(location.href);
  });
  window.addEventListener("online", () => waiting && send());
  setInterval(() => waiting && navigator.onLine && send(), RETRY_MS);
})();
