// Whether what is shown can be believed: connection, completeness, what is firing, and the pipeline.

import { $, h, say } from "./dom.js";
import { ago, clock, count, duration, since } from "./format.js";

/** Alerts of one name that are shown unasked. */
const SHOWN = 3;

export class Status {
  #part = null;
  #connected = false;
  #since = 0;
  #shown = { firing: "", domains: "" };

  constructor(catalog) {
    this.catalog = catalog;
  }

  /** Whether the exporter is heard, and when it was last. */
  connected(connected, since) {
    if (this.#connected === connected && connected) return;
    [this.#connected, this.#since] = [connected, since];
    document.body.classList.toggle("lost", !connected);
    this.#tell();
  }

  show(part) {
    this.#part = part;
    $("clock").dateTime = new Date(part.at).toISOString();
    say($("clock"), clock(part.at));
    this.#tell();
    const firing = JSON.stringify(part.firing);
    if (firing !== this.#shown.firing) {
      this.#shown.firing = firing;
      $("alerts").replaceChildren(...fired(part.firing));
    }
    $("health-table").replaceChildren(health(part));
  }

  #tell() {
    const part = this.#part;
    const complete = part !== null && part.covered === part.expected && !part.trouble;
    say($("state"), !this.#connected ? (part ? "Not connected" : "Connecting") : complete ? "Complete" : "Incomplete");
    $("health").dataset.state = this.#connected ? (complete ? "complete" : "incomplete") : "lost";
    say($("notice"), this.#notice(part, complete));
    const reason = this.#connected && part ? [part.trouble, part.remark].filter((text) => text).join("; ") : "";
    $("reason").hidden = !reason;
    say($("reason"), reason);
  }

  #notice(part, complete) {
    if (!this.#connected) {
      const since = this.#since ? `Not connected since ${clock(this.#since)}; the figures are those of then.` : "Not connected to the exporter.";
      return `${since} Trying again.`;
    }
    if (part === null || complete) return "";
    const states = Object.values(part.domains).map((domain) => domain.state);
    if (states.includes("expired")) return "Incomplete: figures have gone, until every partition is covered again.";
    if (states.includes("stale")) return `Incomplete: figures stand still, and go after ${duration(this.catalog.stale_after)}.`;
    return "Incomplete: figures are shown as soon as every partition is covered.";
  }
}

function fired({ connected, why, alerts, more }) {
  if (connected === null) return [h("p", { class: "quiet" }, "Alerts are not connected: ", h("code", {}, "exporter.alertmanager"), " names no Alertmanager.")];
  if (!connected) return [h("p", { class: "trouble" }, `Alertmanager cannot be reached${why ? `: ${why}` : ""}. What is firing is not known.`)];
  if (!alerts.length) return [h("p", { class: "quiet" }, "Nothing.")];
  const groups = new Map();
  for (const each of alerts) {
    const name = JSON.stringify([each.name, each.severity]);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const rest = more ? h("p", { class: "quiet" }, `and ${count(more)} more`) : null;
  return [h("ul", { class: "alerts" }, [...groups.values()].map(group)), rest].filter((each) => each);
}

/** Alerts of one name: the total first, then the label sets. */
function group(alerts) {
  const [{ name, severity, runbook }] = alerts;
  const rank = (alert) => (alert.labels.view === "total" ? 0 : 1);
  const told = [...alerts].sort((a, b) => rank(a) - rank(b)).map(line);
  const link = /^https?:\/\//.test(runbook) ? h("a", { href: runbook, rel: "noreferrer noopener" }, "Runbook") : runbook ? h("span", { class: "runbook" }, "Runbook: ", h("code", {}, runbook)) : null;
  const others = told.length > SHOWN ? h("details", {}, h("summary", {}, `${told.length - SHOWN} more`), h("ul", {}, told.slice(SHOWN))) : null;
  return h("li", { class: "alert", "data-severity": severity }, h("p", { class: "what" }, h("strong", { class: "severity" }, severity || "alert"), " ", h("span", { class: "name" }, name), " ", link), h("ul", {}, told.slice(0, SHOWN)), others);
}

function line({ summary, since: began, labels }) {
  const started = Date.parse(began);
  const text = summary || Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
  return h("li", { class: "summary" }, text, " ", Number.isNaN(started) ? null : h("time", { datetime: began }, `since ${since(started)}`));
}

const COLUMNS = ["Topic", "Newest event", "Worker behind", "Partitions covered", "Accepted", "Duplicates", "Dead letters"];

function health(part) {
  const each = part.expected / Object.keys(part.domains).length;
  const rows = Object.values(part.domains).map((domain) => {
    const outcomes = Object.entries(domain.outcomes).filter(([, n]) => n).map(([outcome, n]) => `${outcome} ${count(n)}`).join(", ");
    const cells = [
      domain.newest === null ? "none yet" : ago(part.at - domain.newest),
      duration(domain.lag),
      `${count(each - domain.gaps)} of ${count(each)}`,
      count(domain.outcomes.accepted ?? 0),
      count(domain.outcomes.duplicate ?? 0),
      count(domain.dead),
    ];
    return h("tr", { "data-topic": domain.topic, title: outcomes }, h("th", { scope: "row" }, domain.topic), cells.map((cell) => h("td", {}, cell)));
  });
  return h("table", {}, h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows));
}
