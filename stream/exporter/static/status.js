// State of connection and pipeline, and the firing alerts.

import { $, h, setText } from "./dom.js";
import { ago, clock, count, duration, since } from "./format.js";

/** Number of alerts of one name that are shown before the list is opened. */
const UNFOLDED = 3;

export class Status {
  #payload = null;
  #isConnected = false;
  #lastEvent = 0;
  #drawnAlerts = "";

  constructor(catalog) {
    this.catalog = catalog;
  }

  /** Show whether the exporter is connected. `lastEvent` is the time of its last event in ms, 0 for none. */
  setConnected(isConnected, lastEvent) {
    if (this.#isConnected === isConnected && isConnected) return;
    [this.#isConnected, this.#lastEvent] = [isConnected, lastEvent];
    document.body.classList.toggle("lost", !isConnected);
    this.#showState();
  }

  show(payload) {
    this.#payload = payload;
    $("clock").dateTime = new Date(payload.at).toISOString();
    setText($("clock"), clock(payload.at));
    this.#showState();
    const alerts = JSON.stringify(payload.firing);
    if (alerts !== this.#drawnAlerts) {
      this.#drawnAlerts = alerts;
      $("alerts").replaceChildren(...firingAlerts(payload.firing));
    }
    $("health-table").replaceChildren(pipelineTable(payload));
  }

  #showState() {
    const payload = this.#payload;
    const complete = payload !== null && payload.covered === payload.expected && !payload.error;
    setText($("state"), !this.#isConnected ? (payload ? "Not connected" : "Connecting") : complete ? "Complete" : "Incomplete");
    $("health").dataset.state = this.#isConnected ? (complete ? "complete" : "incomplete") : "lost";
    setText($("notice"), this.#notice(payload, complete));
    const reason = this.#isConnected && payload ? [payload.error, payload.note].filter((text) => text).join("; ") : "";
    $("reason").hidden = !reason;
    setText($("reason"), reason);
  }

  #notice(payload, complete) {
    if (!this.#isConnected) {
      return `${this.#lastEvent ? `Connection lost. The values are from ${clock(this.#lastEvent)}.` : "Not connected to the exporter."} Reconnecting.`;
    }
    if (payload === null || complete) return "";
    const states = Object.values(payload.domains).map((domain) => domain.state);
    if (states.includes("expired")) return "Incomplete: values were removed and return when every partition is covered.";
    if (states.includes("stale")) return `Incomplete: values are frozen and will be removed after ${duration(this.catalog.stale_after)}.`;
    return "Incomplete: values are shown when every partition is covered.";
  }
}

function firingAlerts({ connected, error, alerts, more }) {
  if (connected === null) return [h("p", { class: "hint" }, "No Alertmanager is configured (setting ", h("code", {}, "exporter.alertmanager"), ").")];
  if (!connected) return [h("p", { class: "error" }, `Alertmanager cannot be reached${error ? `: ${error}` : ""}. Firing alerts are unknown.`)];
  if (!alerts.length) return [h("p", { class: "hint" }, "No alerts are firing.")];
  const groups = new Map();
  for (const alert of alerts) {
    const key = JSON.stringify([alert.name, alert.severity]);
    groups.set(key, [...(groups.get(key) ?? []), alert]);
  }
  const rest = more ? h("p", { class: "hint" }, `and ${count(more)} more`) : null;
  return [h("ul", { class: "alerts" }, [...groups.values()].map(alertGroup)), rest].filter((element) => element);
}

/** Return an item for the alerts of one name: those about the view total first, then the others. */
function alertGroup(alerts) {
  const [{ name, severity, runbook }] = alerts;
  const rank = (alert) => (alert.labels.view === "total" ? 0 : 1);
  const items = [...alerts].sort((a, b) => rank(a) - rank(b)).map(alertItem);
  // Only web addresses become links: a label or annotation could hold a javascript: address.
  const link = /^https?:\/\//.test(runbook) ? h("a", { href: runbook, rel: "noreferrer noopener" }, "Runbook") : runbook ? h("span", { class: "runbook" }, "Runbook: ", h("code", {}, runbook)) : null;
  const folded = items.length > UNFOLDED ? h("details", {}, h("summary", {}, `${items.length - UNFOLDED} more`), h("ul", {}, items.slice(UNFOLDED))) : null;
  return h("li", { class: "alert", "data-severity": severity }, h("p", { class: "alert-heading" }, h("strong", { class: "severity" }, severity || "alert"), " ", h("span", { class: "name" }, name), " ", link), h("ul", {}, items.slice(0, UNFOLDED)), folded);
}

function alertItem({ summary, since: startsAt, labels }) {
  const started = Date.parse(startsAt);
  const text = summary || Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
  return h("li", { class: "summary" }, text, " ", Number.isNaN(started) ? null : h("time", { datetime: startsAt }, `since ${since(started)}`));
}

const COLUMNS = ["Topic", "Newest event", "Worker lag", "Partitions covered", "Accepted", "Duplicates", "Dead letters"];

function pipelineTable(payload) {
  const partitions = payload.expected / Object.keys(payload.domains).length;
  const rows = Object.values(payload.domains).map((domain) => {
    const outcomes = Object.entries(domain.outcomes).filter(([, n]) => n).map(([outcome, n]) => `${outcome} ${count(n)}`).join(", ");
    const cells = [
      domain.newest === null ? "none yet" : ago(payload.at - domain.newest),
      duration(domain.lag),
      `${count(partitions - domain.gaps)} of ${count(partitions)}`,
      count(domain.outcomes.accepted ?? 0),
      count(domain.outcomes.duplicate ?? 0),
      count(domain.dead_letters),
    ];
    return h("tr", { "data-topic": domain.topic, title: outcomes }, h("th", { scope: "row" }, domain.topic), cells.map((cell) => h("td", {}, cell)));
  });
  return h("table", {}, h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows));
}
