// A tile for each figure: value, bounds, sample size, and its time line in short.

import { define } from "./definition.js";
import { $, h, s, say } from "./dom.js";
import { bounds, count, figure } from "./format.js";
import { currency, title } from "./headline.js";

const NAMES = { feedback: "Feedback", tickets: "Tickets", customers: "Customers" };
const STATES = {
  starting: () => "not shown yet: incomplete since the exporter's start",
  live: () => "",
  stale: () => "incomplete: the figures stand still",
  expired: () => "incomplete for too long: the figures are gone",
};

export class Tiles {
  #tiles = new Map();
  #groups = {};
  #pressed = "";

  /** `choose(id)` is called for a tile that is to be shown at length. */
  constructor(catalog, choose) {
    this.catalog = catalog;
    this.choose = choose;
    for (const [domain, name] of Object.entries(NAMES)) {
      const state = h("span", { class: "state" });
      const list = h("ul", { class: "tiles" });
      const heading = h("h2", { id: `group-${domain}` }, name);
      const group = h("section", { class: "group", "aria-labelledby": heading.id, hidden: true }, h("div", { class: "heading" }, heading, state), list);
      $("figures").append(group);
      this.#groups[domain] = { group, list, state };
    }
  }

  /** Whether the figures of each domain are up to date. */
  states(domains) {
    for (const [domain, { group, state }] of Object.entries(this.#groups)) {
      group.dataset.state = domains[domain].state;
      group.hidden = false;
      say(state, STATES[domains[domain].state]());
    }
  }

  /** What is pressed. */
  press(id) {
    this.#pressed = id;
    for (const [each, tile] of this.#tiles) tile.pick.setAttribute("aria-pressed", String(each === id));
  }

  show(tiles) {
    const there = new Set(tiles.map((tile) => tile.id));
    for (const [id, tile] of this.#tiles) {
      if (!there.has(id)) {
        tile.item.remove();
        this.#tiles.delete(id);
      }
    }
    const last = {};
    for (const tile of tiles) {
      const headline = this.catalog.headlines[tile.headline];
      const known = this.#tiles.get(tile.id) ?? this.#made(tile, headline);
      const { list } = this.#groups[headline.domain];
      const place = last[headline.domain]?.nextSibling ?? (last[headline.domain] ? null : list.firstChild);
      if (known.item !== place) list.insertBefore(known.item, place);
      last[headline.domain] = known.item;
      this.#update(known, tile, headline);
    }
  }

  #made(tile, headline) {
    const name = title(headline, tile);
    const made = {
      pick: h("button", { type: "button", class: "pick", "aria-pressed": String(tile.id === this.#pressed), "aria-controls": "detail", onclick: () => this.choose(tile.id) }, name),
      value: h("data", { class: "value" }),
      bounds: h("p", { class: "bounds" }),
      n: h("p", { class: "n" }),
      spark: s("svg", { class: "spark", "aria-hidden": "true", viewBox: "0 0 100 24", preserveAspectRatio: "none" }),
      line: null,
    };
    const about = h("button", { type: "button", class: "about", "aria-label": `Definition of ${name}`, onclick: () => define(headline, made.tile) }, "?");
    made.item = h("li", { class: "tile", "data-id": tile.id }, h("h3", {}, made.pick), h("p", { class: "figure" }, made.value), made.bounds, made.n, made.spark, about);
    this.#tiles.set(tile.id, made);
    return made;
  }

  #update(made, tile, headline) {
    made.tile = tile;
    made.item.dataset.series = tile.series;
    made.value.value = tile.value ?? "";
    say(made.value, figure(tile.value, headline.unit, currency(headline, tile)));
    made.item.classList.toggle("empty", tile.value === null);
    say(made.bounds, tile.low === null ? "" : `95\u202f% ${bounds(tile.low, tile.high, headline.unit)}`);
    say(made.n, tile.n === null ? (headline.windowed ? "" : "now") : `n ${count(tile.n)}${headline.windowed ? "" : ", now"}`);
    made.n.dataset.n = tile.n ?? "";
    const line = JSON.stringify(tile.line);
    if (line !== made.line) {
      made.line = line;
      made.spark.replaceChildren(...drawn(tile.line));
    }
  }
}

/** Lines through values that follow each other, a dot for one between gaps. */
function drawn(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return [];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const x = (at) => (values.length > 1 ? (100 * at) / (values.length - 1) : 50);
  const y = (value) => (most > least ? 22 - (20 * (value - least)) / (most - least) : 12);
  const runs = [];
  values.forEach((value, at) => {
    if (value === null) return;
    if (at === 0 || values[at - 1] === null) runs.push([]);
    runs.at(-1).push(`${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return runs.map((run) => s("polyline", { points: (run.length > 1 ? run : [run[0], run[0]]).join(" "), "vector-effect": "non-scaling-stroke" }));
}
