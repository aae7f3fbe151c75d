// The page: what is chosen, and where each part of what the exporter tells goes.

import { Detail } from "./detail.js";
import { $, h } from "./dom.js";
import { Feed } from "./feed.js";
import { Status } from "./status.js";
import { Tiles } from "./tiles.js";

const catalog = await loaded();
const status = new Status(catalog);
const tiles = new Tiles(catalog, (tile) => choose({ tile }));
const detail = new Detail(catalog);
const feed = new Feed(take, (lost, since) => status.connected(!lost, since));
let choice = null;

async function loaded() {
  for (;;) {
    try {
      const answer = await fetch("catalog");
      if (answer.ok) return await answer.json();
    } catch {
      // told below; the exporter may be starting
    }
    $("notice").textContent = "The exporter does not answer; trying again";
    await new Promise((done) => setTimeout(done, 3000));
  }
}

function take(name, part) {
  if (name === "status") {
    status.show(part);
    tiles.states(part.domains);
  }
  if (name === "tiles" && part.window === choice.window) tiles.show(part.tiles, choice.tile);
  if (name === "detail" && part.window === choice.window && part.view === choice.view && part.id === choice.tile) {
    detail.show(part);
  }
}

/** The choice that an address names, as far as it is one. */
function named() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const windows = catalog.windows.map((window) => window.label);
  const views = catalog.views.map((view) => view.name);
  const one = (name, known, usual) => (known.includes(asked.get(name)) ? asked.get(name) : usual);
  return {
    window: one("window", windows, windows.includes("24h") ? "24h" : windows[0]),
    view: one("view", views, views.find((view) => view !== "total") ?? "total"),
    tile: asked.get("tile") ?? catalog.headlines[0].id,
  };
}

function choose(change) {
  choice = { ...(choice ?? named()), ...change };
  history.replaceState(null, "", `#${new URLSearchParams(choice)}`);
  for (const input of document.querySelectorAll("#windows input")) input.checked = input.value === choice.window;
  $("view").value = choice.view;
  tiles.press(choice.tile);
  $("detail").setAttribute("aria-busy", "true");
  feed.open(choice);
  if (change.tile) reveal();
}

/** On a narrow page what a tile shows at length is below the edge. */
function reveal() {
  const box = $("detail").getBoundingClientRect();
  if (box.top > innerHeight * 0.8) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    $("detail").scrollIntoView({ behavior: still ? "auto" : "smooth" });
  }
}

for (const { label } of catalog.windows) {
  const input = h("input", { type: "radio", name: "window", value: label, onchange: () => choose({ window: label }) });
  $("windows").append(h("label", {}, input, h("span", {}, label)));
}
for (const { name, labels } of catalog.views) {
  $("view").append(h("option", { value: name }, labels.length ? labels.join(", ") : "nothing (total)"));
}
$("view").addEventListener("change", (event) => choose({ view: event.target.value }));
$("choice").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => choose(named()));
choose({});
