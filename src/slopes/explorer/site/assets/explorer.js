// The pages of the atlas: the plates, the tables, a figure.

import { Figure } from "/page/figure.js";
import { make, matches, sifting, tendTheme } from "/page/house.js";

async function landing(plates) {
  if (plates.hasAttribute("data-waiting")) {
    const reply = await fetch("/plates");
    plates.innerHTML = await reply.text();
    plates.removeAttribute("data-waiting");
  }
  const [search, found] = ["search", "found"].map((id) => document.getElementById(id));
  const sift = () => {
    const tiles = [...plates.querySelectorAll(".tile")];
    for (const tile of tiles) tile.hidden = !matches(tile.dataset.words, search.value);
    for (const group of plates.querySelectorAll(".family, .kind")) group.hidden = !group.querySelector(".tile:not([hidden])");
    const topics = document.getElementById("topics");
    for (const topic of topics.children) topic.hidden = !search.value || !matches(topic.dataset.words, search.value);
    topics.hidden = [...topics.children].every((topic) => topic.hidden);
    const count = tiles.filter((tile) => !tile.hidden).length;
    const said = count === 0 ? (topics.hidden ? "None of that name." : "No function of that name.") : `${count} of ${tiles.length}`;
    found.textContent = search.value ? said : `${tiles.length} functions`;
  };
  search.addEventListener("input", sift);
  search.addEventListener("keydown", (event) => {
    const first = plates.querySelector(".tile:not([hidden]) a");
    if (event.key === "Enter" && search.value && first) first.click();
  });
  sift();
}

function sorting(grid) {
  const order = new Intl.Collator(undefined, { numeric: true });
  for (const head of grid.querySelectorAll("thead th")) {
    const button = make("button", { type: "button", class: "quiet sort" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of grid.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const said = (row) => row.cells[head.cellIndex].dataset.value ?? row.cells[head.cellIndex].textContent;
      const body = grid.tBodies[0];
      const before = (a, b) => (a !== "" && b !== "" && a - b) || order.compare(a, b); // numbers by size, words by letters
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * before(said(a), said(b))));
    });
  }
}

for (const grid of document.querySelectorAll("table.sortable")) sorting(grid);
const filter = document.getElementById("filter");
if (filter) sifting(filter, document.querySelectorAll("table.reference tbody tr"), document.getElementById("filtered"));
const article = document.querySelector(".figure:not(.embedded)");
const plates = document.getElementById("plates");
tendTheme();
if (article) {
  const figure = new Figure(article);
  document.addEventListener("themed", () => figure.drawCharts());
  const copies = (button, text) =>
    button.addEventListener("click", async () => {
      const label = button.textContent;
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 1500);
    });
  copies(figure.part.copy, () => figure.part.snippet.textContent);
  copies(figure.part.link, () => location.origin + figure.address());
  await figure.start();
}
if (plates) await landing(plates);
