// Properties of a headline of the catalog: title, currency, unit of its time line.

/** Return the title of a headline with the values of its open labels. */
export function title(headline, tile) {
  const values = headline.open_labels.map((i) => tile.labels[i]).filter((value) => value);
  return [headline.title, ...values].join(" \u00b7 ");
}

/** Return the currency of a tile, empty unless its unit is money. */
export const currencyOf = (headline, tile) => (headline.unit === "money" ? tile.labels.at(-1) : "");

/** Return unit and currency of a time line. A time line of another family is shown as plain numbers. */
export function timelineUnit(headline, currency) {
  if (headline.line && !headline.line.is_value) return ["count", ""];
  return [headline.unit, currency];
}
