// The answer to "is anything wrong?": a sentence made of incidents, alerts, targets and changes.

import { $, h, update } from "./dom.js";
import { count } from "./format.js";
import { title } from "./headline.js";

export class Verdict {
  #status = null;
  #tiles = null;
  #isConnected = false;

  constructor(catalog) {
    this.catalog = catalog;
  }

  setConnected(isConnected) {
    this.#isConnected = isConnected;
    this.#show();
  }

  setStatus(payload) {
    this.#status = payload;
    this.#show();
  }

  setTiles(payload) {
    this.#tiles = payload;
    this.#show();
  }

  /** Show the most important clause as heading. It is announced only when a text changes. */
  #show() {
    const known = this.#isConnected && this.#status && this.#tiles;
    const clauses = known ? wrong(this.#status, this.#tiles, this.catalog) : [];
    const isComplete = known && this.#status.covered === this.#status.expected && !this.#status.error;
    const hasEvents = known && Object.values(this.#status.domains).some((domain) => domain.newest !== null);
    $("verdict").hidden = !clauses.length && !(isComplete && hasEvents);
    if ($("verdict").hidden) return;
    const { incidents, firing } = this.#status;
    const isCritical = [...incidents, ...(firing.alerts ?? [])].some(({ severity }) => severity === "critical");
    $("verdict").dataset.state = !clauses.length ? "good" : isCritical ? "bad" : "warn";
    const [heading, ...details] = clauses.length ? clauses : right(this.#status, this.#tiles);
    update($("verdict"), h("h2", {}, heading), details.length ? h("p", {}, details.map((clause) => `${clause}.`).join(" ")) : null);
  }
}

/** Return what is wrong as clauses, the most important first. */
function wrong({ firing, incidents }, { tiles, window }, { headlines }) {
  const name = (tile) => title(headlines[tile.headline], tile);
  const missed = tiles.filter((tile) => tile.target?.verdict === "missed").map(name);
  const worse = tiles.filter((tile) => headlines[tile.headline].is_lead && tile.verdict === "worse").map(name);
  return [
    incidents.length && `${count(incidents.length)} ${incidents.length === 1 ? "incident" : "incidents"} now`,
    firing.connected === false && "Firing alerts are unknown",
    firing.alerts?.length && alertClause(firing),
    missed.length && `${missed.length === 1 ? "A target is" : `${missed.length} targets are`} missed: ${missed.join(", ")}`,
    worse.length && `Worse than in the ${window} before: ${worse.join(", ")}`,
  ].filter((clause) => clause);
}

function alertClause({ alerts, more }) {
  const names = new Map(alerts.map(({ name, severity }) => [name, severity]));
  const critical = [...names.values()].filter((severity) => severity === "critical").length;
  const all = `${more ? "At least " : ""}${count(names.size)} ${names.size === 1 ? "alert is" : "alerts are"} firing`;
  return critical ? `${all}, ${count(critical)} of them critical` : all;
}

/** Return the clauses of a system in which nothing is wrong. Without an Alertmanager it says so. */
function right({ firing }, { tiles, window }) {
  const targets = tiles.filter((tile) => tile.target?.verdict).length;
  return [
    firing.connected === null ? "Nothing is wrong in the figures" : "Nothing is wrong",
    firing.connected && "No alerts are firing",
    targets && "No target is missed",
    tiles.some((tile) => tile.change !== null) && `No figure at a glance is clearly worse than in the ${window} before`,
  ].filter((clause) => clause);
}
