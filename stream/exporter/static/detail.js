// One figure at length: its time line, its breakdown, its definition.

import { definition } from "./definition.js";
import { $, h, s, say } from "./dom.js";
import { NOTHING, bounds, count, figure, moment } from "./format.js";
import { currency, title, unitOf } from "./headline.js";
import { Line } from "./line.js";

const SORTS = { label: (row) => row.labels.join("\u0000"), value: (row) => row.value, n: (row) => row.n };

export class Detail {
  #line = new Line(h("div", { class: "plot", "aria-hidden": "true" }));
  #sort = { by: "n", up: false };
  #part = null;
  #drawn = "";

  constructor(catalog) {
    this.catalog = catalog;
    this.heading = h("h2", { id: "detail-title" });
    this.figure = h("data", {});
    this.beside = h("span", { class: "beside" });
    this.caption = h("p", { class: "caption" });
    this.readout = h("p", { class: "readout" });
    this.pieces = h("div", { class: "scroll" });
    this.rows = h("div", { class: "scroll" });
    this.about = h("div", {});
    $("detail").replaceChildren(
      h("div", { class: "heading" }, this.heading, h("p", { class: "lead" }, this.figure, " ", this.beside)),
      this.caption,
      this.#line.box,
      this.readout,
      h("details", { ontoggle: (event) => event.target.open && this.#table() }, h("summary", {}, "Time line as a table"), this.pieces),
      this.rows,
      h("details", { class: "about-it", open: true }, h("summary", {}, "Definition"), this.about),
    );
    this.#line.tell = (text) => say(this.readout, text);
  }

  show(part) {
    this.#part = part;
    const headline = this.catalog.headlines[part.headline];
    const money = currency(headline, part);
    $("detail").removeAttribute("aria-busy");
    say(this.heading, title(headline, part));
    this.figure.value = part.value ?? "";
    say(this.figure, figure(part.value, headline.unit, money));
    const limits = bounds(part.low, part.high, headline.unit);
    say(this.beside, [limits && `95\u202f% ${limits}`, part.n !== null && `n ${count(part.n)}`, headline.windowed ? part.window : "now"].filter((text) => text).join(" \u00b7 "));
    const about = `${part.headline} ${part.series}`;
    if (this.about.dataset.of !== about) {
      this.about.dataset.of = about;
      this.about.replaceChildren(definition(headline, part));
    }
    const drawn = JSON.stringify([part.id, part.window, part.line]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#draw(headline);
    }
    this.#breakdown();
  }

  #draw(headline) {
    const { line, window } = this.#part;
    const piece = this.catalog.windows.find((each) => each.label === window).piece;
    this.#line.show(headline, line, headline.line ? piece : 0, currency(headline, this.#part));
    say(this.caption, told(headline, line, window, piece));
    this.#table();
  }

  /** The time line for those who read it. */
  #table() {
    const headline = this.catalog.headlines[this.#part.headline];
    const { line } = this.#part;
    const [unit, money] = unitOf(headline, currency(headline, this.#part));
    const rows = line.at.map((at, i) => h("tr", {}, h("th", { scope: "row" }, moment(at)), h("td", {}, figure(line.value[i], unit, money)), h("td", {}, bounds(line.low[i], line.high[i], unit) || NOTHING), h("td", {}, count(line.n[i]))));
    this.pieces.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ["From", "Figure", "95\u202f% bounds", "n"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.reverse())));
  }

  #breakdown() {
    const part = this.#part;
    const headline = this.catalog.headlines[part.headline];
    const { labels } = this.catalog.views.find((view) => view.name === part.view);
    if (!labels.length || !part.rows.length) {
      this.rows.replaceChildren(h("p", { class: "quiet" }, labels.length ? `Nothing to break down by ${labels.join(", ")}.` : "Choose a breakdown to see this figure by its labels."));
      return;
    }
    const focused = document.activeElement?.dataset?.sort;
    const key = SORTS[this.#sort.by];
    const rows = [...part.rows].sort((a, b) => (this.#sort.up ? 1 : -1) * compared(key(a), key(b)));
    const head = h("tr", {}, this.#header("label", labels.join(", ")), this.#header("value", "Figure"), h("th", { scope: "col" }, headline.bounds ? "95\u202f% bounds" : "Against all"), this.#header("n", "n"));
    const caption = h("caption", {}, `By ${labels.join(", ")}${part.more ? `: the ${part.rows.length} with most, ${count(part.more)} more are not shown` : ""}`);
    const body = rows.map((row) => line(row, part, headline, scale(part)));
    this.rows.replaceChildren(h("table", { class: "breakdown" }, caption, h("thead", {}, head), h("tbody", {}, body)));
    if (focused) this.rows.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  #header(by, name) {
    const active = this.#sort.by === by;
    const turn = () => {
      this.#sort = { by, up: active ? !this.#sort.up : by === "label" };
      this.#breakdown();
    };
    return h("th", { scope: "col", "aria-sort": active ? (this.#sort.up ? "ascending" : "descending") : null }, h("button", { type: "button", class: "sort", "data-sort": by, onclick: turn }, name));
  }
}

function told(headline, line, window, piece) {
  if (!headline.line) return line.at.length ? `As this exporter has read it, once a minute since ${moment(line.at[0])}.` : "Read once a minute from the exporter's start on; nothing yet.";
  const length = piece % 86400 === 0 ? `${piece / 86400} d` : piece % 3600 === 0 ? `${piece / 3600} h` : `${piece / 60} min`;
  const what = headline.line.own ? "" : `${headline.line.about}. `;
  return `${what}A point for each ${length} of the last ${window}, the newest so far.${headline.bounds ? " Band: 95\u202f% bounds." : ""}${headline.line.own ? " Bars: n." : ""}`;
}

const compared = (a, b) => (a === b ? 0 : a === null ? -1 : b === null ? 1 : a < b ? -1 : 1);

function scale(part) {
  const all = [part, ...part.rows].flatMap((row) => [row.low, row.value, row.high]).filter((value) => value !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return (value) => `${(4 + (most > least ? (92 * (value - least)) / (most - least) : 46)).toFixed(2)}%`;
}

function line(row, part, headline, x) {
  const drawing = s("svg", { class: "interval", "aria-hidden": "true" });
  if (part.value !== null) drawing.append(s("line", { class: "all", x1: x(part.value), x2: x(part.value), y1: "0", y2: "100%" }));
  if (row.low !== null) drawing.append(s("line", { class: "range", x1: x(row.low), x2: x(row.high), y1: "50%", y2: "50%" }));
  drawing.append(s("circle", { cx: x(row.value), cy: "50%", r: "3.5" }));
  const text = [bounds(row.low, row.high, headline.unit), verdict(row, part, headline)].filter((each) => each).join(", ");
  return h("tr", { "data-labels": JSON.stringify(row.labels) }, h("th", { scope: "row" }, row.labels.join(", ")), h("td", {}, h("data", { value: row.value }, figure(row.value, headline.unit, currency(headline, part)))), h("td", { class: "against" }, drawing, h("span", {}, text)), h("td", {}, h("data", { value: row.n ?? "" }, count(row.n))));
}

/** Whether a figure differs from that of all by more than chance explains. */
function verdict(row, part, headline) {
  if (row.low === null || part.value === null || (row.low <= part.value && part.value <= row.high)) return "";
  const higher = row.low > part.value;
  return higher === (headline.better === "higher") ? "better than all" : "worse than all";
}
