// The parts of a change from the window before: a table of mix and rate by label.

import { signed } from "./change.js";
import { h } from "./dom.js";
import { NO_VALUE, count, figure } from "./format.js";

/** Return the section about a payload with parts of a change by these labels. Empty without parts. */
export function movedTable(payload, headline, labels) {
  const { moved, window } = payload;
  if (!moved) return [];
  const part = (name, row, attributes = {}) => partRow(name, row, payload, headline, attributes);
  const rows = moved.rows.map((row) => part(row.labels.join(", "), row, { "data-labels": JSON.stringify(row.labels) }));
  if (moved.more) rows.push(part(`${count(moved.more.label_sets)} more`, moved.more));
  if (moved.rest) rows.push(part("All other answers", moved.rest));
  const head = [labels.join(", "), "Share of answers", "Value", "Mix", "Rate", "Mix + rate"];
  return [
    h("table", { class: "moved" },
      h("caption", {}, `What moved it from the ${window} before, by ${labels.join(", ")}`),
      h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows),
      h("tfoot", {}, part("Change", moved))),
    h("p", { class: "hint" }, "Mix: the share of the answers has changed. Rate: their own value has changed. Together they are the change."),
  ];
}

function partRow(name, row, payload, headline, attributes) {
  const compared = (now, before, text) => (now === undefined ? "" : [text(now), h("span", { class: "before" }, " was ", text(before))]);
  const effect = (value) => h("td", {}, h("data", { value }, signed(value, headline.unit)));
  const value = (number) => (number === null ? NO_VALUE : h("data", { value: number }, figure(number, headline.unit)));
  const share = row.n === undefined ? [undefined, undefined] : [row.n / payload.n, row.n_before / payload.n_before];
  return h("tr", attributes,
    h("th", { scope: "row" }, name),
    h("td", {}, compared(...share, (number) => figure(number, "ratio"))),
    h("td", {}, compared(row.value, row.before, value)),
    effect(row.mix), effect(row.rate), effect(row.mix + row.rate));
}

/** Return the table as rows of exact values, the first one with the names of the columns. */
export function movedCells({ moved }, labels) {
  const head = [...labels, "part", "n", "n_before", "value", "before", "mix", "rate"];
  const cells = (part, row) => [...(row.labels?.length ? row.labels : labels.map(() => "")), part, row.n, row.n_before, row.value, row.before, row.mix, row.rate];
  const rows = moved.rows.map((row) => cells("label", row));
  return [head, ...rows, ...["more", "rest"].filter((part) => moved[part]).map((part) => cells(part, moved[part]))];
}
