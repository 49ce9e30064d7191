// The lists of traces and of problems: filters, columns, order; all of it stands in the address.
"use strict";

const LISTS = {
  traces: {
    none: () => t("No trace is like that."),
    count: (shown, total) => t("{shown} of {total} traces shown", { shown, total }),
    columns: () => [
      { name: "problem", title: t("Problem"), show: problemCell, sort: true },
      { name: "reference", title: t("Reference"), show: (row) => codeCell(row.reference, ""), sort: true },
      { name: "extracted", title: t("Answer"), show: (row) => codeCell(row.extracted, t("no answer")), sort: true },
      { name: "verdict", title: t("Verdict"), show: badge, sort: true },
      { name: "reason", title: t("Decision"), show: decisionCell, sort: true },
      { name: "rate", title: t("Pass rate"), show: (row) => share(row.facts?.rate ?? row.rate), sort: true, isNumber: true },
      { name: "tokens", title: t("Tokens"), show: (row) => number(row.tokens), sort: true, isNumber: true },
      ...run.rewards.map((name) => ({ name: `reward.${name}`, title: words(name), show: (row) => decimal(row.rewards?.[name]), sort: true, isNumber: true })),
      run.models.length > 1 && { name: "model", title: t("Model"), show: (row) => row.facts?.model ?? row.model ?? "", sort: true },
      run.efforts.length > 0 && { name: "effort", title: t("Effort"), show: (row) => row.facts?.effort ?? row.effort ?? "", sort: true },
    ].filter(Boolean),
    href: (row) => addressOf(row.problem, row.index),
    label: (row) => t("Trace {index} of {problem}", { index: row.index, problem: row.problem }),
  },
  problems: {
    none: () => t("No problem is like that."),
    count: (shown, total) => t("{shown} of {total} problems shown", { shown, total }),
    columns: () => [
      { name: "problem", title: t("Problem"), show: problemCell, sort: true },
      { name: "reference", title: t("Reference"), show: (row) => codeCell(row.reference, t("none")), sort: true },
      { name: "rate", title: t("Pass rate"), show: (row) => share(row.facts.rate), sort: true, isNumber: true },
      { name: "samples", title: t("Traces"), show: (row) => number(row.facts.samples), sort: true, isNumber: true },
      { name: "keeps", title: t("Kept"), show: (row) => number(row.facts.keeps), sort: true, isNumber: true },
      isFacet("source") && { name: "source", title: t("Source"), show: (row) => row.facts.source, sort: true },
      isFacet("level") && { name: "level", title: t("Level"), show: (row) => row.facts.level, sort: true },
      { name: "language", title: t("Language"), show: (row) => row.facts.language, sort: true },
      { name: "kind", title: t("Kind of answer"), show: (row) => words(row.facts.kind || ""), sort: true },
    ].filter(Boolean),
    href: (row) => addressOf(row.problem),
    label: (row) => row.problem,
  },
};

const isFacet = (name) => run.facets.some((facet) => facet.name === name);
const listing = { kind: "traces", query: new URLSearchParams(), shown: 0, turn: 0, back: null };

function addressOf(problem, index, query = listing.query) {
  const text = query.toString();
  return `#/problem/${encodeURIComponent(problem)}${index === undefined || index === null ? "" : `/${index}`}${text ? `?${text}` : ""}`;
}

function badge(trace) {
  const isCut = trace.error || (trace.finish && trace.finish !== "stop");
  const text = trace.error ? t("refused") : isCut ? t("cut") : trace.verdict ? t(trace.verdict) : t("not graded");
  return make("span", { class: `badge ${isCut ? "cut" : trace.verdict}` }, text);
}

function decisionCell(row) {
  const reason = words(row.reason || "undecided");
  return row.kept ? make("span", { class: "badge kept", title: run.reasons[row.reason] || "" }, t("kept")) : make("span", { title: run.reasons[row.reason] || "" }, reason);
}

function codeCell(text, without) {
  return text === null || text === undefined ? make("span", { class: "detail" }, without) : make("code", {}, excerpt(text, 60));
}

function problemCell(row) {
  return make("span", { class: "about" }, make("span", { class: "question" }, excerpt(row.question, 160)),
    make("span", { class: "where" }, row.problem, row.index === undefined ? "" : ` · ${row.index}`));
}

function appendRows(rows) {
  const kind = LISTS[listing.kind], columns = kind.columns();
  for (const row of rows) {
    const cells = columns.map((column, place) => {
      const shown = column.show(row);
      if (place === 0) return make("th", { scope: "row" }, make("a", { href: kind.href(row), "aria-label": kind.label(row) }, shown));
      return make("td", { class: column.isNumber ? "n" : column.name }, shown);
    });
    byId("rows").append(make("tr", {}, cells));
  }
}

function showHead() {
  const sort = listing.query.get("sort") || "", name = sort.replace(/^-/, "");
  byId("head").replaceChildren(make("tr", {}, LISTS[listing.kind].columns().map((column) => {
    if (!column.sort) return make("th", { scope: "col" }, column.title);
    const isSorted = column.name === name, isDown = sort.startsWith("-");
    const button = make("button", { type: "button", "data-sort": column.name }, column.title, make("span", { "aria-hidden": "true" }, isSorted ? (isDown ? " ↓" : " ↑") : " ↕"));
    return make("th", { scope: "col", class: column.isNumber ? "n" : null, "aria-sort": isSorted ? (isDown ? "descending" : "ascending") : null }, button);
  })));
}

async function loadRows(from) {
  const turn = ++listing.turn, kind = LISTS[listing.kind];
  byId("more").hidden = true;
  for (let place = from, target = listing.shown + PAGE; ;) {
    const found = await source[listing.kind](listing.query, place);
    if (turn !== listing.turn) return; // another filter was chosen meanwhile
    appendRows(found.rows);
    listing.shown += found.rows.length;
    const searched = found.searched < 1 ? ` (${t("{n} % searched", { n: Math.floor(100 * found.searched) })})` : "";
    const total = found.total === null ? (found.next === null ? listing.shown : null) : found.total;
    byId("count").textContent = (total === 0 ? kind.none() : kind.count(number(listing.shown), total === null ? "…" : number(total))) + searched;
    byId("nothing").hidden = total !== 0;
    byId("table").hidden = total === 0;
    place = found.next;
    byId("more").hidden = place === null;
    byId("more").onclick = () => loadRows(place);
    markScrolling(byId("list-page"));
    if (place === null || listing.shown >= target || found.rows.length >= PAGE) return;
  }
}

// ---- filters --------------------------------------------------------------------------------------------------

const facetsOf = (kind) => run.facets.filter((facet) => kind === "traces" || facet.of === "problem");

function facet(one) {
  const chosen = listing.query.getAll(one.name);
  const mark = chosen.length ? make("b", {}, String(chosen.length)) : null;
  const options = one.options ? [...one.options] : null;
  const body = options ? [
    ...options.map(([value, text, count]) => make("label", {}, make("input", { type: "checkbox", name: one.name, value, checked: chosen.includes(value) }),
      make("span", {}, text), count === null ? null : make("span", { class: "n" }, number(count)))),
  ] : rangeFields(one, chosen[0] || "");
  return make("details", { class: "facet", "data-name": one.name, name: "facet" }, make("summary", {}, one.label, mark), make("div", {}, body));
}

function rangeFields(one, value) {
  const [, low = "", , high = ""] = isRange(value) || [];
  const scale = one.percent ? 100 : 1, shown = (text) => (text === "" ? "" : String(Math.round(Number(text) * scale * 1e6) / 1e6));
  const field = (which, text, label) => make("label", {}, make("span", {}, label),
    make("input", { type: "number", step: "any", "data-range": one.name, "data-end": which, "data-scale": scale, value: shown(text) }));
  return [field("low", low, one.percent ? t("at least, in %") : t("at least")), field("high", high, one.percent ? t("at most, in %") : t("at most"))];
}

function showFilters() {
  const open = byId("facets").querySelector("details[open]")?.dataset.name, focused = document.activeElement?.name && [document.activeElement.name, document.activeElement.value];
  const range = document.activeElement?.dataset?.range && [document.activeElement.dataset.range, document.activeElement.dataset.end];
  byId("facets").replaceChildren(...facetsOf(listing.kind).map(facet));
  const again = open && byId("facets").querySelector(`details[data-name="${CSS.escape(open)}"]`);
  if (again) again.open = true;
  if (again && focused) again.querySelector(`[name="${CSS.escape(focused[0])}"][value="${CSS.escape(focused[1])}"]`)?.focus();
  if (again && range) again.querySelector(`[data-range="${CSS.escape(range[0])}"][data-end="${range[1]}"]`)?.focus();
  const text = byId("filters").elements.q;
  if (document.activeElement !== text) text.value = listing.query.get("q") || "";
  showChips();
}

function nameOf(name) {
  const known = run.facets.find((one) => one.name === name);
  return known ? known.label : words(name.replace(".", " "));
}

function valueOf(name, value) {
  const known = run.facets.find((one) => one.name === name), option = known?.options?.find(([one]) => one === value);
  if (option) return option[1];
  const range = isRange(value);
  if (!range) return words(value);
  const [, low, below, high] = range, show = (text) => (known?.percent ? `${Math.round(Number(text) * 1e4) / 100} %` : number(Number(text)));
  if (low === high) return show(low);
  if (low === "") return (below ? t("under {high}", { high: show(high) }) : t("at most {high}", { high: show(high) }));
  if (high === "") return t("at least {low}", { low: show(low) });
  return below ? t("{low} to under {high}", { low: show(low), high: show(high) }) : t("{low} to {high}", { low: show(low), high: show(high) });
}

function showChips() {
  const chips = [...listing.query].filter(([name]) => name !== "sort").map(([name, value]) =>
    make("button", { type: "button", class: "chip", "data-filter": name, "data-value": value, "aria-label": t("Take away the filter {name}: {value}", { name: nameOf(name), value: valueOf(name, value) }) },
      `${name === "q" ? t("Text") : nameOf(name)}${t(": ")}${valueOf(name, value)}`, make("span", { "aria-hidden": "true" }, " ×")));
  if (chips.length) chips.push(make("a", { href: `#/${listing.kind}` }, t("Clear all")));
  byId("chips").replaceChildren(...chips);
}

function go(query) {
  const text = query.toString();
  location.replace(`#/${listing.kind}${text ? `?${text}` : ""}`);
}

function filtersChanged() {
  const query = new URLSearchParams();
  const shown = new Set(facetsOf(listing.kind).filter((one) => one.options).map((one) => one.name));
  const offered = new Set(facetsOf(listing.kind).flatMap((one) => (one.options || []).map(([value]) => `${one.name}=${value}`)));
  for (const [name, value] of listing.query) { // what the form does not show stays as it is
    if (name === "q" || byId("filters").querySelector(`[data-range="${CSS.escape(name)}"]`)) continue;
    if (!shown.has(name) || !offered.has(`${name}=${value}`)) query.append(name, value);
  }
  for (const field of byId("filters").querySelectorAll("input[type=checkbox]:checked")) query.append(field.name, field.value);
  const ranges = {};
  for (const field of byId("filters").querySelectorAll("[data-range]")) {
    const value = field.value.trim() === "" ? "" : String(Number(field.value) / Number(field.dataset.scale));
    (ranges[field.dataset.range] ??= {})[field.dataset.end] = value;
  }
  for (const [name, { low, high }] of Object.entries(ranges)) {
    const before = listing.query.get(name), [, oldLow = "", below = "", oldHigh = ""] = isRange(before || "") || [];
    if (low || high) query.append(name, low === oldLow && high === oldHigh ? before : `${low}..${high === oldHigh ? below : ""}${high}`);
    else if (before && !isRange(before)) query.append(name, before);
  }
  const text = byId("filters").elements.q.value.trim();
  if (text) query.set("q", text);
  go(query);
}

function showList(kind, query) {
  listing.kind = kind;
  listing.query = new URLSearchParams(query);
  const asked = new URLSearchParams(query);
  for (const [name, value] of asked) if (!value) listing.query.delete(name);
  if (kind === "problems" && !listing.query.has("sort")) listing.query.set("sort", "rate");
  listing.shown = 0;
  byId("rows").replaceChildren();
  byId("list-title").textContent = kind === "traces" ? t("Traces") : t("Problems");
  byId("filters").elements.q.placeholder = kind === "traces" ? t("in question and reply") : t("in id and question");
  byId("list-told").textContent = kind === "traces" ? run.told : t("By pass rate, hardest first, unless another order is chosen.");
  showHead();
  showFilters();
  return loadRows(0);
}

let typing;
byId("filters").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(filtersChanged, event.target.type === "checkbox" ? 0 : 350);
});
byId("filters").addEventListener("submit", (event) => { event.preventDefault(); filtersChanged(); });
byId("chips").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  const query = new URLSearchParams();
  for (const [name, value] of listing.query) if (name !== chip.dataset.filter || value !== chip.dataset.value) query.append(name, value);
  go(query);
});
byId("head").addEventListener("click", (event) => {
  const name = event.target.closest("[data-sort]")?.dataset.sort;
  if (!name) return;
  const query = new URLSearchParams(listing.query), now = query.get("sort");
  if (now === name) query.set("sort", `-${name}`);
  else if (now === `-${name}`) query.delete("sort");
  else query.set("sort", name);
  go(query);
  setTimeout(() => byId("head").querySelector(`[data-sort="${CSS.escape(name)}"]`)?.focus(), 0);
});
byId("rows").addEventListener("click", (event) => { // the whole row leads where its link does
  if (event.target.closest("a") || String(getSelection())) return;
  event.target.closest("tr")?.querySelector("a")?.click();
});
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.facet[open]")) if (!open.contains(event.target)) open.open = false;
});

function stepRow(step) {
  const links = [...byId("rows").querySelectorAll("th a")], place = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, place + step))]?.focus();
}
