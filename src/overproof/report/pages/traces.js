// Where traces come from: packed into the report, or served by `overproof view`. Both answer
//   traces(query, from), problems(query, from) → {total, rows, next, searched}
//   problem(id, index) → the problem with the traces around that index
//   beside(id, index, query) → {previous, next, earlier, later, place, total, matching}: [id, index] of the problems and
//     traces before and after this one under the query, which of how many this one is, and what of the problem matches
// A query is a URLSearchParams: a filter may stand several times (any of them), `low..high` is a range, `none` is what
// has no value, sort=name or sort=-name orders, q= is a text.
"use strict";

const PAGE = 50;

class ServedTraces {
  constructor(api) {
    this.api = api;
  }

  async ask(path, query, parameters = {}) {
    const asked = new URLSearchParams(query);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) asked.set(name, value);
    const answer = await fetch(`${this.api}/${path}?${asked}`);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  traces(query, from) { return this.ask("traces", query, { from }); }
  problems(query, from) { return this.ask("problems", query, { from }); }
  problem(id, index = 0) { return this.ask("problem", "", { id, index }); }
  beside(id, index, query) { return this.ask("beside", query, { id, index }); }
  raw(id, index) { return this.ask("raw", "", { id, index }); }

  async decide(decision) {
    const answer = await fetch(`${this.api}/decide`, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Overproof-Token": run.token }, body: JSON.stringify(decision),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}

const isRange = (value) => /^(-?[\d.e-]*?)\.\.(<?)(-?[\d.e-]*)$/.exec(value);

function fits(fact, wanted) { // one value of one filter
  const values = Array.isArray(fact) ? fact : [fact];
  const range = isRange(wanted);
  if (wanted === "none") return values.every((value) => value === null || value === undefined || value === "");
  if (range) {
    const [, low, below, high] = range;
    return values.some((value) => value !== null && value !== undefined && (low === "" || value >= Number(low) - 1e-9)
      && (high === "" || (below ? value < Number(high) - 1e-9 : value <= Number(high) + 1e-9)));
  }
  return values.some((value) => String(value ?? "") === wanted);
}

const SPECIAL = new Set(["sort", "q"]);

function select(rows, query) {
  const names = [...new Set(query.keys())].filter((name) => !SPECIAL.has(name));
  const text = (query.get("q") || "").toLowerCase().trim();
  const found = rows.filter((row) => names.every((name) => query.getAll(name).some((wanted) => fits(row.facts[name], wanted)))
    && (!text || row.text.includes(text)));
  const sort = query.get("sort");
  if (!sort) return found;
  const name = sort.replace(/^-/, ""), sign = sort.startsWith("-") ? -1 : 1;
  const key = (row) => row.facts[name] ?? row[name];
  return found.map((row, place) => [key(row), place, row]).sort(([one, first], [other, second]) => {
    const [empty, blank] = [one, other].map((value) => value === null || value === undefined || value === "");
    if (empty || blank) return empty && blank ? first - second : empty ? 1 : -1; // what has no value comes last
    const [low, high] = [one, other].map((value) => Number(String(value).replaceAll(",", "").replace("−", "-")));
    const [isLow, isHigh] = [low, high].map(Number.isFinite); // numbers by their value, then texts
    return sign * (isLow && isHigh ? low - high : isLow !== isHigh ? (isLow ? -1 : 1) : String(one).localeCompare(String(other))) || first - second;
  }).map(([, , row]) => row);
}

class PackedTraces {
  constructor(packed) {
    this.ready = this.unpack(packed);
  }

  async unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    this.held = JSON.parse(await new Response(stream).text());
    this.rows = this.held.flatMap((problem) => problem.traces.map((trace) => ({
      ...trace, facts: { ...problem.facts, ...trace.facts }, problem: problem.id, question: problem.raw, reference: problem.reference ?? null,
      text: `${problem.id}\n${problem.raw}\n${trace.raw_reasoning || ""}\n${trace.raw}`.toLowerCase(),
    })));
    this.problemRows = this.held.map((problem) => ({
      problem: problem.id, question: problem.raw, reference: problem.reference ?? null, facts: problem.facts, text: `${problem.id}\n${problem.raw}`.toLowerCase(),
    }));
  }

  async stretch(rows, query, from) {
    const found = select(rows, query);
    return { total: found.length, rows: found.slice(from, from + PAGE), next: from + PAGE < found.length ? from + PAGE : null, searched: 1 };
  }

  async traces(query, from) {
    await this.ready;
    return this.stretch(this.rows, query, from);
  }

  async problems(query, from) {
    await this.ready;
    return this.stretch(this.problemRows, query, from);
  }

  async problem(id) {
    await this.ready;
    return this.held.find((problem) => problem.id === id) || null;
  }

  async beside(id, index, query) {
    await this.ready;
    const found = select(this.rows, query).map((row) => [row.problem, row.index]);
    const order = [...new Map([...found].reverse()).keys()].reverse(); // problems in the order of their first match
    const first = new Map([...found].reverse());
    const problem = order.indexOf(id), place = found.findIndex(([one, other]) => one === id && (index === undefined || other === index));
    const at = (step) => (problem < 0 || !order[problem + step] ? null : [order[problem + step], first.get(order[problem + step])]);
    return {
      previous: at(-1), next: at(1), earlier: found[place - 1] ?? null, later: place < 0 ? null : found[place + 1] ?? null,
      place: place < 0 ? null : place + 1, total: found.length, matching: found.filter(([one]) => one === id).map(([, other]) => other),
    };
  }
}
