// Entry point: loads the catalog, keeps the selection and hands each payload to its view.

import { Comments } from "./comments.js";
import { Detail } from "./detail.js";
import { $, h } from "./dom.js";
import { Feed } from "./feed.js";
import { Incidents } from "./incidents.js";
import { Lists } from "./lists.js";
import { Status } from "./status.js";
import { Tiles } from "./tiles.js";
import { Verdict } from "./verdict.js";

const catalog = await loadCatalog();
const status = new Status(catalog);
const verdict = new Verdict(catalog);
const incidents = new Incidents();
const tiles = new Tiles(catalog, (tile) => select({ tile }));
const detail = new Detail(catalog);
const comments = new Comments();
const lists = new Lists();
const feed = new Feed(show, (isConnected, refusal) => {
  status.setConnected(isConnected, refusal);
  verdict.setConnected(isConnected);
});
let selection = null;

async function loadCatalog() {
  for (;;) {
    try {
      const response = await fetch("catalog", { signal: AbortSignal.timeout(8000) });
      if (response.ok) return await response.json();
    } catch {
      // The exporter may be starting. The notice below reports every failed attempt.
    }
    $("notice").textContent = "The exporter does not respond. Retrying.";
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

/** Show a payload, unless it belongs to a former selection. */
function show(name, payload) {
  if (name === "status") {
    status.show(payload);
    incidents.show(payload);
    tiles.showStates(payload.domains);
    verdict.setStatus(payload);
  }
  if (name === "tiles" && payload.window === selection.window) {
    tiles.show(payload.tiles, payload.window);
    verdict.setTiles(payload);
  }
  if (name === "detail" && payload.window === selection.window && payload.view === selection.view && payload.id === selection.tile) {
    detail.show(payload);
  }
}

/** Return the selection in the address. Invalid parts get their default. */
function selectionFromAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const windows = catalog.windows.map((window) => window.label);
  const views = catalog.views.map((view) => view.name);
  const valid = (name, allowed, fallback) => (allowed.includes(parameters.get(name)) ? parameters.get(name) : fallback);
  return {
    window: valid("window", windows, windows.includes("24h") ? "24h" : windows[0]),
    view: valid("view", views, views.find((view) => view !== "total") ?? "total"),
    tile: isTile(parameters.get("tile")) ? parameters.get("tile") : catalog.headlines[0].id,
  };
}

/** Return whether an id is that of a tile: of a headline, with any values for its open labels. */
function isTile(id) {
  const parts = id?.split("/") ?? [];
  return catalog.headlines.some((headline) => {
    const known = headline.id.split("/");
    return known.length === parts.length && known.every((part, i) => part === parts[i] || headline.open_labels.includes(i - 1));
  });
}

function select(change) {
  selection = { ...(selection ?? selectionFromAddress()), ...change };
  history.replaceState(null, "", `#${new URLSearchParams(selection)}`);
  document.body.dataset.address = location.href;
  for (const input of document.querySelectorAll("#windows input")) input.checked = input.value === selection.window;
  $("view").value = selection.view;
  tiles.setPressed(selection.tile);
  lists.setWindow(selection.window);
  comments.setLabels(catalog.views.find((view) => view.name === selection.view).labels);
  $("detail").setAttribute("aria-busy", "true");
  feed.open(selection);
  if (change.tile) reveal();
}

/** Scroll to the detail section if its beginning is out of sight, as on a phone. */
function reveal() {
  const { top } = $("detail").getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.8) {
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    $("detail").scrollIntoView({ behavior: reducedMotion ? "auto" : "smooth" });
  }
}

for (const { label } of catalog.windows) {
  const input = h("input", { type: "radio", name: "window", value: label, onchange: () => select({ window: label }) });
  $("windows").append(h("label", {}, input, h("span", {}, label)));
}
for (const { name, labels } of catalog.views) {
  $("view").append(h("option", { value: name }, labels.length ? labels.join(", ") : "nothing (total)"));
}
$("view").addEventListener("change", (event) => select({ view: event.target.value }));
$("selection").addEventListener("submit", (event) => event.preventDefault());
// The address holds the selection, which the link to the figures must not replace.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("glance").focus();
});
addEventListener("hashchange", () => select(selectionFromAddress()));
select({});
