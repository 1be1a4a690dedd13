"use strict";

// What the router's providers did and cost, and how it decided.

const states = {
  closed: "ready", open: "failed lately", probing: "being tried", cooling_down: "asked for a pause",
  no_key: "its key does not do", shut_out: "shut out",
};

/// A number as people read it; nothing where there is none.
const figure = (value, digits = 0) =>
  (typeof value === "number" ? value.toLocaleString(undefined, { maximumFractionDigits: digits }) : "");

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function provider(known, orders) {
  const order = orders.find((one) => one.provider === known.provider);
  const failures = Object.entries(known.figures.failures).map(([kind, count]) => `${kind} ${count}`).join(", ");
  const state = known.is_ready ? states[known.breaker] || known.breaker : known.reasons.join("; ");
  const book = order ? `${figure(order.dollars, 4)} $ for ${order.orders}` +
    (order.open ? `, ${order.open} under way` : "") + (order.unknown ? `, ${order.unknown} unknown` : "") : "";
  return row([
    known.provider, known.remark ? `${state}; ${known.remark}` : state, known.offer ? known.offer.prices.join("; ") : "",
    figure(known.figures.orders), figure(known.figures.clips), failures, figure(known.figures.seconds, 1),
    figure(known.figures.dollars, 4), book,
  ]);
}

function decision(made) {
  const attempts = (made.attempts || []).map((one) => `${one.provider}: ${one.outcome}` + (one.message ? ` (${one.message})` : ""));
  const others = (made.providers || []).filter((one) => one.rank === null && one.reasons.length)
    .map((one) => `${one.provider}: ${one.reasons.map((reason) => reason.reason).join("; ")}`);
  return row([
    new Date(made.time * 1000).toLocaleString(), made.id, made.outcome.code || made.outcome.kind,
    made.outcome.provider || "", figure(made.spent_dollars, 4), figure(made.elapsed_seconds, 1),
    [...attempts, ...others].join(". "),
  ]);
}

async function refresh() {
  try {
    const found = await json("v1/router");
    $("providers").replaceChildren(...found.providers.map((known) => provider(known, found.orders)));
    $("decisions").replaceChildren(...found.decisions.map(decision));
    $("decisions-empty").hidden = found.decisions.length > 0;
    $("budgets").textContent = found.budgets
      .map((one) => `${figure(one.spent_dollars, 2)} of ${figure(one.limit_dollars, 2)} $ for ${one.window} are spent`).join("; ");
    $("remarks").replaceChildren(...found.remarks.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
    complain($("router-error"), null);
  } catch (error) {
    complain($("router-error"), error);
  }
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("key").value.trim();
  const problem = keyProblem(text);
  complain($("key-error"), problem ? new Refusal(0, { message: problem.replace(/\.$/, "") }) : null);
  if (problem) return;
  if (text) sessionStorage.setItem("wan-infer-key", text);
  else sessionStorage.removeItem("wan-infer-key");
  $("key").value = "";
  $("access").open = false;
  refresh();
});

setInterval(() => { if (!document.hidden) refresh(); }, 5000);
refresh();
