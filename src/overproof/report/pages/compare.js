// Runs side by side: the traces of one problem in two of them.
"use strict";

const sources = run.runs.map((one) => new ServedTraces(one.api));
let source = sources[0];
const listing = { query: new URLSearchParams() };

function badge(trace) {
  const isCut = trace.error || (trace.finish && trace.finish !== "stop");
  return make("span", { class: `badge ${isCut ? "cut" : trace.verdict}` }, trace.error ? t("refused") : isCut ? t("cut") : trace.verdict ? t(trace.verdict) : t("not graded"));
}

function decisionCell(row) {
  return row.kept ? make("span", { class: "badge kept" }, t("kept")) : make("span", {}, words(row.reason || "undecided"));
}

// A problem's own page lies with its run.
const addressOf = (problem, index) => `${run.runs[sources.indexOf(source)].api.replace(/api$/, "")}#/problem/${encodeURIComponent(problem)}${index === undefined ? "" : `/${index}`}`;

async function showBeside() {
  const [name, left, right, id] = location.hash.replace(/^#\/?/, "").split("/"), place = byId("beside");
  if (name !== "beside") {
    place.hidden = true;
    return;
  }
  const chosen = [Number(left), Number(right)], problemId = decodeURIComponent(id);
  const found = await Promise.all(chosen.map((number) => sources[number].problem(problemId)));
  const columns = chosen.map((number, side) => {
    source = sources[number];
    const problem = found[side], heading = make("h3", {}, run.runs[number].name);
    if (!problem) return make("div", {}, heading, make("p", { class: "empty" }, t("The run has no problem {id}.", { id: problemId })));
    return make("div", {}, heading, problem.traces.map((trace) => traceCard(problem, trace, { source: sources[number], prefix: `side-${side}` })));
  });
  const shown = found.find(Boolean);
  place.replaceChildren(make("section", { "aria-labelledby": "beside-title" },
    make("h2", { id: "beside-title", tabindex: "-1" }, t("Problem {id}", { id: problemId })),
    shown ? renderPieces(shown.question, make("div", { class: "question-text" })) : null,
    shown?.reference ? make("p", {}, `${t("Reference")}: `, renderPieces(shown.reference_pieces || [shown.reference], make("span", {}))) : null,
    make("div", { class: "sides" }, columns)));
  place.hidden = false;
  byId("beside-title").focus();
  place.scrollIntoView();
  document.body.dataset.ready = location.hash;
}

window.addEventListener("hashchange", showBeside);
showBeside();
