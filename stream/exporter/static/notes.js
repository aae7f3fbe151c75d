// The notes of a time line as a list. Their numbers are those of the marks in the chart, which is hidden from screen readers.

import { h } from "./dom.js";
import { count, moment } from "./format.js";

/** Return the list of the notes in a payload, with its heading. Null without notes. */
export function notesList({ notes, more_notes: more }) {
  if (!notes.length) return null;
  const items = notes.map(({ at, text, dimensions }) => {
    const where = Object.entries(dimensions).map(([name, value]) => `${name} ${value}`).join(", ");
    return h("li", {}, h("time", { datetime: new Date(at).toISOString() }, moment(at)), " ", h("span", { class: "text" }, text), where && h("span", { class: "where" }, ` (${where})`));
  });
  const hidden = more ? h("p", { class: "hint" }, `${count(more)} older ones are not shown.`) : null;
  return [h("h3", {}, "Notes"), h("ol", {}, items), hidden];
}
