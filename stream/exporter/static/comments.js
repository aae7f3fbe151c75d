// The newest kept comments, with filters. Only an exporter with users serves them.

import { $, announced, h, setText } from "./dom.js";
import { count, moment } from "./format.js";
import { getJson } from "./json.js";

/** Ms between two requests. */
const INTERVAL = 10_000;
/** Comments that are shown. */
const ROWS = 50;
const CLASSES = {
  promoter: "promoters", passive: "passives", detractor: "detractors", satisfied: "satisfied", dissatisfied: "dissatisfied", easy: "easy", not_easy: "not easy",
};

/** Begins the keys of filters by label, which may be called like other filters. */
const LABEL = "label ";
const labelKey = (name) => LABEL + name;

export class Comments {
  #drawn = "";
  #timer = null;
  #requests = 0;
  #labels = [];
  #isOpen = false;
  #filters = new Map();

  constructor() {
    this.form = h("form", { class: "filters", hidden: true, onsubmit: (event) => event.preventDefault() });
    this.note = h("p", { class: "hint", "aria-live": "off" });
    this.list = h("ul", { class: "comments" });
    $("comments").append(this.form, this.note, this.list);
    for (const [name, title] of [["class", "Class"], ["reason", "Reason"]]) this.#addFilter(name, title);
    this.#begin();
  }

  /** Filter by the labels of the selected view. */
  setLabels(labels) {
    if (JSON.stringify(labels) === JSON.stringify(this.#labels)) return;
    for (const key of this.#labels.map(labelKey)) {
      this.#filters.get(key).closest("label").remove();
      this.#filters.delete(key);
    }
    this.#labels = labels;
    for (const name of labels) this.#addFilter(labelKey(name), name);
    if (this.#isOpen) this.#load();
  }

  #addFilter(key, title) {
    const select = h("select", { "data-filter": key, onchange: () => announced(this.note, () => this.#load()) }, h("option", { value: "" }, "any"));
    this.#filters.set(key, select);
    this.form.append(h("label", {}, `${title} `, select));
  }

  /** Ask whether there are comments. If they are off nothing more is requested. */
  async #begin() {
    const state = await getJson("api/v1/comments/state");
    if (state?.off) return setText(this.note, state.off);
    if (!state || state.reason) {
      setText(this.note, state?.reason ?? "The exporter does not respond.");
      setTimeout(() => this.#begin(), INTERVAL);
      return;
    }
    this.form.hidden = false;
    this.#isOpen = true;
    this.#load();
  }

  async #load() {
    clearTimeout(this.#timer);
    const request = ++this.#requests;
    const query = new URLSearchParams({ limit: ROWS });
    for (const [key, select] of this.#filters) {
      if (!select.value) continue;
      if (key.startsWith(LABEL)) query.append("label", `${key.slice(LABEL.length)}:${select.value}`);
      else query.set(key, select.value);
    }
    const answer = await getJson(`api/v1/comments?${query}`);
    if (request !== this.#requests) return;
    if (answer && !answer.error) this.#show(answer);
    else setText(this.note, answer?.error ?? "The comments cannot be read. Retrying.");
    this.#timer = setTimeout(() => this.#load(), INTERVAL);
  }

  #show({ total, choices, comments }) {
    const shown = comments.length < total ? `, the newest ${count(comments.length)} shown` : "";
    setText(this.note, total ? `${count(total)} ${total === 1 ? "comment" : "comments"}${shown}.` : "No comments.");
    for (const [key, select] of this.#filters) {
      const values = key.startsWith(LABEL) ? choices.labels[key.slice(LABEL.length)] : choices[key];
      offer(select, values ?? [], key === "class" ? CLASSES : {});
    }
    const drawn = JSON.stringify(comments);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.list.replaceChildren(...comments.map(item));
  }
}

/** Offer these values and the selected one. The element keeps the focus and its selection. */
function offer(select, values, names) {
  const known = [...new Set([...values, ...(select.value ? [select.value] : [])])];
  if (JSON.stringify(known) === select.dataset.offered) return;
  const { value } = select;
  select.dataset.offered = JSON.stringify(known);
  select.replaceChildren(h("option", { value: "" }, "any"), ...known.map((name) => h("option", { value: name }, names[name] ?? name)));
  select.value = value;
}

function item(comment) {
  const values = Object.entries(comment.values).map(([name, value]) => `${name} ${value}`);
  const score = comment.score === null ? "" : ` ${comment.score}`;
  const facts = [`${comment.survey}${score}`, comment.class && comment.class.replace("_", " "), ...comment.reasons, ...values].filter((text) => text);
  const time = h("time", { datetime: comment.time }, moment(Date.parse(comment.time)));
  return h("li", { class: "comment", "data-class": comment.class }, h("p", { class: "facts" }, time, ` · ${facts.join(" · ")}`), h("p", { class: "text" }, comment.text));
}
