// Tables as CSV files (RFC 4180) with exact values, made in the browser.

import { h } from "./dom.js";

/** The beginning of a text that a spreadsheet would take for a formula. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/** Return a cell. Texts are quoted, and one that looks like a formula begins with an apostrophe. Numbers are as they are. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  return `"${(FORMULA.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
}

/** Return the text of a file with these rows. The mark at its beginning makes spreadsheets read UTF-8. */
export const csv = (rows) => `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

/** Return a button that saves a table. `table()` returns the name of the file and the rows, as they are when it is pressed. */
export function csvButton(name, table) {
  return h("button", { type: "button", class: "csv", "aria-label": `Save ${name} as CSV`, onclick: () => save(...table()) }, "CSV");
}

function save(name, rows) {
  const url = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = h("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "-")}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
