// The change of a figure from the window before, as text.

import { bounds, count, figure } from "./format.js";

const POINTS = "\u202fpp";

/** Return a difference with its sign. That of two ratios is in percentage points. */
export function signed(value, unit) {
  const text = unit === "ratio" ? figure(100 * Math.abs(value), "points") + POINTS : figure(Math.abs(value), unit);
  return `${value < 0 ? "\u2212" : "+"}${text}`;
}

/** Return the line of a tile. Empty without a window before, which the heading of the tiles names. */
export function changeLine(tile, headline) {
  if (tile.change === null) return "";
  return `${signed(tile.change.difference, headline.unit)} vs before${tile.verdict && `: ${tile.verdict}`}`;
}

/** Return the sentence of the detail. Empty without a window before. */
export function changeSentence(payload, headline) {
  if (payload.change === null) return "";
  const { difference, low, high, p } = payload.change;
  const interval = low === null ? "" : ` (95\u202f% ${headline.unit === "ratio" ? `${bounds(low, high, "ratio").replace("%", "pp")}` : bounds(low, high, headline.unit)})`;
  const before = `${figure(payload.before, headline.unit)}${payload.n_before === null ? "" : `, n ${count(payload.n_before)},`} in the ${payload.window} before`;
  const test = p === null ? "" : `, p ${p < 0.001 ? "below 0.001" : p.toFixed(3)}`;
  return `${signed(difference, headline.unit)}${interval} from ${before}${payload.verdict && `: ${payload.verdict}`}${test}.`;
}
