// What a person has decided about a problem, and the form to decide (`overproof view --edit`).
"use strict";

const KINDS = {
  keep: () => t("The reference is right"), replace: () => t("Replace the reference"), drop: () => t("Drop the problem"), verdict: () => t("A verdict is wrong"),
};

function describeDecision(one) {
  const what = one.kind === "replace" ? t("the reference is replaced by {reference}", { reference: one.reference })
    : one.kind === "drop" ? t("the problem is dropped")
      : one.kind === "verdict" ? t("trace {index} is {verdict}", { index: one.index, verdict: t(one.verdict) })
        : t("the reference is right");
  return make("span", {}, `${what} – ${one.by || t("somebody")}${one.why ? `: ${one.why}` : ""}`);
}

function decided(problem) {
  if (!problem.decisions?.length) return null;
  return make("section", { class: "decisions", "aria-label": t("Decided by a person") }, make("h2", {}, t("Decided by a person")),
    make("ul", {}, problem.decisions.map((one) => make("li", {}, describeDecision(one)))));
}

function decisions(problem) {
  const place = make("section", { class: "decisions", "aria-label": t("Decide") });
  const remembered = () => { try { return localStorage.getItem("overproof-name") || ""; } catch { return ""; } };
  const said = make("p", { role: "status", class: "detail" });
  const send = async (decision) => {
    try {
      const answer = await source.decide({ problem: problem.id, ...decision });
      problem.decisions = answer.decisions;
      fill();
      said.textContent = t("Written to {file}. Run overproof score, select and export to have it obeyed.", { file: answer.file });
    } catch (error) { said.textContent = error.message; }
  };
  const fill = () => {
    const form = make("form", {},
      make("label", {}, make("span", {}, t("Decision")), make("select", { name: "kind" }, Object.entries(KINDS).map(([kind, title]) => make("option", { value: kind }, title())))),
      make("label", { "data-for": "replace" }, make("span", {}, t("New reference")), make("input", { name: "reference", value: problem.majority?.agrees === false ? problem.majority.answer : "", spellcheck: "false", autocomplete: "off" })),
      make("label", { "data-for": "verdict" }, make("span", {}, t("Trace")), make("select", { name: "index" }, problem.traces.map((trace) => make("option", { value: trace.index }, String(trace.index))))),
      make("label", { "data-for": "verdict" }, make("span", {}, t("Its verdict should be")), make("select", { name: "verdict" }, ["correct", "incorrect"].map((one) => make("option", { value: one }, t(one))))),
      make("label", {}, make("span", {}, t("Why")), make("input", { name: "why", autocomplete: "off" })),
      make("label", {}, make("span", {}, t("Your name")), make("input", { name: "by", value: remembered(), autocomplete: "name", required: true })),
      make("button", { type: "submit" }, t("Decide")));
    const adapt = () => { for (const label of form.querySelectorAll("[data-for]")) label.hidden = label.dataset.for !== form.elements.kind.value; };
    form.elements.kind.value = problem.majority?.agrees === false ? "replace" : "keep";
    form.addEventListener("change", adapt);
    adapt();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const kind = form.elements.kind.value, by = form.elements.by.value.trim(), decision = { kind, by, why: form.elements.why.value.trim() };
      try { localStorage.setItem("overproof-name", by); } catch { /* not remembered */ }
      if (kind === "replace") decision.reference = form.elements.reference.value.trim();
      if (kind === "verdict") Object.assign(decision, { index: Number(form.elements.index.value), verdict: form.elements.verdict.value });
      send(decision);
    });
    const undo = (one) => {
      const button = make("button", { type: "button" }, t("Undo"));
      button.onclick = () => send({ kind: "undo", of: one.kind, index: one.index, by: remembered() });
      return button;
    };
    place.replaceChildren(make("h2", {}, t("Decide")), make("ul", {}, (problem.decisions || []).map((one) => make("li", {}, describeDecision(one), " ", undo(one)))), form, said);
  };
  fill();
  return place;
}
