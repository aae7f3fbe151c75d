// The change of a figure from the window before, as text.

import { bounds, count, figure } from "./format.js";

const POINTS = "\u202fpp";

/** Return a difference with its sign. That of two ratios is in percentage points. */
function signed(value, unit) {
  const text = unit === "ratio" ? figure(100 * Math.abs(value), "points") + POINTS : figure(Math.abs(value), unit);
  return `${value < 0 ? "\u2212" : "+"}${text}`;
}

/** Return what a change is worth. Empty without a test, as of durations, whose spread is not exposed. */
function verdict({ difference, significant, low }, headline, n) {
  if (significant) return (difference > 0) === (headline.better === "higher") ? "better" : "worse";
  if (significant === false) return "no clear change";
  return low === null && n !== null && headline.tested ? "too few to tell" : "";
}

/** Return the line of a tile, and the word by which it is coloured. Empty texts without a window before. */
export function changeLine(tile, headline) {
  if (tile.change === null) return { text: "", word: "" };
  const word = verdict(tile.change, headline, tile.n);
  return { text: [signed(tile.change.difference, headline.unit), word].filter((part) => part).join(", "), word };
}

/** Return the sentence of the detail. Empty without a window before. */
export function changeSentence(payload, headline) {
  if (payload.change === null) return "";
  const { difference, low, high, p } = payload.change;
  const interval = low === null ? "" : ` (95\u202f% ${headline.unit === "ratio" ? `${bounds(low, high, "ratio").replace("%", "pp")}` : bounds(low, high, headline.unit)})`;
  const before = `${figure(payload.before, headline.unit)}${payload.n_before === null ? "" : `, n ${count(payload.n_before)},`} in the ${payload.window} before`;
  const word = verdict(payload.change, headline, payload.n);
  const test = p === null ? "" : `, p ${p < 0.001 ? "below 0.001" : p.toFixed(3)}`;
  return `${signed(difference, headline.unit)}${interval} from ${before}${word && `: ${word}`}${test}.`;
}
