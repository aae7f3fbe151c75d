// What a figure means: shown on demand, from the definition in the code.

import { $, h } from "./dom.js";
import { title } from "./headline.js";

const BETTER = { higher: "Higher is better.", lower: "Lower is better." };

/** Terms and texts of a headline. */
export function definition(headline, tile) {
  const { metric } = headline;
  const parts = [
    ["Definition", metric.definition],
    ["Formula", metric.formula],
    ["This figure", `${headline.about}. ${BETTER[headline.better]}`],
    ["Series", tile.series],
    ["Source", metric.source],
    ["Version", `${metric.name}, version ${metric.version} of its definition`],
  ];
  const mono = new Set(["Formula", "Series"]);
  return h("dl", {}, parts.map(([term, text]) => [h("dt", {}, term), h("dd", {}, mono.has(term) ? h("code", {}, text) : text)]));
}

/** Show it in front of the page. */
export function define(headline, tile) {
  const dialog = $("definition");
  const close = h("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(h("h2", { id: "definition-title" }, title(headline, tile)), definition(headline, tile), close);
  dialog.showModal();
}
