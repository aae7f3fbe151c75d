// The chart of a time line, drawn by uPlot: the value, a band between its bounds, bars of its sample size, and marks.

import { bounds, count, figure, mark, moment } from "./format.js";
import { timelineUnit } from "./headline.js";
import { drawMarks } from "./marks.js";

const HEIGHT = 220;
/** Allowed distances between the marks of an axis in seconds. */
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * 60), ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 480, 960].map((n) => n * 3600)];
/** Colours differ in the dark and with forced colours. Paper is light. */
const THEMES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => matchMedia(query));
const print = matchMedia("print");

export class Line {
  #plot = null;
  #shown = null;

  /** `onReadout(text)` gets the values under the cursor, an empty text without a cursor. */
  constructor(box) {
    this.box = box;
    this.onReadout = () => {};
    new ResizeObserver(() => this.#plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
    for (const theme of THEMES) theme.addEventListener("change", () => this.#redraw());
    print.addEventListener("change", ({ matches }) => this.#setPaper(matches));
    addEventListener("beforeprint", () => this.#setPaper(true));
    addEventListener("afterprint", () => this.#setPaper(false));
  }

  #redraw() {
    if (this.#shown) this.show(...this.#shown);
  }

  /** Draw in the colours of paper, or of the screen. */
  #setPaper(isPaper) {
    document.documentElement.classList.toggle("paper", isPaper);
    this.#redraw();
  }

  /** Draw a time line. `interval` is the length of a point in seconds, 0 for values at a moment. For `lines` and `notes` see `drawMarks`. */
  show(headline, line, interval, currency, lines, notes) {
    this.#shown = [headline, line, interval, currency, lines, notes];
    this.#plot?.destroy();
    this.#plot = null;
    this.onReadout("");
    this.box.hidden = line.at.length === 0;
    if (this.box.hidden) return;
    // A point of an interval is drawn at its middle. The first one may begin within its interval.
    const x = line.at.map((at) => (interval ? (Math.floor(at / 1000 / interval) + 0.5) * interval : at / 1000));
    const [unit, unitCurrency] = timelineUnit(headline, currency);
    const readout = (plot) => {
      const i = plot.cursor.idx;
      if (i === null || i === undefined) return this.onReadout("");
      const limits = bounds(line.low[i], line.high[i], unit);
      const n = line.n[i] === null ? "" : `, n ${count(line.n[i])}`;
      return this.onReadout(`${moment(line.at[i])}: ${figure(line.value[i], unit, unitCurrency)}${limits ? ` (${limits})` : ""}${n}`);
    };
    this.#plot = new uPlot(options(this.box, x, unit, unitCurrency, interval, readout, lines, notes), [x, line.value, line.low, line.high, line.n], this.box);
  }
}

function options(box, x, unit, currency, interval, readout, lines, notes) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const span = x.at(-1) - x[0];
  const axis = { stroke: colour("--muted"), font, grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const margin = (interval || 60) / 2;
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [readout], draw: [drawMarks(lines, notes, colour, style.fontFamily)] },
    scales: {
      x: { range: (_, min, max) => [min - margin, max + margin] },
      y: { range: (_, min, max) => range(...extended(min, max, lines), unit) },
      n: { range: (_, __, max) => [0, Math.max(1, max) * 5] },
    },
    axes: [
      { ...axis, space: 70, size: 28, values: (_, marks) => marks.map((seconds) => mark(seconds * 1000, span)) },
      { ...axis, size: 76, ...(unit === "seconds" ? { incrs: SECONDS } : {}), values: (_, marks) => marks.map((value) => short(value, unit, currency)) },
    ],
    series: [
      {},
      { stroke: colour("--accent"), width: 2, points: { show: true, size: 5, fill: colour("--accent") } },
      edge,
      edge,
      { scale: "n", fill: colour("--bar"), stroke: "transparent", width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, 40] }) },
    ],
    bands: [{ series: [3, 2], fill: colour("--band") }],
  };
}

/** Return the least and the largest value of a time line (null without values) and of its lines. */
function extended(min, max, lines) {
  const values = [...(min === null ? [] : [min, max]), ...lines.map(({ value }) => value)];
  return values.length ? [Math.min(...values), Math.max(...values)] : [null, null];
}

/** Return the range of the value axis: from 0, except for scores and ratios, with 8 % of room at the ends. */
function range(min, max, unit) {
  if (min === null) return [0, 1];
  const floor = unit === "points" ? -Infinity : 0;
  const low = unit === "points" || unit === "ratio" ? min : 0;
  const room = (max - low || Math.abs(max) || 1) * 0.08;
  const top = unit === "ratio" && max <= 1 ? Math.min(1, max + room) : max + room;
  return [Math.max(floor, low - room), top];
}

function short(value, unit, currency) {
  return unit === "money" ? figure(value, "count") : unit === "points" ? String(value).replace("-", "\u2212") : figure(value, unit, currency);
}
