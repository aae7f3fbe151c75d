// The cards of incidents: one text each, whose clauses link to the tile and view that show more.

import { $, h, setText } from "./dom.js";
import { count } from "./format.js";

export class Incidents {
  #cards = new Map();

  /** Show the cards of a status payload. Elements of known cards are updated, so that a link keeps the focus. */
  show({ incidents, covered, expected }) {
    $("incidents").hidden = !incidents.length;
    const missing = covered < expected ? " Values are incomplete, so there may be more." : "";
    setText($("incidents-note"), incidents.length ? `${count(incidents.length)} now.${missing}` : "");
    const before = this.#cards;
    this.#cards = new Map();
    for (const incident of incidents) {
      const key = JSON.stringify([incident.of, incident.view, incident.labels]);
      const elements = before.get(key) ?? create(incident);
      update(elements, incident.clauses);
      this.#cards.set(key, elements);
    }
    const items = [...this.#cards.values()].map(({ item }) => item);
    const { children } = $("cards");
    if (items.length !== children.length || items.some((item, i) => item !== children[i])) $("cards").replaceChildren(...items);
  }
}

function create({ alert, severity, of }) {
  const text = h("p", { class: "text" });
  const heading = h("p", {}, h("strong", { class: "severity" }, severity), " ", h("span", { class: "name" }, alert));
  return { item: h("li", { class: "card", "data-severity": severity, "data-of": of }, heading, text), text, links: new Map() };
}

/** Show these clauses. A clause is known by its kind and first series. */
function update(elements, clauses) {
  const before = elements.links;
  elements.links = new Map();
  for (const { kind, text, link, figures } of clauses) {
    const key = `${kind} ${figures[0].series}`;
    const element = before.get(key) ?? h("a", { "data-kind": kind });
    setText(element, text);
    element.setAttribute("href", link);
    element.dataset.figures = JSON.stringify(figures);
    elements.links.set(key, element);
  }
  if (JSON.stringify([...before.keys()]) === JSON.stringify([...elements.links.keys()])) return;
  const focused = document.activeElement;
  const parts = clauses.map(({ kind }, i) => [i === 0 ? "" : kind === "note" ? ", " : "; ", [...elements.links.values()][i]]);
  elements.text.replaceChildren(...parts.flat());
  if (elements.text.contains(focused)) focused.focus();
}
