// The tiles: for each headline its value, bounds, sample size and a sparkline.

import { changeLine } from "./change.js";
import { showDefinition } from "./definition.js";
import { $, h, s, setText } from "./dom.js";
import { bounds, count, figure, stamp } from "./format.js";
import { currencyOf, title } from "./headline.js";
import { targetLine } from "./target.js";

const NAMES = { lead: "At a glance", feedback: "Feedback", tickets: "Tickets", customers: "Customers" };
/** Least width of a tile, and the width from which two stand side by side, in rem. */
const [TILE, TWO_TILES] = [11.5, 17];
/** Most tiles side by side. */
const MOST = 4;
const BY_URGENCY = ["expired", "stale", "starting", "live"];
const STATES = {
  starting: "not complete since the exporter started, no values yet",
  expired: "incomplete, values were removed",
};

export class Tiles {
  #tiles = new Map();
  #groups = {};
  #domains = null;
  #pressed = "";

  /** `onSelect(id)` is called when a tile is pressed. */
  constructor(catalog, onSelect) {
    this.catalog = catalog;
    this.onSelect = onSelect;
    for (const [id, name] of Object.entries(NAMES)) {
      const state = h("span", { class: "state" });
      const period = h("span", { class: "period" });
      const list = h("ul", { class: "tiles" });
      const heading = h("h2", { id: `group-${id}` }, name);
      const group = h("section", { class: "group", "aria-labelledby": heading.id, hidden: true }, h("div", { class: "heading" }, heading, period, state), list);
      $(id === "lead" ? "glance" : "figures").append(group);
      this.#groups[id] = { group, list, period, state };
      new ResizeObserver(() => arrange(list)).observe(list);
    }
  }

  /** Show the state of each domain beside its heading, and at its tiles. The first group has tiles of all domains. */
  showStates(domains) {
    for (const [id, { group, state }] of Object.entries(this.#groups)) {
      group.dataset.state = id === "lead" ? mostUrgent(domains) : domains[id].state;
      group.hidden = false;
      setText(state, id === "lead" ? stateOfAll(domains) : stateText(domains[id]));
    }
    this.#domains = domains;
    for (const elements of this.#tiles.values()) this.#showState(elements);
  }

  #showState({ item, domain }) {
    item.dataset.state = this.#domains?.[domain].state ?? "";
  }

  /** Mark the tile with this id as pressed, and no other. */
  setPressed(id) {
    this.#pressed = id;
    for (const [tileId, { pick }] of this.#tiles) pick.setAttribute("aria-pressed", String(tileId === id));
  }

  /** Show these tiles of a window in their order. Elements of known tiles are updated, so that they keep the focus. */
  show(tiles, window) {
    const ids = new Set(tiles.map((tile) => tile.id));
    const isChanged = ids.size !== this.#tiles.size || tiles.some((tile) => !this.#tiles.has(tile.id));
    for (const [id, { item }] of this.#tiles) {
      if (!ids.has(id)) {
        item.remove();
        this.#tiles.delete(id);
      }
    }
    const previous = {};
    for (const tile of tiles) {
      const headline = this.catalog.headlines[tile.headline];
      const elements = this.#tiles.get(tile.id) ?? this.#create(tile, headline);
      const id = headline.is_lead ? "lead" : headline.domain;
      const { list } = this.#groups[id];
      const next = previous[id] ? previous[id].nextSibling : list.firstChild;
      if (elements.item !== next) list.insertBefore(elements.item, next);
      previous[id] = elements.item;
      this.#update(elements, tile, headline);
    }
    for (const [id, { list, period }] of Object.entries(this.#groups)) {
      const isCompared = tiles.some((tile) => tile.change !== null && this.#tiles.get(tile.id).item.parentNode === list);
      setText(period, `last ${window}${isCompared ? `, compared with the ${window} before` : ""}`);
      if (isChanged) arrange(list);
    }
  }

  #create(tile, headline) {
    const name = title(headline, tile);
    const elements = {
      pick: h("button", { type: "button", class: "pick", "aria-pressed": String(tile.id === this.#pressed), "aria-controls": "detail", onclick: () => this.onSelect(tile.id) }, name),
      value: h("data", { class: "value" }),
      bounds: h("span", { class: "bounds" }),
      n: h("span", { class: "n" }),
      target: h("span", { class: "target" }),
      change: h("span", { class: "change" }),
      sparkline: s("svg", { class: "sparkline", "aria-hidden": "true", viewBox: "0 0 100 24", preserveAspectRatio: "none" }),
      line: null,
      domain: headline.domain,
    };
    const about = h("button", { type: "button", class: "about", "aria-label": `Definition of ${name}`, onclick: () => showDefinition(headline, elements.tile) }, "?");
    elements.item = h("li", { class: "tile", "data-id": tile.id }, h("h3", {}, elements.pick), h("p", { class: "figure" }, elements.value), elements.sparkline, h("p", { class: "sample" }, elements.bounds, elements.n), h("p", { class: "judgement" }, elements.change, elements.target), about);
    this.#showState(elements);
    this.#tiles.set(tile.id, elements);
    return elements;
  }

  #update(elements, tile, headline) {
    elements.tile = tile;
    elements.item.dataset.series = tile.series;
    elements.value.value = tile.value ?? "";
    setText(elements.value, figure(tile.value, headline.unit, currencyOf(headline, tile)));
    elements.item.classList.toggle("empty", tile.value === null);
    setText(elements.bounds, tile.low === null ? "" : `95\u202f% ${bounds(tile.low, tile.high, headline.unit)}`);
    setText(elements.n, tile.n === null ? (headline.windowed ? "" : "now") : `n ${count(tile.n)}${headline.windowed ? "" : ", now"}`);
    elements.n.dataset.n = tile.n ?? "";
    setText(elements.target, targetLine(tile, headline));
    elements.target.dataset.verdict = tile.target?.verdict ?? "";
    setText(elements.change, changeLine(tile, headline));
    elements.change.dataset.verdict = tile.verdict;
    const line = JSON.stringify(tile.line);
    if (line !== elements.line) {
      elements.line = line;
      elements.sparkline.replaceChildren(...polylines(tile.line));
    }
  }
}

/** Distribute tiles over as few rows as their width allows, as evenly as possible. Each row is as wide as the list. */
function arrange(list) {
  const width = list.clientWidth / Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const most = Math.min(MOST, Math.max(Math.floor(width / TILE), width >= TWO_TILES ? 2 : 1));
  const rows = Math.ceil(list.children.length / most);
  [...list.children].forEach((item, i, { length }) => {
    const [least, longer] = [Math.floor(length / rows), length % rows];
    item.style.setProperty("--in-row", i < longer * (least + 1) ? least + 1 : least);
  });
}

function stateText({ state, newest, values_of: valuesOf }) {
  if (state === "live") return newest === null ? "no events yet" : "";
  return state === "stale" ? `incomplete, values of ${stamp(valuesOf)}` : STATES[state];
}

function mostUrgent(domains) {
  const states = Object.values(domains).map(({ state }) => state);
  return BY_URGENCY.find((state) => states.includes(state));
}

/** Return the states of domains in one text: the name of a domain is left out if the text is that of all. */
function stateOfAll(domains) {
  const texts = Object.entries(domains).map(([id, domain]) => [NAMES[id], stateText(domain)]);
  if (texts.every(([, text]) => text === texts[0][1])) return texts[0][1];
  return texts.filter(([, text]) => text).map(([name, text]) => `${name}: ${text}`).join("; ");
}

/** Return a polyline for each run of values without a gap. A run of one value is drawn as a dot. */
function polylines(values) {
  const present = values.filter((value) => value !== null);
  if (present.length < 2) return [];
  const [min, max] = [Math.min(...present), Math.max(...present)];
  const x = (i) => (values.length > 1 ? (100 * i) / (values.length - 1) : 50);
  const y = (value) => (max > min ? 22 - (20 * (value - min)) / (max - min) : 12);
  const runs = [];
  values.forEach((value, i) => {
    if (value === null) return;
    if (i === 0 || values[i - 1] === null) runs.push([]);
    runs.at(-1).push(`${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return runs.map((run) => s("polyline", { points: (run.length > 1 ? run : [run[0], run[0]]).join(" "), "vector-effect": "non-scaling-stroke" }));
}
