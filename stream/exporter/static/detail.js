// The detail section: time line, breakdown and definition of the selected tile.

import { changeSentence } from "./change.js";
import { csvButton } from "./csv.js";
import { definitionList } from "./definition.js";
import { $, h, s, setText, update } from "./dom.js";
import { NO_VALUE, bounds, count, figure, moment } from "./format.js";
import { currencyOf, timelineUnit, title } from "./headline.js";
import { Line } from "./line.js";
import { movedCells, movedTable } from "./moved.js";
import { notesList } from "./notes.js";
import { reasonCells, reasonTable } from "./reasons.js";
import { referenceLines, referenceSentence } from "./target.js";

const SORT_KEYS = { label: (row) => row.labels.join("\u0000"), value: (row) => row.value, n: (row) => row.n };

export class Detail {
  #line = new Line(h("div", { class: "plot", "aria-hidden": "true" }));
  #sort = { by: "n", ascending: false };
  #payload = null;
  #drawn = "";

  constructor(catalog) {
    this.catalog = catalog;
    this.heading = h("h2", { id: "detail-title" });
    this.figure = h("data", {});
    this.context = h("span", { class: "context" });
    this.change = h("p", { class: "change" });
    this.references = h("p", { class: "references" });
    this.notes = h("div", { class: "notes" });
    this.caption = h("p", { class: "caption" });
    this.readout = h("p", { class: "readout" });
    this.points = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Time line" });
    this.rows = h("div", { class: "scroll" });
    this.rowsCsv = csvButton("the breakdown", () => this.#file("breakdown", breakdownCells(this.#payload, this.#labels())));
    this.moved = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What moved it" });
    this.movedCsv = csvButton("what moved it", () => this.#file("moved", movedCells(this.#payload, this.#labels())));
    this.reasons = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Reasons" });
    this.reasonsCsv = csvButton("the reasons", () => this.#file("reasons", reasonCells(this.#payload)));
    this.api = h("a", { class: "csv" }, "Figures of this metric as JSON");
    this.definition = h("div", {});
    $("detail").replaceChildren(
      h("div", { class: "heading" }, this.heading, h("p", { class: "lead" }, this.figure, " ", this.context)),
      this.change,
      this.references,
      this.caption,
      this.#line.box,
      this.readout,
      this.notes,
      h("details", { ontoggle: (event) => event.target.open && this.#showPoints() }, h("summary", {}, "Time line as a table"), this.points, csvButton("the time line", () => this.#file("time-line", lineCells(this.#payload)))),
      this.rows,
      this.rowsCsv,
      this.moved,
      this.movedCsv,
      this.reasons,
      this.reasonsCsv,
      h("p", {}, this.api),
      h("details", { open: true }, h("summary", {}, "Definition"), this.definition),
    );
    this.#line.onReadout = (text) => setText(this.readout, text);
  }

  /** Show a payload. The chart and the definition are replaced only if they changed. */
  show(payload) {
    this.#payload = payload;
    const headline = this.catalog.headlines[payload.headline];
    $("detail").removeAttribute("aria-busy");
    $("detail").hidden = false;
    setText(this.heading, title(headline, payload));
    this.figure.value = payload.value ?? "";
    setText(this.figure, figure(payload.value, headline.unit, currencyOf(headline, payload)));
    const limits = bounds(payload.low, payload.high, headline.unit);
    setText(this.context, [limits && `95\u202f% ${limits}`, payload.n !== null && `n ${count(payload.n)}`, headline.windowed ? payload.window : "now"].filter((text) => text).join(" \u00b7 "));
    setText(this.change, changeSentence(payload, headline));
    setText(this.references, referenceSentence(payload, headline));
    const definitionKey = `${payload.headline} ${payload.series}`;
    if (this.definition.dataset.key !== definitionKey) {
      this.definition.dataset.key = definitionKey;
      this.definition.replaceChildren(definitionList(headline, payload));
    }
    const drawn = JSON.stringify([payload.id, payload.window, payload.line, payload.notes, payload.more_notes]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#draw(headline);
    }
    this.api.href = `api/v1/figures?${new URLSearchParams({ metric: headline.metric.name, view: payload.view, window: payload.window })}`;
    this.#showBreakdown();
    update(this.moved, movedTable(payload, headline, this.#labels()));
    this.moved.hidden = this.movedCsv.hidden = !payload.moved;
    update(this.reasons, reasonTable(payload, headline));
    this.reasons.hidden = this.reasonsCsv.hidden = !payload.reasons;
  }

  #draw(headline) {
    const { line, window } = this.#payload;
    const { interval } = this.catalog.windows.find(({ label }) => label === window);
    this.#line.show(headline, line, headline.line ? interval : 0, currencyOf(headline, this.#payload), referenceLines(this.#payload, headline), this.#payload.notes);
    update(this.notes, notesList(this.#payload));
    setText(this.caption, caption(headline, line, window, interval));
    this.#showPoints();
  }

  /** Show the time line as a table, for screen readers too: the chart is hidden from them. */
  #showPoints() {
    const headline = this.catalog.headlines[this.#payload.headline];
    const { line } = this.#payload;
    const [unit, currency] = timelineUnit(headline, currencyOf(headline, this.#payload));
    const rows = line.at.map((at, i) => h("tr", {}, h("th", { scope: "row" }, moment(at)), h("td", {}, figure(line.value[i], unit, currency)), h("td", {}, bounds(line.low[i], line.high[i], unit) || NO_VALUE), h("td", {}, count(line.n[i]))));
    update(this.points, h("table", {}, h("thead", {}, h("tr", {}, ["From", "Value", "95\u202f% bounds", "n"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.reverse())));
  }

  /** Return the names of the labels of the view. */
  #labels() {
    return this.catalog.views.find(({ name }) => name === this.#payload.view).labels;
  }

  /** Return the name of a file of the tile, and its rows. */
  #file(table, rows) {
    const { id, view, window } = this.#payload;
    return [["cxgauge", id, table, view, window].join("-"), rows];
  }

  #showBreakdown() {
    const payload = this.#payload;
    const headline = this.catalog.headlines[payload.headline];
    const labels = this.#labels();
    this.rowsCsv.hidden = !labels.length || !payload.rows.length;
    if (!labels.length || !payload.rows.length) {
      update(this.rows, h("p", { class: "hint" }, labels.length ? `No values by ${labels.join(", ")}.` : "Select a breakdown to see this metric by label."));
      return;
    }
    const key = SORT_KEYS[this.#sort.by];
    const rows = [...payload.rows].sort((a, b) => (this.#sort.ascending ? 1 : -1) * compare(key(a), key(b)));
    const head = h("tr", {}, this.#header("label", labels.join(", ")), this.#header("value", "Value"), h("th", { scope: "col" }, headline.bounds ? "95\u202f% bounds" : "Compared with total"), this.#header("n", "n"));
    const caption = h("caption", {}, `By ${labels.join(", ")}${payload.more ? `: the ${payload.rows.length} largest, ${count(payload.more)} more are not shown` : ""}`);
    const body = rows.map((row) => breakdownRow(row, payload, headline, scale(payload)));
    update(this.rows, h("table", { class: "breakdown" }, caption, h("thead", {}, head), h("tbody", {}, body)));
  }

  #header(by, name) {
    const active = this.#sort.by === by;
    const sort = () => {
      this.#sort = { by, ascending: this.#sort.by === by ? !this.#sort.ascending : by === "label" };
      this.#showBreakdown();
    };
    return h("th", { scope: "col", "aria-sort": active ? (this.#sort.ascending ? "ascending" : "descending") : null }, h("button", { type: "button", class: "sort", "data-sort": by, onclick: sort }, name));
  }
}

/** Return the text above a time line: the meaning of a point, of the band and of the bars. */
function caption(headline, line, window, interval) {
  if (!headline.line) return `One value a minute, recorded by this exporter${line.at.length ? ` since ${moment(line.at[0])}.` : ". None yet."}`;
  const length = interval % 86400 === 0 ? `${interval / 86400} d` : interval % 3600 === 0 ? `${interval / 3600} h` : `${interval / 60} min`;
  const help = headline.line.is_value ? "" : `${headline.line.help}. `;
  return `${help}One point per ${length} of the last ${window}. The newest is partial.${headline.line.is_value && headline.bounds ? " Band: 95\u202f% bounds." : ""}${headline.line.is_value ? " Bars: n." : ""}`;
}

const compare = (a, b) => (a === b ? 0 : a === null ? -1 : b === null ? 1 : a < b ? -1 : 1);

/** Return a function from a value to its position in the drawings of all rows. */
function scale(payload) {
  const values = [payload, ...payload.rows].flatMap((row) => [row.low, row.value, row.high]).filter((value) => value !== null);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return (value) => `${(4 + (max > min ? (92 * (value - min)) / (max - min) : 46)).toFixed(2)}%`;
}

function breakdownRow(row, payload, headline, x) {
  const drawing = s("svg", { class: "interval", "aria-hidden": "true" });
  if (payload.value !== null) drawing.append(s("line", { class: "total", x1: x(payload.value), x2: x(payload.value), y1: "0", y2: "100%" }));
  if (row.low !== null) drawing.append(s("line", { class: "range", x1: x(row.low), x2: x(row.high), y1: "50%", y2: "50%" }));
  drawing.append(s("circle", { cx: x(row.value), cy: "50%", r: "3.5" }));
  const text = [bounds(row.low, row.high, headline.unit), comparison(row, payload, headline)].filter((part) => part).join(", ");
  return h("tr", { "data-labels": JSON.stringify(row.labels) }, h("th", { scope: "row" }, row.labels.join(", ")), h("td", {}, h("data", { value: row.value }, figure(row.value, headline.unit, currencyOf(headline, payload)))), h("td", { class: "comparison" }, drawing, h("span", {}, text)), h("td", {}, h("data", { value: row.n ?? "" }, count(row.n))));
}

/** Return how a row compares with the total. Empty if the value of the total is within the row's bounds. */
function comparison(row, payload, headline) {
  if (row.low === null || payload.value === null || (row.low <= payload.value && payload.value <= row.high)) return "";
  const higher = row.low > payload.value;
  return higher === (headline.better === "higher") ? "better than total" : "worse than total";
}

/** Return the breakdown as rows of exact values, the first one with the names of the columns. */
function breakdownCells({ rows }, labels) {
  return [[...labels, "value", "low", "high", "n"], ...rows.map((row) => [...row.labels, row.value, row.low, row.high, row.n])];
}

/** Return the time line as rows of exact values, the first one with the names of the columns. Times are in UTC. */
function lineCells({ line }) {
  return [["from", "value", "low", "high", "n"], ...line.at.map((at, i) => [new Date(at).toISOString(), line.value[i], line.low[i], line.high[i], line.n[i]])];
}
