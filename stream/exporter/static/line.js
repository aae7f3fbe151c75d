// The time line, drawn by uPlot: figure, band of its bounds, bars of its sample size.

import { bounds, count, figure, mark, moment } from "./format.js";
import { unitOf } from "./headline.js";

const HEIGHT = 220;
/** Steps between marks on an axis of durations. */
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * 60), ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 480, 960].map((n) => n * 3600)];
const dark = matchMedia("(prefers-color-scheme: dark)");

export class Line {
  #plot = null;
  #last = null;

  constructor(box) {
    this.box = box;
    this.tell = () => {};
    new ResizeObserver(() => this.#plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
    dark.addEventListener("change", () => this.#last && this.show(...this.#last));
  }

  /** `piece`: the seconds that a point stands for, 0 for readings. */
  show(headline, line, piece, money) {
    this.#last = [headline, line, piece, money];
    this.#plot?.destroy();
    this.#plot = null;
    this.tell("");
    this.box.hidden = line.at.length === 0;
    if (this.box.hidden) return;
    const x = line.at.map((at) => (piece ? (Math.floor(at / 1000 / piece) + 0.5) * piece : at / 1000));
    const [unit, currency] = unitOf(headline, money);
    const say = (u) => {
      const i = u.cursor.idx;
      if (i === null || i === undefined) return this.tell("");
      const limits = bounds(line.low[i], line.high[i], unit);
      const n = line.n[i] === null ? "" : `, n ${count(line.n[i])}`;
      return this.tell(`${moment(line.at[i])}: ${figure(line.value[i], unit, currency)}${limits ? ` (${limits})` : ""}${n}`);
    };
    this.#plot = new uPlot(options(this.box, x, unit, currency, piece, say), [x, line.value, line.low, line.high, line.n], this.box);
  }
}

function options(box, x, unit, currency, piece, say) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const span = x.at(-1) - x[0];
  const axis = { stroke: colour("--muted"), font, grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [say] },
    scales: {
      x: { range: (_, least, most) => [least - (piece || 60) / 2, most + (piece || 60) / 2] },
      y: { range: (_, least, most) => range(least, most, unit) },
      n: { range: (_, __, most) => [0, Math.max(1, most) * 5] },
    },
    axes: [
      { ...axis, space: 70, size: 28, values: (_, marks) => marks.map((each) => mark(each * 1000, span)) },
      { ...axis, size: 76, ...(unit === "seconds" ? { incrs: SECONDS } : {}), values: (_, marks) => marks.map((each) => short(each, unit, currency)) },
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

function range(least, most, unit) {
  if (least === null) return [0, 1];
  const floor = unit === "points" ? -Infinity : 0;
  const low = unit === "points" || unit === "ratio" ? least : 0;
  const room = (most - low || Math.abs(most) || 1) * 0.08;
  const top = unit === "ratio" && most <= 1 ? Math.min(1, most + room) : most + room;
  return [Math.max(floor, low - room), top];
}

function short(value, unit, currency) {
  return unit === "money" ? figure(value, "count") : unit === "points" ? String(value).replace("-", "\u2212") : figure(value, unit, currency);
}
