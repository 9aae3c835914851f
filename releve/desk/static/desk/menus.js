// The menus of pages close on a click elsewhere and on Escape; without this they close by their name.
"use strict";

(() => {
  const open = () => document.querySelectorAll(".pages-of-desk details[open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
