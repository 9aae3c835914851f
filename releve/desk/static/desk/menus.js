// The menus of pages close on a click elsewhere and on Escape; without this they close by their name.
// On a phone the line of the menus begins where the page's own menu is in sight.
"use strict";

(() => {
  const open = () => document.querySelectorAll(".pages-of-desk details[open]");
  const line = document.querySelector(".pages-of-desk .inner");
  const own = line?.querySelector(":scope > li:has([aria-current])");
  if (own) line.scrollLeft = own.offsetLeft - line.offsetLeft - line.clientWidth / 4;
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
