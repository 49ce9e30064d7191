// What all pages do: switch between light and dark, and tell the value of whatever mark of a chart is pointed at.
"use strict";

function stored(value) {
  try { // storage is refused to some local files
    if (value) localStorage.setItem("overproof-theme", value);
    return localStorage.getItem("overproof-theme");
  } catch { return null; }
}
if (stored()) document.documentElement.dataset.theme = stored();
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  stored(root.dataset.theme);
});

function showTip(event) {
  const mark = event.target.closest?.(".chart [aria-label]:not([aria-roledescription='axis']):not([aria-roledescription='legend'])");
  const tip = document.getElementById("tip");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.getAttribute("aria-label");
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(8, event.clientY - box.height - 12)}px`;
}
document.addEventListener("pointermove", showTip);
document.addEventListener("pointerdown", showTip);
