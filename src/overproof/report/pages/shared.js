// What all pages do: elements, words and numbers; light and dark; the value of whatever mark of a chart is pointed at.
"use strict";

const run = JSON.parse(document.getElementById("run").textContent);
const byId = (id) => document.getElementById(id);
const t = (text, values = {}) => (run.words?.[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));
const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
const decimal = (value) => (value === null || value === undefined ? "–" : String(Math.round(value * 1000) / 1000));
const words = (name) => t(name.replaceAll("_", " "));
const excerpt = (text, length = 220) => (text.length > length ? text.slice(0, length) + "…" : text);

function stored(value) {
  try { // storage is refused to some local files
    if (value) localStorage.setItem("overproof-theme", value);
    return localStorage.getItem("overproof-theme");
  } catch { return null; }
}
if (stored()) document.documentElement.dataset.theme = stored();
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  stored(root.dataset.theme);
});

function showTip(event) {
  const mark = event.target.closest?.("[data-tip]"), tip = byId("tip");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(8, event.clientY - box.height - 12)}px`;
}
document.addEventListener("pointermove", showTip);
document.addEventListener("pointerdown", showTip);

// A wide table says so: its edge is shaded where there is more to see. One that fits need not be reached by keyboard.
function markScrolling(scope = document) {
  for (const box of scope.querySelectorAll(".scroll")) {
    const update = () => {
      box.classList.toggle("more-left", box.scrollLeft > 2);
      box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
    };
    if (!box.dataset.watched) {
      box.dataset.watched = "1";
      box.addEventListener("scroll", update, { passive: true });
      new ResizeObserver(update).observe(box);
    }
    update();
  }
}
markScrolling();
