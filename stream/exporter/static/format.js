// Values as text for people. The exact values are in the `value` attribute of the <data> elements.

const MINUS = "\u2212";
const NARROW = "\u202f";
export const NO_VALUE = "\u2013";

function fixed(value, digits) {
  const text = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  return (/[1-9]/.test(text) ? text : text.replace("-", "")).replace("-", MINUS);
}

function ratio(value) {
  return fixed(100 * value, Math.abs(value) < 0.01 && value !== 0 ? 2 : 1);
}

/** Format seconds in their two largest units. */
export function duration(seconds) {
  if (seconds < 60) return `${fixed(seconds, seconds < 10 ? 1 : 0)}${NARROW}s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const largest = units.findIndex(([, size]) => seconds >= size);
  const [[big, size], [small, smallSize]] = units.slice(largest, largest + 2);
  const rounded = Math.round(seconds / smallSize) * smallSize;
  if (largest && rounded >= units[largest - 1][1]) return duration(rounded);
  const whole = Math.floor(rounded / size);
  const rest = (rounded - whole * size) / smallSize;
  return rest ? `${whole}${NARROW}${big} ${rest}${NARROW}${small}` : `${whole}${NARROW}${big}`;
}

/** Format a value in its unit. `currency` is used for money only. */
export function figure(value, unit, currency = "") {
  if (value === null || value === undefined) return NO_VALUE;
  switch (unit) {
    case "points": return fixed(value, 1);
    case "ratio": return `${ratio(value)}${NARROW}%`;
    case "seconds": return duration(value);
    case "money": return `${fixed(value, 2)} ${currency}`.trim();
    default: return Number.isInteger(value) ? fixed(value, 0) : fixed(value, 2);
  }
}

/** Format two bounds. Empty if one is null. */
export function bounds(low, high, unit) {
  if (low === null || high === null) return "";
  return unit === "ratio" ? `${ratio(low)} to ${ratio(high)}${NARROW}%` : `${figure(low, unit)} to ${figure(high, unit)}`;
}

export const count = (n) => (n === null || n === undefined ? NO_VALUE : fixed(n, 0));

const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const CLOCK = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = format({ hour: "2-digit", minute: "2-digit" });
const DAY = format({ day: "numeric", month: "short" });
const FULL = format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const STAMP = format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const moment = (ms) => FULL.format(ms);

/** Format the time of values, with its day if it is 12 hours ago or more. */
export const stamp = (ms) => (Date.now() - ms < 12 * 3_600_000 ? CLOCK : STAMP).format(ms);

/** Format a start time, with its day if it is 12 hours ago or more. */
export const since = (ms) => (Date.now() - ms < 12 * 3_600_000 ? MINUTE.format(ms) : FULL.format(ms));

/** Format the time of a mark on an axis that spans that many seconds. */
export function mark(ms, span) {
  return span <= 2 * 86400 ? MINUTE.format(ms) : DAY.format(ms);
}

/** Format an age in ms. */
export const ago = (ms) => (ms < 1000 ? "just now" : `${duration(Math.floor(ms / 1000))} ago`);
