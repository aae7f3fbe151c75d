// Target and benchmark of a figure, as text and as lines of its chart.

import { figure } from "./format.js";
import { currencyOf } from "./headline.js";

/** Return the line of a tile: its target, and whether it is met. Empty without a target. */
export function targetLine(tile, headline) {
  if (tile.target === null) return "";
  const { value, verdict } = tile.target;
  return `target ${figure(value, headline.unit, currencyOf(headline, tile))}${verdict && `: ${verdict}`}`;
}

/** Return the sentences of the detail. Empty without target and benchmark. */
export function referenceSentence(payload, headline) {
  const target = targetLine(payload, headline);
  const sentences = [target && `${target[0].toUpperCase()}${target.slice(1)}.`];
  if (payload.benchmark !== null) {
    const { value, source, year } = payload.benchmark;
    sentences.push(`Benchmark ${figure(value, headline.unit, currencyOf(headline, payload))} (${source}, ${year}).`);
  }
  return sentences.filter((sentence) => sentence).join(" ");
}

/** Return the lines of a chart as { value, name, colour, align }. A time line of another family has none. */
export function referenceLines(payload, headline) {
  if (headline.line && !headline.line.is_value) return [];
  const { target, benchmark } = payload;
  return [
    target && { value: target.value, name: "target", colour: "--ink", align: "right" },
    benchmark && { value: benchmark.value, name: `${benchmark.source}, ${benchmark.year}`, colour: "--muted", align: "left" },
  ].filter((line) => line);
}
