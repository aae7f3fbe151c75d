// State of connection and pipeline, and the firing alerts.

import { csvButton } from "./csv.js";
import { $, h, setText, update } from "./dom.js";
import { ago, count, duration, since, stamp } from "./format.js";

/** Number of alerts of one name that are shown before the list is opened. */
const UNFOLDED = 2;
const STATES = { Complete: "complete", Incomplete: "incomplete", "No events yet": "empty" };

export class Status {
  #payload = null;
  #isConnected = false;
  #refusal = "";

  constructor(catalog) {
    this.catalog = catalog;
    $("pipeline").append(csvButton("the pipeline", () => ["cxgauge-pipeline", pipelineCells(this.#payload)]));
  }

  /** Show whether the exporter is connected. `refusal` is its reason if it refused the connection. */
  setConnected(isConnected, refusal) {
    if (this.#isConnected === isConnected && this.#refusal === refusal) return;
    [this.#isConnected, this.#refusal] = [isConnected, refusal];
    document.body.classList.toggle("lost", !isConnected);
    this.#showState();
    if (this.#payload) this.#showPipeline();
  }

  show(payload) {
    this.#payload = payload;
    this.#showState();
    $("firing").hidden = payload.firing.connected && !payload.firing.alerts.length;
    update($("alerts"), firingAlerts(payload.firing, new Set(payload.incidents.map(({ alert }) => alert))));
    this.#showPipeline();
  }

  #showPipeline() {
    $("pipeline").hidden = false;
    update($("health-table"), pipelineTable(this.#payload, this.#isConnected));
  }

  #showState() {
    const payload = this.#payload;
    const complete = payload !== null && payload.covered === payload.expected && !payload.error;
    const connectedState = !complete ? "Incomplete" : isEmpty(payload) ? "No events yet" : "Complete";
    setText($("state"), this.#isConnected ? connectedState : payload ? "Not connected" : "Connecting");
    setText($("silence"), this.#isConnected && payload?.silence ? `No news from a worker for ${payload.silence} s` : "");
    this.#showTime(payload);
    $("health").dataset.state = this.#isConnected ? STATES[connectedState] : "lost";
    setText($("notice"), this.#notice(payload, complete));
    const reason = this.#isConnected && payload ? [payload.error, payload.note].filter((text) => text).join("; ") : "";
    $("reason").hidden = !reason;
    setText($("reason"), reason);
  }

  /** Show the time of the oldest values: the present of the exporter, if they are updated. */
  #showTime(payload) {
    const time = payload && timeOfValues(payload);
    const isPresent = this.#isConnected && Object.values(payload?.domains ?? {}).every((domain) => domain.values_of === null);
    $("clock").dateTime = time ? new Date(time).toISOString() : "";
    setText($("clock"), time ? `${isPresent ? "" : "values of "}${stamp(time)}` : "");
  }

  #notice(payload, complete) {
    if (!this.#isConnected) {
      const time = payload && timeOfValues(payload);
      const values = time ? `Connection lost. The values are from ${stamp(time)}.` : "Not connected to the exporter.";
      return `${this.#refusal || values} Reconnecting.`;
    }
    if (payload === null) return "";
    if (complete) return isEmpty(payload) ? firstSteps(payload) : "";
    const states = Object.values(payload.domains).map((domain) => domain.state);
    if (states.includes("expired")) return "Incomplete: values were removed and return when every partition is covered.";
    if (states.includes("stale")) return `Incomplete: values are frozen and will be removed after ${duration(this.catalog.stale_after)}.`;
    return "Incomplete: values are shown when every partition is covered.";
  }
}

/** Return the time of the oldest shown values in ms, null if none are shown. */
function timeOfValues({ at, domains }) {
  const shown = Object.values(domains).filter(({ state }) => state === "live" || state === "stale");
  return shown.length ? Math.min(...shown.map((domain) => domain.values_of ?? at)) : null;
}

/** Return true if no event was accepted yet. */
const isEmpty = ({ domains }) => Object.values(domains).every((domain) => domain.newest === null);

function firstSteps({ domains }) {
  const letters = Object.values(domains).reduce((sum, domain) => sum + domain.dead_letters, 0);
  if (letters) return `No event was accepted yet. ${count(letters)} became dead letters: cxgauge deadletter ls shows why.`;
  return "No events yet. Publish some: cxgauge publish FILE sends JSON Lines. The events and clients for apps are described in schemas/README.md.";
}

/** Return the firing alerts. Those of a rule with a card, whose text says the same, are folded. */
function firingAlerts({ connected, error, alerts, more }, withCard) {
  if (connected === null) return [h("p", { class: "hint" }, "No Alertmanager is configured (setting ", h("code", {}, "exporter.alertmanager"), ").")];
  if (!connected) return [h("p", { class: "error" }, `Alertmanager cannot be reached${error ? `: ${error}` : ""}. Firing alerts are unknown.`)];
  const groups = new Map();
  for (const alert of alerts) {
    const key = JSON.stringify([alert.name, alert.severity]);
    groups.set(key, [...(groups.get(key) ?? []), alert]);
  }
  const rest = more ? h("p", { class: "hint" }, `and ${count(more)} more`) : null;
  return [h("ul", { class: "alerts" }, [...groups.values()].map((group) => alertGroup(group, withCard.has(group[0].name) ? 0 : UNFOLDED))), rest];
}

/** Return an item for the alerts of one name: those about the view total first, then the others. The first `unfolded` ones are shown. */
function alertGroup(alerts, unfolded) {
  const [{ name, severity, runbook }] = alerts;
  const rank = (alert) => (alert.labels.view === "total" ? 0 : 1);
  const items = [...alerts].sort((a, b) => rank(a) - rank(b)).map(alertItem);
  // Only web addresses become links: a label or annotation could hold a javascript: address.
  const link = /^https?:\/\//.test(runbook) ? h("a", { href: runbook, rel: "noreferrer noopener" }, "Runbook") : runbook ? h("span", { class: "runbook" }, "Runbook: ", h("code", {}, runbook)) : null;
  const rest = items.length - unfolded;
  const folded = rest > 0 ? h("details", {}, h("summary", {}, unfolded ? `${rest} more` : rest === 1 ? "1 alert" : `${rest} alerts`), h("ul", {}, items.slice(unfolded))) : null;
  return h("li", { class: "alert", "data-severity": severity }, h("p", { class: "alert-heading" }, h("strong", { class: "severity" }, severity || "alert"), " ", h("span", { class: "name" }, name), " ", link), unfolded ? h("ul", {}, items.slice(0, unfolded)) : null, folded);
}

function alertItem({ summary, since: startsAt, labels }) {
  const started = Date.parse(startsAt);
  const text = summary || Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
  return h("li", { class: "summary" }, text, " ", Number.isNaN(started) ? null : h("time", { datetime: startsAt }, `since ${since(started)}`));
}

const COLUMNS = ["Topic", "Newest event", "Worker lag", "Partitions covered", "Accepted", "Duplicates", "Dead letters"];

/** Return the table. Ages are those of the present, so a page without a connection shows times instead. */
function pipelineTable(payload, isConnected) {
  const partitions = payload.expected / Object.keys(payload.domains).length;
  const rows = Object.values(payload.domains).map((domain) => {
    const outcomes = Object.entries(domain.outcomes).filter(([, n]) => n).map(([outcome, n]) => `${outcome} ${count(n)}`).join(", ");
    const cells = [
      domain.newest === null ? "none yet" : isConnected ? ago(payload.at - domain.newest) : stamp(domain.newest),
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

/** Return the table as rows of exact values, the first one with the names of the columns. Times are in UTC, the lag is in s. */
function pipelineCells({ domains }) {
  const outcomes = [...new Set(Object.values(domains).flatMap((domain) => Object.keys(domain.outcomes)))].sort();
  const time = (ms) => (ms === null ? null : new Date(ms).toISOString());
  const rows = Object.values(domains).map((domain) => [domain.topic, domain.state, time(domain.newest), domain.lag, domain.gaps, ...outcomes.map((outcome) => domain.outcomes[outcome] ?? 0)]);
  return [["topic", "state", "newest_event", "lag", "partitions_not_covered", ...outcomes], ...rows];
}
