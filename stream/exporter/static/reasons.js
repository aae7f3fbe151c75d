// The reasons of the answers: a table of shares by class and of the impact on the figure.

import { signed } from "./change.js";
import { h } from "./dom.js";
import { NO_VALUE, count, figure } from "./format.js";

const NAMES = { promoter: "Promoters", passive: "Passives", detractor: "Detractors", true: "Satisfied", false: "Not satisfied" };

/** Return the section about a payload with reasons. Empty without them. */
export function reasonTable(payload, headline) {
  const { reasons, window } = payload;
  if (!reasons) return [];
  const head = ["Reason", ...reasons.classes.map((name) => NAMES[name]), "Impact", "95\u202f% bounds", "n"];
  return [
    h("table", { class: "reasons" },
      h("caption", {}, `Reasons and their impact on the figure, ${window}, total`),
      h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, reasons.rows.map((row) => reasonRow(row, headline)))),
    h("p", { class: "hint" }, "Share of each class that names the reason. Impact: the figure, less the figure without the answers that name the reason. An association, not a cause."),
  ];
}

function reasonRow(row, headline) {
  const share = (value) => h("td", {}, value === null ? NO_VALUE : h("data", { value }, figure(value, "ratio")));
  const effect = (value) => h("data", { value }, signed(value, headline.unit));
  return h("tr", {},
    h("th", { scope: "row" }, row.reason),
    row.shares.map(share),
    h("td", {}, effect(row.impact)),
    h("td", {}, effect(row.low), " to ", effect(row.high)),
    h("td", {}, h("data", { value: row.n }, count(row.n))));
}

/** Return the table as rows of exact values, the first one with the names of the columns. */
export function reasonCells({ reasons }) {
  const head = ["reason", ...reasons.classes.map((name) => `share_of_${NAMES[name].toLowerCase().replace(" ", "_")}`), "impact", "low", "high", "n"];
  return [head, ...reasons.rows.map((row) => [row.reason, ...row.shares, row.impact, row.low, row.high, row.n])];
}
