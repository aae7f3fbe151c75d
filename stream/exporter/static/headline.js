// What a headline of the catalogue says about its tiles and its time line.

/** The headline's title with the values that the tile is about. */
export function title(headline, tile) {
  const values = headline.open.map((at) => tile.labels[at]).filter((value) => value);
  return [headline.title, ...values].join(" \u00b7 ");
}

/** The currency of a tile of money. */
export const currency = (headline, tile) => (headline.unit === "money" ? tile.labels.at(-1) : "");

/** The unit of a time line. */
export function unitOf(headline, money) {
  if (headline.line && !headline.line.own) return ["count", ""];
  return [headline.unit, money];
}
