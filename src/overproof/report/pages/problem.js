// One problem with its traces: read, compared with its reference, and decided on. Text from traces only ever becomes text
// nodes; MathML comes from the server's own converter.
"use strict";

const FOREIGN = 1, REPEATED = 2, ANSWER = 4;
const MARKS = [[FOREIGN, "foreign", () => t("in another language")], [REPEATED, "repeated", () => t("said before")], [ANSWER, "answer", () => t("the graded answer")]];
// What may not open a line: a formula or a marked answer takes such a sign along (the browser would break before it).
const CLOSING = /^[。，、；：！？）】」』”’》〉…%％.,;:!?)\]}]+/;

function renderPieces(pieces, into) {
  const isBlock = (piece) => Array.isArray(piece) && (piece[2] || "").startsWith('<math display="block"');
  let last = null; // a formula or mark that the next closing sign must stay with
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
      const closing = last && CLOSING.exec(text);
      if (closing) {
        const glue = make("span", { class: "glue" });
        last.replaceWith(glue);
        glue.append(last, closing[0]);
        text = text.slice(closing[0].length);
      }
      node = document.createTextNode(text);
    }
    if (flags) {
      const names = MARKS.filter(([flag]) => flags & flag);
      node = make("mark", { class: names.map((one) => one[1]).join(" "), title: names.map((one) => one[2]()).join(", ") }, node);
    }
    into.append(node);
    last = (mathml !== null && !isBlock(piece)) || (flags & ANSWER) ? node : null;
  }
  return into;
}

function fact(name, ...value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
}

function copyButton(text, label) {
  const button = make("button", { type: "button", class: "copy", "aria-label": label }, t("Copy"));
  button.onclick = async () => {
    const given = typeof text === "function" ? await text() : text;
    try {
      await navigator.clipboard.writeText(given);
    } catch { // a file of its own has no clipboard in some browsers
      const area = make("textarea", { class: "hidden" });
      area.value = given;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = t("Copied");
    setTimeout(() => { button.textContent = t("Copy"); }, 1500);
  };
  return button;
}

function fillText(element, text) {
  element.textContent = text;
  return element;
}

function scrolling(tag, attributes, label) {
  return make(tag, { ...attributes, tabindex: "0", role: "region", "aria-label": label });
}

function fold(title, ...children) {
  return make("details", {}, make("summary", {}, title), ...children);
}

function table(rows, label) {
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    make("table", { class: "narrow" }, make("tbody", {}, rows.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value))))));
}

// ---- the problem ----------------------------------------------------------------------------------------------

function problemHead(problem, beside, query) {
  const link = (to, text, key) => (to ? make("a", { href: addressOf(to[0], key === "n" || key === "p" ? (query.toString() ? to[1] : undefined) : to[1], query), "data-key": key }, text) : null);
  const isFiltered = [...query.keys()].some((name) => name !== "sort");
  const list = query.toString();
  const back = listing.back || `#/traces${list ? `?${list}` : ""}`;
  const place = beside && isFiltered && beside.place !== null ? make("span", { class: "detail" }, t("{place} of {total} in the list", { place: number(beside.place), total: beside.total === null ? "…" : number(beside.total) })) : null;
  return make("div", { class: "problem-head" },
    make("nav", { class: "crumbs", "aria-label": t("Problems") },
      make("a", { href: back, "data-key": "u" }, isFiltered ? t("← the list") : back.startsWith("#/problems") ? t("← all problems") : t("← all traces")),
      link(beside?.previous, t("previous problem"), "p"), link(beside?.next, t("next problem"), "n"),
      isFiltered ? link(beside?.earlier, t("previous trace of the list"), "k") : null, isFiltered ? link(beside?.later, t("next trace of the list"), "j") : null, place),
    make("h1", { tabindex: "-1" }, t("Problem {id}", { id: problem.id })),
    renderPieces(problem.question, make("div", { class: "question-text" })),
    answersBeside(problem), factsOf(problem), asked(problem), besideIt(problem));
}

function answersBeside(problem) {
  const code = (pieces) => renderPieces(pieces, make("span", { class: "formula" }));
  const reference = problem.reference === undefined || problem.reference === null ? t("none") : code(problem.reference_pieces || [problem.reference]);
  const parts = [make("div", {}, make("dt", {}, t("Reference")), make("dd", {}, reference, problem.reference ? copyButton(problem.reference, t("Copy the reference")) : null))];
  if (problem.majority) {
    const told = t("{n} of {m} answers", { n: problem.majority.count, m: problem.majority.answers });
    parts.push(make("div", { class: problem.majority.agrees === false ? "differs" : null }, make("dt", {}, t("Most traces answer")),
      make("dd", {}, code(problem.majority.pieces), make("span", { class: "detail" }, ` ${told}`))));
  }
  if (problem.holds_with) {
    const said = problem.holds_with === "answer" ? t("that answer is right, and the reference is not") : t("the reference is right");
    parts.push(make("div", {}, make("dt", {}, t("The judge says")), make("dd", {}, said)));
  }
  return make("dl", { class: "answers" }, parts);
}

function factsOf(problem) {
  const facts = problem.facts || {}, list = (name, value, shown = value) => make("a", { href: `#/problems?${new URLSearchParams({ [name]: value })}` }, shown);
  const rate = facts.rate === null || facts.rate === undefined ? t("not known") : share(facts.rate);
  return make("dl", { class: "facts" },
    fact(t("Pass rate"), rate), fact(t("Traces"), problem.traces.length === problem.trace_count ? number(problem.trace_count) : t("{n} of {m} shown", { n: problem.traces.length, m: number(problem.trace_count) })),
    fact(t("Kept"), number(facts.keeps ?? 0)),
    problem.source ? fact(t("Source"), list("source", problem.source)) : null,
    problem.language ? fact(t("Language"), list("language", problem.language)) : null,
    problem.level ? fact(t("Level"), list("level", problem.level)) : null,
    facts.kind ? fact(t("Kind of answer"), list("kind", facts.kind, words(facts.kind))) : null,
    problem.issue ? fact(t("Cannot be graded"), problem.issue) : null);
}

function asked(problem) {
  if (!problem.messages?.length) return null;
  return fold(t("What was sent to the model"), ...problem.messages.map(([role, text]) =>
    make("div", { class: "message" }, make("h3", {}, t(role), copyButton(text, t("Copy the {role} message", { role }))), fillText(scrolling("pre", { class: "raw" }, role), text))));
}

function besideIt(problem) {
  const names = { duplicate: t("Same question as"), near: t("Near-duplicate of"), benchmark: t("Stands in the benchmark") };
  return (problem.beside || []).map((one) => make("section", { class: "beside-it", "aria-label": names[one.kind] },
    make("h3", {}, names[one.kind], " ", one.kind === "benchmark" ? one.id : make("a", { href: addressOf(one.id) }, one.id)),
    make("div", { class: "two" },
      make("div", {}, make("h4", {}, t("Here")), fillText(make("p", {}), one.here)),
      make("div", {}, make("h4", {}, one.kind === "benchmark" ? t("In the benchmark") : t("There")), fillText(make("p", {}), one.there)))));
}

// ---- one trace ------------------------------------------------------------------------------------------------

function traceCard(problem, trace, { isMatching = false, source: from = source, heading = null, prefix = "trace", markWrong = null } = {}) {
  const title = `${prefix}-${trace.index}`;
  const body = make("div");
  const toggle = make("button", { type: "button", "aria-pressed": "false" }, t("Raw"));
  const name = heading || t("Trace {index}", { index: trace.index });
  const wrong = markWrong ? make("button", { type: "button" }, t("Verdict is wrong")) : null;
  if (wrong) wrong.onclick = () => markWrong(trace);
  const card = make("article", { class: `card ${trace.verdict}${isMatching ? " match" : ""}`, id: title, "aria-labelledby": `${title}-title` },
    make("header", {},
      make("h2", { id: `${title}-title` }, make("a", { href: addressOf(problem.id, trace.index), title: t("Link to this trace") }, name)),
      badge(trace),
      trace.kept ? make("span", { class: "badge kept" }, t("kept")) : null,
      isMatching ? make("span", { class: "badge listed" }, t("in the list")) : null,
      make("span", { class: "actions" }, wrong, toggle)),
    make("p", { class: "verdict" }, ...verdictText(trace)), body);
  const fill = (raw) => {
    body.replaceChildren(...(raw ? rawParts(trace) : readParts(trace)));
    toggle.setAttribute("aria-pressed", String(raw));
  };
  toggle.onclick = () => fill(toggle.getAttribute("aria-pressed") !== "true");
  fill(false);
  card.append(rewardList(trace), ...moreOf(problem, trace, from));
  return card;
}

function verdictText(trace) {
  const parts = [], sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.。!?]$/.test(text) ? " " : ". "}` : "");
  const isCut = !trace.error && trace.finish && trace.finish !== "stop";
  if (trace.layer && !(isCut && trace.layer === "reply")) parts.push(make("b", {}, trace.extracted ? excerpt(trace.extracted, 120) : t("no answer")), ` – ${t(run.layers[trace.layer] || trace.layer)}: `, sentence(trace.why));
  for (const [judge, said] of Object.entries(trace.judged || {})) parts.push(make("span", { class: "judged" }, t("{judge}, asked as the judge, replied ", { judge }), make("q", {}, said), t(". ")));
  if (trace.error) parts.push(t("The endpoint refused: {error}. ", { error: words(trace.error) }));
  else if (isCut) parts.push(t("The reply was cut ({finish}). ", { finish: trace.finish }));
  if (trace.reason && !trace.kept && !(isCut && trace.reason === "truncated")) parts.push(sentence(t("not kept: {reason}", { reason: run.reasons[trace.reason] || words(trace.reason) })));
  return parts;
}

function readParts(trace) {
  const parts = [];
  if (trace.reasoning) parts.push(make("h3", {}, t("Reasoning")), renderPieces(trace.reasoning, scrolling("div", { class: "part reasoning" }, t("Reasoning of trace {index}", { index: trace.index }))));
  parts.push(make("h3", {}, trace.reasoning ? t("Answer") : t("Reply without reasoning"), copyButton(trace.raw, t("Copy the reply of trace {index}", { index: trace.index }))));
  parts.push(trace.answer.length ? renderPieces(trace.answer, scrolling("div", { class: "part answer" }, t("Answer of trace {index}", { index: trace.index }))) : make("p", { class: "empty" }, t("empty")));
  if (trace.left_out) parts.push(make("p", { class: "empty" }, t("{n} characters are left out here; overproof view shows them all.", { n: number(trace.left_out) })));
  return parts;
}

function rawParts(trace) {
  const parts = [];
  if (trace.raw_reasoning !== undefined) parts.push(make("h3", {}, t("Reasoning as it came")), fillText(scrolling("pre", { class: "raw" }, t("Reasoning as it came")), trace.raw_reasoning));
  parts.push(make("h3", {}, t("Reply as it came")), fillText(scrolling("pre", { class: "raw" }, t("Reply as it came")), trace.raw));
  return parts;
}

function rewardList(trace) {
  const list = make("dl", { class: "rewards" });
  for (const [name, value] of Object.entries(trace.rewards || {})) {
    list.append(make("div", {}, make("dt", {}, words(name)), make("dd", {}, decimal(value))));
  }
  list.append(make("div", {}, make("dt", {}, trace.tokens === undefined || trace.tokens === null ? t("characters") : t("tokens")), make("dd", {}, number(trace.tokens ?? trace.characters ?? 0))));
  if (trace.money) list.append(make("div", {}, make("dt", {}, t("money")), make("dd", {}, trace.money)));
  if (trace.seconds) list.append(make("div", {}, make("dt", {}, t("seconds")), make("dd", {}, String(trace.seconds))));
  if (trace.attempts > 1) list.append(make("div", {}, make("dt", {}, t("attempts")), make("dd", {}, String(trace.attempts))));
  return list;
}

function moreOf(problem, trace, from) {
  const parts = [], request = { ...(trace.request || {}) };
  const evidence = Object.entries(trace.evidence || {}), reasons = trace.reward_reasons || {};
  const measured = [...new Set([...evidence.map(([name]) => name), ...Object.keys(reasons)])];
  if (measured.length) {
    parts.push(fold(t("Why these rewards"), table(measured.map((name) => [words(name), make("span", {}, reasons[name] ? words(reasons[name]) : "", evidenceOf((trace.evidence || {})[name]))]), t("Why these rewards"))));
  }
  if (Object.keys(trace.selections || {}).length) {
    const rows = [[t("selection"), decisionCell(trace)], ...Object.entries(trace.selections).map(([name, [kept, reason]]) => [name, decisionCell({ kept, reason })])];
    parts.push(fold(t("Under each selection"), table(rows, t("Under each selection"))));
  }
  const rows = Object.entries(request).filter(([, value]) => value !== null && value !== "" && value !== undefined)
    .map(([name, value]) => [words(name), make("code", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]);
  if (trace.marks?.length) rows.push([t("marks"), trace.marks.map(words).join(", ")]);
  const raw = from.raw ? rawJson(problem, trace, from) : null;
  if (rows.length || raw) parts.push(fold(t("Request and usage"), rows.length ? table(rows, t("Request and usage")) : null, raw));
  return parts;
}

function evidenceOf(evidence) {
  if (!evidence) return null;
  return make("dl", { class: "evidence" }, Object.entries(evidence).map(([name, value]) =>
    make("div", {}, make("dt", {}, words(name)), make("dd", {}, typeof value === "string" ? make("q", {}, excerpt(value, 300)) : typeof value === "number" ? decimal(value) : make("code", {}, excerpt(JSON.stringify(value), 400))))));
}

function rawJson(problem, trace, from) {
  const place = make("div"), text = async () => JSON.stringify(await from.raw(problem.id, trace.index), null, 2);
  const button = make("button", { type: "button" }, t("Show the raw JSON"));
  button.onclick = async () => {
    place.replaceChildren(fillText(scrolling("pre", { class: "raw" }, t("Raw JSON")), await text()));
    button.remove();
  };
  return make("p", {}, button, " ", copyButton(text, t("Copy the raw JSON")), place);
}

function showWithin(container, element) {
  const gap = element.getBoundingClientRect().bottom - container.getBoundingClientRect().bottom;
  if (gap > 0) container.scrollTop += gap + 12;
}

function legend() {
  return make("div", { class: "tools" }, t("Marked:"), " ",
    make("mark", { class: "answer" }, t("the graded answer")), make("mark", { class: "foreign" }, t("in another language")), make("mark", { class: "repeated" }, t("said before")));
}

function otherTraces(problem, query) {
  if (!run.api || problem.traces.length === problem.trace_count) return null;
  const places = problem.traces.map((trace) => trace.index), first = Math.min(...places), last = Math.max(...places);
  const link = (index, text) => make("a", { href: addressOf(problem.id, index, query) }, text);
  return make("nav", { class: "crumbs", "aria-label": t("More traces") },
    first > 0 ? link(first - 1, t("earlier traces")) : null, last + 1 < problem.trace_count ? link(last + 1, t("later traces")) : null);
}

async function showProblem(id, index, query) {
  const page = byId("problem-page");
  const [problem, beside] = await Promise.all([source.problem(id, index), source.beside(id, index, query)]);
  if (problem === null) {
    page.replaceChildren(make("div", { class: "title" }, make("h1", { tabindex: "-1" }, t("This problem is not here")),
      make("p", {}, run.api ? t("The run has no problem {id}.", { id }) : t("The report holds some problems only, and {id} is not among them. overproof view shows them all.", { id })),
      make("p", {}, make("a", { href: "#/problems" }, t("All problems")))));
    return;
  }
  const isFiltered = [...query.keys()].some((name) => name !== "sort"), matching = new Set(isFiltered ? beside?.matching : []);
  const deciding = run.token ? decisions(problem) : null, markWrong = deciding && ((trace) => deciding.markWrong(trace));
  page.replaceChildren(problemHead(problem, beside, query), deciding ?? decided(problem) ?? "", legend(),
    make("div", { class: "cards" }, ...problem.traces.map((trace) => traceCard(problem, trace, { isMatching: matching.has(trace.index), markWrong }))), otherTraces(problem, query) ?? "");
  for (const mark of page.querySelectorAll(".part.answer mark.answer")) showWithin(mark.closest(".part"), mark);
  markScrolling(page);
  const here = index === undefined ? null : byId(`trace-${index}`);
  if (here) {
    here.classList.add("here");
    here.scrollIntoView({ block: "nearest" });
  }
}
