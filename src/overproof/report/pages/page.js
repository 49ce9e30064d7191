// The pages of a run: overview, list of traces, one problem. The same code reads what is packed into a report and what
// `overproof view` serves. Text from traces only ever becomes text nodes; MathML comes from the server's own converter.
"use strict";

const run = JSON.parse(document.getElementById("run").textContent);
const byId = (id) => document.getElementById(id);
const FOREIGN = 1, REPEATED = 2, ANSWER = 4;
const PAGE = 50;

// ---- elements -------------------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function renderPieces(pieces, into) {
  const isBlock = (piece) => Array.isArray(piece) && (piece[2] || "").startsWith('<math display="block"');
  for (const [place, piece] of pieces.entries()) {
    const [written, flags = 0, mathml = null] = typeof piece === "string" ? [piece] : piece;
    let text = written, node; // a formula on lines of its own brings its own space
    if (mathml === null && isBlock(pieces[place + 1])) text = text.replace(/\s*\n\s*$/, "");
    if (mathml === null && isBlock(pieces[place - 1])) text = text.replace(/^\s*\n\s*/, "");
    if (mathml !== null) {
      const template = document.createElement("template");
      template.innerHTML = mathml;
      node = template.content.firstChild;
      node.setAttribute("title", text);
    } else {
      node = document.createTextNode(text);
    }
    if (flags) {
      const names = [[FOREIGN, "foreign", "in another language"], [REPEATED, "repeated", "said before"], [ANSWER, "answer", "the graded answer"]]
        .filter(([flag]) => flags & flag);
      node = make("mark", { class: names.map((one) => one[1]).join(" "), title: names.map((one) => one[2]).join(", ") }, node);
    }
    into.append(node);
  }
  return into;
}

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));
const words = (name) => name.replaceAll("_", " ");
const excerpt = (text, length = 220) => (text.length > length ? text.slice(0, length) + "…" : text);

function badge(trace) {
  const cut = trace.error || (trace.finish && trace.finish !== "stop");
  const text = trace.error ? "refused" : cut ? "cut" : trace.verdict || "not graded";
  return make("span", { class: `badge ${cut ? "cut" : trace.verdict}` }, text);
}

// ---- where traces come from -----------------------------------------------------------------------------------

// Both sources answer list(filters, from) → {total, rows, next, searched}, problem(id, index) → the problem with the
// traces around that index, and neighbours(id) → {previous, next}.
// A row is {problem, index, question, source, verdict, kept, reason, extracted, tokens, finish, error}.

class PackedTraces {
  constructor(packed) {
    this.ready = this.unpack(packed);
  }

  async unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    this.problems = JSON.parse(await new Response(stream).text());
    this.rows = this.problems.flatMap((problem) => problem.traces.map((trace) => ({
      problem: problem.id, question: problem.raw, source: problem.source, language: problem.language, level: problem.level,
      finish: "", error: null, ...trace,
      text: `${problem.id}\n${problem.raw}\n${trace.raw_reasoning || ""}\n${trace.raw}`.toLowerCase(),
    })));
  }

  async list(filters, from) {
    await this.ready;
    const query = (filters.q || "").toLowerCase(), blank = { verdict: "none", language: "unknown" };
    const found = this.rows.filter((row) =>
      ["verdict", "reason", "source", "language", "level"].every((name) => !filters[name] || (row[name] || blank[name]) === filters[name])
      && (!query || row.text.includes(query)));
    return { total: found.length, rows: found.slice(from, from + PAGE), next: from + PAGE < found.length ? from + PAGE : null, searched: 1 };
  }

  async problem(id) {
    await this.ready;
    return this.problems.find((problem) => problem.id === id) || null;
  }

  async neighbours(id) {
    await this.ready;
    const place = this.problems.findIndex((problem) => problem.id === id);
    const at = (step) => (place < 0 ? null : this.problems[place + step]?.id ?? null);
    return { previous: at(-1), next: at(1) };
  }
}

class ServedTraces {
  async ask(path, parameters) {
    const answer = await fetch(`${run.api}/${path}?${new URLSearchParams(parameters)}`);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  list(filters, from) {
    return this.ask("traces", { ...filters, from });
  }

  problem(id, index = 0) {
    return this.ask("problem", { id, index });
  }

  neighbours(id) {
    return this.ask("neighbours", { id });
  }
}

const source = run.api ? new ServedTraces() : new PackedTraces(byId("packed").textContent);

// ---- the list of traces ---------------------------------------------------------------------------------------

const listing = { filters: {}, last: null, shown: 0, turn: 0, back: null };

function problemRow(row) {
  const link = make("a", { href: `#/problem/${encodeURIComponent(row.problem)}` }, row.problem);
  return make("tr", { class: "group" }, make("th", { colspan: "5", scope: "rowgroup" },
    make("div", { class: "question" }, excerpt(row.question)), make("div", { class: "where" }, link, row.source ? ` · ${row.source}` : "")));
}

function traceRow(row) {
  return make("tr", {},
    make("td", {}, make("a", { href: `#/problem/${encodeURIComponent(row.problem)}/${row.index}`, "aria-label": `Trace ${row.index} of ${row.problem}` }, `Trace ${row.index}`)),
    make("td", {}, badge(row)),
    make("td", { class: "given" }, row.extracted ? make("code", {}, excerpt(row.extracted, 80)) : "no answer"),
    make("td", {}, row.kept ? make("span", { class: "badge kept" }, "kept") : words(row.reason || "undecided")),
    make("td", { class: "n" }, number(row.tokens)));
}

function appendRows(rows) {
  for (const row of rows) {
    if (row.problem !== listing.last) byId("rows").append(problemRow(row));
    listing.last = row.problem;
    byId("rows").append(traceRow(row));
  }
}

async function loadRows(from) {
  const turn = ++listing.turn;
  byId("more").hidden = true;
  for (let place = from, target = listing.shown + PAGE; ;) {
    const found = await source.list(listing.filters, place);
    if (turn !== listing.turn) return; // another filter was chosen meanwhile
    appendRows(found.rows);
    listing.shown += found.rows.length;
    const share = found.searched < 1 ? ` (${Math.floor(100 * found.searched)} % searched)` : "";
    const total = found.total === null ? (found.next === null ? listing.shown : null) : found.total;
    byId("count").textContent = total === 0 ? "No trace is like that." :
      `${number(listing.shown)} of ${total === null ? "…" : number(total)} traces shown${share}`;
    place = found.next;
    byId("more").hidden = place === null;
    byId("more").onclick = () => loadRows(place);
    if (place === null || listing.shown >= target || found.rows.length >= PAGE) return;
  }
}

function showTraces(parameters) {
  const form = byId("filters");
  listing.filters = Object.fromEntries([...parameters].filter(([, value]) => value));
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = listing.filters[field.name] || "";
    if (field.tagName === "SELECT" && value && ![...field.options].some((option) => option.value === value)) {
      field.append(make("option", { value }, words(value)));
    }
    if (field.value !== value) field.value = value;
  }
  listing.shown = 0;
  listing.last = null;
  byId("rows").replaceChildren();
  byId("traces-told").textContent = run.told;
  return loadRows(0);
}

function filtersChanged() {
  const chosen = new URLSearchParams([...new FormData(byId("filters"))].filter(([, value]) => value));
  const text = chosen.toString();
  location.replace(`#/traces${text ? `?${text}` : ""}`);
}

// ---- one problem ----------------------------------------------------------------------------------------------

function fact(name, ...value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
}

function problemHead(problem, neighbours) {
  const here = (id, text, key) => (id ? make("a", { href: `#/problem/${encodeURIComponent(id)}`, "data-key": key }, text) : null);
  const right = problem.traces.filter((trace) => trace.verdict === "correct" || trace.verdict === "approximate").length;
  const shown = problem.traces.length === problem.trace_count ? "" : ` shown of ${number(problem.trace_count)}`;
  const facts = make("dl", { class: "facts" },
    problem.reference === undefined ? fact("Reference", "none") : fact("Reference", renderPieces(problem.reference_pieces || [problem.reference], make("span"))),
    fact("Right", `${right} of ${problem.traces.length} traces${shown}`),
    problem.source ? fact("Source", problem.source) : null,
    problem.language ? fact("Language", problem.language) : null,
    problem.level ? fact("Level", problem.level) : null,
    problem.issue ? fact("Cannot be graded", problem.issue) : null,
    problem.duplicate_of ? fact("Same question as", problem.duplicate_of) : null,
    problem.cluster ? fact("Near-duplicate of", problem.cluster) : null,
    problem.contaminated?.length ? fact("Stands in", problem.contaminated.join(", ")) : null);
  return make("div", { class: "problem-head" },
    make("nav", { class: "crumbs", "aria-label": "Problems" },
      make("a", { href: listing.back || "#/traces", "data-key": "u" }, "← all traces"),
      here(neighbours?.previous, "previous problem", "p"), here(neighbours?.next, "next problem", "n")),
    make("h1", { tabindex: "-1" }, `Problem ${problem.id}`),
    renderPieces(problem.question, make("div", { class: "question-text" })), facts);
}

function otherTraces(problem) {
  if (!run.api || problem.traces.length === problem.trace_count) return null;
  const indices = problem.traces.map((trace) => trace.index);
  const link = (index, text) => make("a", { href: `#/problem/${encodeURIComponent(problem.id)}/${index}` }, text);
  const first = Math.min(...indices), last = Math.max(...indices);
  return make("nav", { class: "crumbs", "aria-label": "More traces" },
    first > 0 ? link(first - 1, "earlier traces") : null, last + 1 < problem.trace_count ? link(last + 1, "later traces") : null);
}

function traceCard(problem, trace) {
  const id = `#/problem/${encodeURIComponent(problem.id)}/${trace.index}`;
  const title = `trace-${trace.index}`;
  const body = make("div");
  const toggle = make("button", { type: "button", "aria-pressed": "false" }, "Raw");
  const card = make("article", { class: `card ${trace.verdict}`, id: title, "aria-labelledby": `${title}-title` },
    make("header", {},
      make("h2", { id: `${title}-title` }, make("a", { href: id, title: "Link to this trace" }, `Trace ${trace.index}`)),
      badge(trace),
      trace.kept ? make("span", { class: "badge kept" }, "kept") : null,
      toggle),
    make("p", { class: "verdict" }, ...verdictText(trace)), body);
  const fill = (raw) => {
    body.replaceChildren(...(raw ? rawParts(trace) : readParts(trace)));
    toggle.setAttribute("aria-pressed", String(raw));
  };
  toggle.onclick = () => fill(toggle.getAttribute("aria-pressed") !== "true");
  fill(false);
  card.append(rewardList(trace));
  return card;
}

function verdictText(trace) {
  const parts = [];
  const why = trace.why ? `${trace.why[0].toUpperCase()}${trace.why.slice(1)}. ` : "";
  if (trace.layer) parts.push(`${why}Decided by the layer `, make("b", {}, trace.layer), ". ");
  if (trace.error) parts.push(`The endpoint refused: ${trace.error}. `);
  else if (trace.finish && trace.finish !== "stop") parts.push(`The reply was cut (${trace.finish}). `);
  if (trace.reason && !trace.kept) parts.push(make("span", { title: run.reasons[trace.reason] || "" }, `Not kept: ${run.reasons[trace.reason] || words(trace.reason)}. `));
  for (const [name, reason] of Object.entries(trace.selections || {})) parts.push(`${name}: ${words(reason)}. `);
  return parts;
}

function scrolling(tag, attributes, label) {
  return make(tag, { ...attributes, tabindex: "0", role: "region", "aria-label": label });
}

function readParts(trace) {
  const parts = [];
  if (trace.reasoning) parts.push(make("h3", {}, "Reasoning"), renderPieces(trace.reasoning, scrolling("div", { class: "part reasoning" }, `Reasoning of trace ${trace.index}`)));
  parts.push(make("h3", {}, trace.reasoning ? "Answer" : "Reply without reasoning"));
  parts.push(trace.answer.length ? renderPieces(trace.answer, scrolling("div", { class: "part answer" }, `Answer of trace ${trace.index}`)) : make("p", { class: "empty" }, "empty"));
  if (trace.left_out) parts.push(make("p", { class: "empty" }, `${number(trace.left_out)} characters are left out here; overproof view shows them all.`));
  return parts;
}

function rawParts(trace) {
  const parts = [];
  if (trace.raw_reasoning !== undefined) parts.push(make("h3", {}, "Reasoning as it came"), fillText(scrolling("pre", { class: "raw" }, "Reasoning as it came"), trace.raw_reasoning));
  parts.push(make("h3", {}, "Reply as it came"), fillText(scrolling("pre", { class: "raw" }, "Reply as it came"), trace.raw));
  return parts;
}

function fillText(element, text) {
  element.textContent = text;
  return element;
}

function rewardList(trace) {
  const list = make("dl", { class: "rewards" });
  for (const [name, value] of Object.entries(trace.rewards || {})) {
    const why = (trace.reward_reasons || {})[name];
    list.append(make("div", { title: why ? words(why) : "" }, make("dt", {}, words(name)), make("dd", {}, value === null ? "–" : String(Math.round(value * 1000) / 1000))));
  }
  list.append(make("div", {}, make("dt", {}, trace.tokens === undefined || trace.tokens === null ? "characters" : "tokens"), make("dd", {}, number(trace.tokens ?? trace.characters ?? 0))));
  if (trace.seconds) list.append(make("div", {}, make("dt", {}, "seconds"), make("dd", {}, String(trace.seconds))));
  if (trace.attempts > 1) list.append(make("div", {}, make("dt", {}, "attempts"), make("dd", {}, String(trace.attempts))));
  return list;
}

function showWithin(container, element) {
  const gap = element.getBoundingClientRect().bottom - container.getBoundingClientRect().bottom;
  if (gap > 0) container.scrollTop += gap + 12;
}

async function showProblem(id, index) {
  const page = byId("problem-page");
  const [problem, neighbours] = await Promise.all([source.problem(id, index), source.neighbours(id)]);
  if (problem === null) {
    page.replaceChildren(make("div", { class: "title" }, make("h1", { tabindex: "-1" }, "This problem is not here"),
      make("p", {}, run.api ? `The run has no problem ${id}.` : `The report holds some problems only, and ${id} is not among them. overproof view shows them all.`)));
    return;
  }
  const legend = make("div", { class: "tools" }, "Marked: ",
    make("mark", { class: "answer" }, "graded answer"), make("mark", { class: "foreign" }, "another language"), make("mark", { class: "repeated" }, "said before"));
  page.replaceChildren(problemHead(problem, neighbours), legend, make("div", { class: "cards" }, ...problem.traces.map((trace) => traceCard(problem, trace))), otherTraces(problem) ?? "");
  for (const mark of page.querySelectorAll(".part.answer mark.answer")) showWithin(mark.closest(".part"), mark);
  const here = index === undefined ? null : byId(`trace-${index}`);
  if (here) {
    here.classList.add("here");
    here.scrollIntoView({ block: "nearest" });
  }
}

// ---- routes ---------------------------------------------------------------------------------------------------

const scrolledTo = {};

async function route(isFirst) {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/");
  const name = parts[0] === "problem" && parts.length > 1 ? "problem" : parts[0] === "traces" ? "traces" : "overview";
  if (name === "overview" && parts[0] && !isFirst) return; // a link within the overview
  for (const page of ["overview", "traces", "problem"]) byId(`${page}-page`).hidden = page !== name;
  for (const link of document.querySelectorAll(".top [data-route]")) {
    if (link.dataset.route === (name === "problem" ? "traces" : name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "traces") {
    listing.back = location.hash;
    document.title = `Traces · ${run.name} · Overproof`;
    await showTraces(new URLSearchParams(query));
  } else if (name === "problem") {
    const id = decodeURIComponent(parts[1]);
    document.title = `${id} · ${run.name} · Overproof`;
    await showProblem(id, parts[2] === undefined ? undefined : Number(parts[2]));
  } else {
    document.title = `${run.name} · Overproof report`;
  }
  if (!isFirst && name !== "traces") document.querySelector(`#${name}-page h1`)?.focus({ preventScroll: name === "overview" });
  if (name !== "problem" || parts[2] === undefined) window.scrollTo(0, scrolledTo[location.hash] || 0);
  document.body.dataset.ready = location.hash || "#/";
}

function failed(error) {
  byId("count").textContent = `Something went wrong: ${error.message || error}`;
  console.error(error);
}

window.addEventListener("hashchange", () => route(false).catch(failed));
window.addEventListener("scroll", () => { scrolledTo[location.hash] = window.scrollY; }, { passive: true });

let typing;
byId("filters").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(filtersChanged, event.target.name === "q" ? 250 : 0);
});
byId("filters").addEventListener("submit", (event) => { event.preventDefault(); filtersChanged(); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "/") {
    event.preventDefault();
    if (byId("traces-page").hidden) location.hash = "#/traces";
    setTimeout(() => byId("filters").elements.q.focus(), 0);
  } else {
    const link = byId("problem-page").hidden ? null : document.querySelector(`#problem-page [data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  }
});

// ---- a run that goes on ---------------------------------------------------------------------------------------

async function refresh() {
  try {
    const now = await (await fetch(`${run.api}/state`)).json();
    if (now.stamp !== run.stamp && !byId("overview-page").hidden) {
      const answer = await fetch(`${run.api}/overview`);
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        byId("overview").replaceChildren(...page.getElementById("overview").childNodes);
        run.stamp = now.stamp;
      }
    }
  } catch { /* the server has stopped: what is on the page stays */ }
  setTimeout(refresh, 4000);
}
if (run.api) setTimeout(refresh, 4000);

route(true).catch(failed);
