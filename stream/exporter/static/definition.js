// The definition of a metric, from the catalog: as a list, and in a dialog.

import { $, h } from "./dom.js";
import { title } from "./headline.js";

const BETTER = { higher: "Higher is better.", lower: "Lower is better." };

/** Return the definition of a headline as a list of terms. */
export function definitionList(headline, tile) {
  const { metric } = headline;
  const entries = [
    ["Definition", metric.definition],
    ["Formula", metric.formula],
    ["This value", `${headline.help}. ${BETTER[headline.better]}`],
    ["Series", tile.series],
    ["Source", metric.source],
    ["Version", `${metric.name}, version ${metric.version} of its definition`],
  ];
  const monospaced = new Set(["Formula", "Series"]);
  return h("dl", {}, entries.map(([term, text]) => [h("dt", {}, term), h("dd", {}, monospaced.has(term) ? h("code", {}, text) : text)]));
}

/** Show the definition of a headline in the dialog. */
export function showDefinition(headline, tile) {
  const dialog = $("definition");
  const close = h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(h("h2", { id: "definition-title" }, title(headline, tile)), definitionList(headline, tile), close);
  dialog.showModal();
}
