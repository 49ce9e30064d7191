// What a person has decided about a problem, and the form to decide (`overproof view --edit`).
"use strict";

const KINDS = {
  keep: () => t("The reference is right"), replace: () => t("Replace the reference"), drop: () => t("Drop the problem"), verdict: () => t("A verdict is wrong"),
};

// Which trace a decision is about: its id ends with its index and its fingerprint.
const indexOf = (one) => Number(one.trace_id.split("/").at(-2));

function describeDecision(one) {
  const what = one.action === "replace" ? t("the reference is replaced by {reference}", { reference: one.reference })
    : one.action === "drop" ? t("the problem is dropped")
      : one.action === "verdict" ? t("trace {index} is {verdict}", { index: indexOf(one), verdict: t(one.verdict) })
        : t("the reference is right");
  return make("span", {}, `${what} – ${one.who || t("somebody")}${one.why ? `: ${one.why}` : ""}`);
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
      make("label", {}, make("span", {}, t("Decision")), make("select", { name: "action" }, Object.entries(KINDS).map(([kind, title]) => make("option", { value: kind }, title())))),
      make("label", { "data-for": "replace" }, make("span", {}, t("New reference")), make("input", { name: "reference", value: problem.majority?.agrees === false ? problem.majority.answer : "", spellcheck: "false", autocomplete: "off" })),
      make("label", { "data-for": "verdict" }, make("span", {}, t("Trace")), make("select", { name: "index" }, problem.traces.map((trace) => make("option", { value: trace.index }, String(trace.index))))),
      make("label", { "data-for": "verdict" }, make("span", {}, t("Its verdict should be")), make("select", { name: "verdict" }, ["correct", "incorrect"].map((one) => make("option", { value: one }, t(one))))),
      make("label", {}, make("span", {}, t("Why")), make("input", { name: "why", autocomplete: "off" })),
      make("label", {}, make("span", {}, t("Your name")), make("input", { name: "who", value: remembered(), autocomplete: "name", required: true })),
      make("button", { type: "submit" }, t("Decide")));
    const adapt = () => { for (const label of form.querySelectorAll("[data-for]")) label.hidden = label.dataset.for !== form.elements.action.value; };
    form.elements.action.value = problem.majority?.agrees === false ? "replace" : "keep";
    form.addEventListener("change", adapt);
    adapt();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const action = form.elements.action.value, who = form.elements.who.value.trim(), decision = { action, who, why: form.elements.why.value.trim() };
      try { localStorage.setItem("overproof-name", who); } catch { /* not remembered */ }
      if (action === "replace") decision.reference = form.elements.reference.value.trim();
      if (action === "verdict") Object.assign(decision, { index: Number(form.elements.index.value), verdict: form.elements.verdict.value });
      send(decision);
    });
    const made = problem.decisions || [];
    const undo = (title, decision) => {
      const button = make("button", { type: "button", class: "small" }, title);
      button.onclick = () => send({ action: "undo", who: remembered(), ...decision });
      return button;
    };
    const lines = made.map((one) => make("li", {}, describeDecision(one), " ",
      made.length === 1 ? undo(t("Undo"), {}) : one.action === "verdict" ? undo(t("Undo"), { index: indexOf(one) }) : null));
    place.replaceChildren(make("h2", {}, t("Decide")), make("ul", {}, lines),
      made.length ? make("p", {}, made.length > 1 ? undo(t("Undo all of it"), {}) : null, " ",
        make("a", { href: run.api.replace(/api$/, "labels.jsonl"), download: true }, t("All verdicts of people as labelled rows"))) : "", form, said);
    place.markWrong = (trace) => { // from a trace's card: the form says it, and waits for why
      form.elements.action.value = "verdict";
      form.elements.index.value = trace.index;
      form.elements.verdict.value = trace.verdict === "correct" ? "incorrect" : "correct";
      adapt();
      form.elements.why.focus();
      place.scrollIntoView({ block: "nearest" });
    };
  };
  fill();
  return place;
}
