// The grid by keyboard, and two duties of a day swapped by dragging one onto the other.
// Without this every duty is a link to its form, where the same is done.
"use strict";

(() => {
  const panel = document.querySelector("#panel");
  const cellOf = (target) => target.closest?.("table.grid td");

  const step = (from, right, down) => {
    const row = from.parentElement;
    let next = down ? (down > 0 ? row.nextElementSibling : row.previousElementSibling) : row;
    if (!next && down) {
      const part = down > 0 ? row.parentElement.nextElementSibling : row.parentElement.previousElementSibling;
      next = down > 0 ? part?.rows[0] : part?.rows[part.rows.length - 1];
    }
    let cell = next?.cells[from.cellIndex + right];
    while (cell && !cell.querySelector("a")) cell = right ? next.cells[cell.cellIndex + right] : null;
    return cell?.querySelector("a");
  };

  document.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const cell = cellOf(event.target);
    if (event.key === "Escape" && panel?.contains(event.target)) {
      panel.replaceChildren();
      document.querySelector("a.duty.chosen")?.focus();
      return;
    }
    if (!cell || !moves[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    const link = step(cell, ...moves[event.key]);
    if (!link) return;
    event.preventDefault();
    link.focus();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.duty");
    if (!link) return;
    document.querySelector("a.duty.chosen")?.classList.remove("chosen");
    link.classList.add("chosen");
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== panel) return;
    panel.focus();
    panel.scrollIntoView({ block: "nearest" });
  });

  let dragged = null;
  const target = (event) => {
    const link = event.target.closest?.("a.duty");
    return dragged && link && link !== dragged && link.dataset.day === dragged.dataset.day ? link : null;
  };
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("a.duty") ?? null;
    if (dragged) event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", (event) => {
    document.querySelector("a.duty.over")?.classList.remove("over");
    const link = target(event);
    if (!link) return;
    event.preventDefault();
    link.classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const link = target(event);
    if (!link) return;
    event.preventDefault();
    const asked = new URLSearchParams({ day: link.dataset.day, key: dragged.dataset.key, act: "swap", with: link.dataset.key });
    htmx.ajax("GET", `${new URL(link.href).pathname}?${asked}`, { target: panel });
  });
  document.addEventListener("dragend", () => {
    document.querySelector("a.duty.over")?.classList.remove("over");
    dragged = null;
  });
})();
