// Lists of tickets and customers behind figures. Only an exporter with users serves them.

import { $, announced, h, setText } from "./dom.js";
import { count, duration } from "./format.js";
import { getJson } from "./json.js";

/** Ms between two requests. */
const INTERVAL = 10_000;
/** Rows that are shown. `cxgauge tickets` lists all. */
const ROWS = 50;
const LISTS = {
  waiting: "Waiting for a first response",
  "over-target": "Waiting over target",
  "awaiting-reply": "Awaiting a reply",
  reopened: "Reopened",
  unanswered: "Solved without a response",
  orphans: "Without a creation",
  leaving: "Leaving customers",
};
const TICKET_COLUMNS = { id: "Ticket", age: "Age", channel: "Channel", team: "Team", priority: "Priority" };
const CUSTOMER_COLUMNS = { id: "Customer", age: "Age", state: "State", reason: "Reason", plan: "Plan" };

export class Lists {
  #window = "";
  #drawn = "";
  #timer = null;
  #requests = 0;

  constructor() {
    this.select = h("select", { id: "list", onchange: () => announced(this.note, () => this.#load()) }, Object.entries(LISTS).map(([value, name]) => h("option", { value }, name)));
    this.note = h("p", { class: "hint", "aria-live": "off" });
    this.table = h("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Rows of the list" });
    this.label = h("label", { hidden: true }, "List ", this.select);
    $("lists").append(this.label, this.note, this.table);
    this.#begin();
  }

  /** Use this window for the lists that have one. */
  setWindow(window) {
    if (this.#window === window) return;
    this.#window = window;
    if (!this.label.hidden) this.#load();
  }

  /** Ask whether there are lists. Without users nothing more is requested. */
  async #begin() {
    const state = await getJson("api/v1/lists");
    if (state?.off) return setText(this.note, state.off);
    if (!state || state.reason) {
      setText(this.note, state?.reason ?? "The exporter does not respond.");
      setTimeout(() => this.#begin(), INTERVAL);
      return;
    }
    this.label.hidden = false;
    this.#load();
  }

  async #load() {
    clearTimeout(this.#timer);
    const request = ++this.#requests;
    const name = this.select.value;
    const query = new URLSearchParams(name === "leaving" ? { limit: ROWS } : { list: name, limit: ROWS });
    if (this.#window) query.set("window", this.#window);
    const path = name === "leaving" ? "api/v1/customers/leaving" : "api/v1/tickets";
    const answer = await getJson(`${path}?${query}`);
    if (request !== this.#requests) return;
    if (answer && !answer.error) this.#show(answer);
    else setText(this.note, answer?.error ?? "The list cannot be read. Retrying.");
    this.#timer = setTimeout(() => this.#load(), INTERVAL);
  }

  #show(answer) {
    const rows = answer.tickets ?? answer.customers;
    const shown = rows.length < answer.total ? `, the first ${count(rows.length)} shown` : "";
    const incomplete = answer.incomplete ? ` Changes may be missing: ${answer.incomplete}.` : "";
    setText(this.note, `${count(answer.total)} ${answer.tickets ? "tickets" : "customers"}${answer.window ? ` in ${answer.window}` : ""}${shown}.${incomplete}`);
    const drawn = JSON.stringify([answer.list, rows.map(({ age_seconds: _, ...row }) => row)]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.table.replaceChildren(...(rows.length ? [table(answer, rows)] : []));
    }
    // Ages are updated in place, so that a link keeps the focus.
    const ages = this.table.querySelectorAll("[data-age]");
    rows.forEach((row, i) => setText(ages[i], duration(row.age_seconds)));
  }
}

function table(answer, rows) {
  const columns = answer.tickets ? TICKET_COLUMNS : CUSTOMER_COLUMNS;
  const head = h("tr", {}, Object.values(columns).map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map((row) => h("tr", {}, Object.keys(columns).map((name) => cell(name, row))));
  return h("table", {}, h("caption", {}, LISTS[answer.list]), h("thead", {}, head), h("tbody", {}, body));
}

function cell(name, row) {
  if (name === "id") return h("th", { scope: "row" }, identity(row));
  if (name === "age") return h("td", { "data-age": true, title: row.since });
  const will = name === "reason" && row.voluntary === false ? " (involuntary)" : "";
  return h("td", {}, row[name] === null ? "" : row[name] + will);
}

/** Return the ID, as a link if the exporter knows the help desk. Only web addresses become links. */
function identity({ id, url }) {
  return url && /^https?:\/\//.test(url) ? h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, id) : id;
}
