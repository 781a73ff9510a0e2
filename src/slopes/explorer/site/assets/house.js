// What every page of the house uses: elements, the theme, search, tables.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
export const still = matchMedia("(prefers-reduced-motion: reduce)");
export const theme = () => (root.dataset.theme === "auto" ? (dark.matches ? "dark" : "light") : root.dataset.theme);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function later(wait, act) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}

// Whoever draws listens to "themed".
export function tendTheme() {
  const button = document.getElementById("theme");
  const show = () => (button.textContent = theme() === "dark" ? "Light" : "Dark");
  const changed = () => (show(), document.dispatchEvent(new Event("themed")));
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    document.cookie = `slopes-theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
    changed();
  });
  dark.addEventListener("change", changed);
  show();
}

const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
export const matches = (words, wanted) => {
  const squeezed = plain(words).replaceAll(" ", "");
  return plain(wanted).split(" ").every((part) => plain(words).includes(part)) || squeezed.includes(plain(wanted).replaceAll(" ", ""));
};

// A search that leaves what matches in sight, and says how many that are.
export function sifting(search, items, told) {
  const sift = () => {
    for (const item of items) item.hidden = !matches(item.dataset.words, search.value);
    const count = [...items].filter((item) => !item.hidden).length;
    told.textContent = search.value ? (count ? `${count} of ${items.length}` : "None of that name.") : "";
  };
  search.addEventListener("input", sift);
  sift();
}

export function rows(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

export function table(t) {
  const head = make("tr", {}, ...t.columns.map((c) => (c ? make("th", { scope: "col" }, c) : make("td"))));
  const body = t.rows.map((row, i) => {
    const hue = t.hues[i];
    const swatch = hue === null || hue === undefined ? [] : [make("span", { class: `swatch hue-${hue}` })];
    return make("tr", {}, make("th", { scope: "row" }, ...swatch, row[0]), ...row.slice(1).map((cell) => make("td", {}, cell)));
  });
  return make("table", {}, ...(t.title ? [make("caption", {}, t.title)] : []), make("thead", {}, head), make("tbody", {}, ...body));
}

// A line does not end within a number or before its per cent.
export const whole = (text) => text.replaceAll(" × 10", "\u00a0×\u00a010").replaceAll(/(?<=\d) %/g, "\u00a0%");
export const noteOf = (t) => (t.note ? [make("p", { class: "note" }, whole(t.note))] : []);
