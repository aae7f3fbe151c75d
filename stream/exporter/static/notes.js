// The notes of a time line as a list. Their numbers are those of the marks in the chart, which is hidden from screen readers.

import { h } from "./dom.js";
import { count, moment } from "./format.js";

/** Notes that are shown before the list is opened, the newest ones. */
const UNFOLDED = 5;

/** Return the list of the notes in a payload, with its heading. Empty without notes. */
export function notesList({ notes, more_notes: more }) {
  if (!notes.length) return [];
  const items = notes.map(({ at, text, dimensions }) => {
    const where = Object.entries(dimensions).map(([name, value]) => `${name} ${value}`).join(", ");
    return h("li", {}, h("time", { datetime: new Date(at).toISOString() }, moment(at)), " ", h("span", { class: "text" }, text), where && h("span", { class: "where" }, ` (${where})`));
  });
  const folded = Math.max(0, items.length - UNFOLDED);
  return [
    h("h3", {}, "Notes"),
    more ? h("p", { class: "hint" }, `${count(more)} older ones are not shown.`) : null,
    folded ? h("details", {}, h("summary", {}, `${folded} older notes`), h("ol", {}, items.slice(0, folded))) : null,
    h("ol", { start: folded + 1 }, items.slice(folded)),
  ];
}
