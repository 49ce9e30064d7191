// Which page the address asks for, the keyboard, and a run that goes on.
"use strict";

const source = run.api ? new ServedTraces(run.api) : new PackedTraces(byId("packed").textContent);
const scrolledTo = {};

function readAddress() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/");
  const name = parts[0] === "problem" && parts.length > 1 ? "problem" : parts[0] in LISTS ? parts[0] : "overview";
  return { name, parts, query: new URLSearchParams(query) };
}

async function route(isFirst) {
  const { name, parts, query } = readAddress(), page = name in LISTS ? "list" : name;
  for (const one of ["overview", "list", "problem"]) byId(`${one}-page`).hidden = one !== page;
  if (name === "problem" && listing.query.toString() !== query.toString()) listing.back = null;
  const from = name !== "problem" ? name : listing.back?.startsWith("#/problems") ? "problems" : "traces";
  for (const link of document.querySelectorAll(".top [data-route]")) {
    if (link.dataset.route === from) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (page === "list") {
    listing.back = location.hash;
    document.title = `${name === "traces" ? t("Traces") : t("Problems")} · ${run.name} · Overproof`;
    await showList(name, query);
  } else if (name === "problem") {
    const id = decodeURIComponent(parts[1]);
    document.title = `${id} · ${run.name} · Overproof`;
    listing.query = query;
    await showProblem(id, parts[2] === undefined ? undefined : Number(parts[2]), query);
  } else {
    document.title = `${run.name} · ${t("Overproof report")}`;
    markScrolling(byId("overview-page"));
  }
  const anchor = name === "overview" && parts[0] ? byId(parts[0]) : null;
  if (anchor) anchor.scrollIntoView();
  else if (name !== "problem" || parts[2] === undefined) window.scrollTo(0, scrolledTo[location.hash] || 0);
  if (!isFirst && page !== "list" && !anchor) document.querySelector(`#${page}-page h1`)?.focus({ preventScroll: true });
  document.body.dataset.ready = location.hash || "#/";
}

function failed(error) {
  byId("trouble").hidden = false;
  byId("trouble").textContent = t("Something went wrong: {error}", { error: error.message || error });
  console.error(error);
}

window.addEventListener("hashchange", () => { byId("trouble").hidden = true; route(false).catch(failed); });
window.addEventListener("scroll", () => { scrolledTo[location.hash] = window.scrollY; }, { passive: true });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement?.closest("details.facet[open]")) {
    const facet = document.activeElement.closest("details.facet");
    facet.open = false;
    facet.querySelector("summary").focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const isList = !byId("list-page").hidden;
  if (event.key === "/") {
    event.preventDefault();
    if (!isList) location.hash = "#/traces";
    setTimeout(() => byId("filters").elements.q.focus(), 0);
  } else if (isList && (event.key === "j" || event.key === "k" || (event.key.startsWith("Arrow") && document.activeElement?.closest("#rows")))) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") return;
    event.preventDefault();
    stepRow(event.key === "j" || event.key === "ArrowDown" ? 1 : -1);
  } else {
    const link = byId("problem-page").hidden ? null : document.querySelector(`#problem-page [data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  }
});

// ---- a run that goes on ---------------------------------------------------------------------------------------

let lastStamp = run.stamp, isBehind = false;

async function refresh() {
  let pause = 4000;
  try {
    if (!document.hidden) {
      const now = await (await fetch(`${run.api}/state`)).json();
      byId("gone").hidden = true;
      if (byId("live")) showLive(now);
      if (now.stamp !== lastStamp) {
        lastStamp = now.stamp;
        isBehind = true;
      }
      if (isBehind && !byId("overview-page").hidden) {
        const answer = await fetch(`${run.api}/overview`);
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const open = [...document.querySelectorAll("#overview details")].map((one) => one.open);
          byId("overview").replaceChildren(...page.getElementById("overview").childNodes);
          document.querySelectorAll("#overview details").forEach((one, place) => { one.open = open[place] || false; });
          markScrolling(byId("overview"));
          isBehind = false;
        }
      }
    }
  } catch { // the server has stopped: what is on the page stays, and is said to be old
    byId("gone").hidden = false;
    pause = 15000;
  }
  setTimeout(refresh, pause);
}

function showLive(now) {
  byId("live").hidden = !now.progress;
  if (!now.progress) return;
  const { done, expected, rate, money, forecast, newest, seconds } = now.progress;
  const bar = make("progress", { max: expected || 1, value: expected ? done : null, "aria-label": t("Progress") });
  const parts = [
    [t("Traces"), expected ? t("{n} of {m}", { n: number(done), m: number(expected) }) : number(done)],
    [t("Rate"), rate === null ? "–" : t("{n} traces a minute", { n: number(Math.round(rate)) })],
    [t("Left"), seconds === null ? "–" : t("about {n} minutes", { n: number(Math.max(1, Math.round(seconds / 60))) })],
    [t("Spent"), money], [t("Forecast"), forecast ?? t("not yet")],
  ];
  byId("live-figures").replaceChildren(bar, make("dl", { class: "facts" }, parts.map(([name, value]) => fact(name, value))));
  byId("live-newest").replaceChildren(...newest.map((row) => make("li", {}, make("a", { href: `#/problem/${encodeURIComponent(row.problem)}/${row.index}` }, excerpt(row.question, 70)), " ", badge(row), " ", row.extracted ? make("code", {}, excerpt(row.extracted, 40)) : "")));
}

if (run.api) refresh();

route(true).catch(failed);
