// A figure: moves data between the server and the page. No formula is here: every number arrives computed and formatted.
// One request is in flight; the newest state goes next; a reply older than what is shown is dropped.

import { later, make, matches, noteOf, rows, still, table, theme, whole } from "/page/house.js";

const BEAT = 120; // milliseconds between the steps of Play

// How large a chart is drawn on its plate.
function room(spec, plate) {
  const width = Math.max(1, plate.clientWidth - spec.padding.left - spec.padding.right);
  const height = Math.max(1, plate.clientHeight - spec.padding.top - spec.padding.bottom);
  const aspect = spec.usermeta?.aspect; // where a unit across is as long as a unit up
  return aspect ? { width: Math.min(width, height * aspect), height: Math.min(height, width / aspect) } : { width, height };
}

// Draw a chart into an element of its plate; Vega is there already. Returns its view.
export async function draw(element, spec, plate) {
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false, hover: false, logLevel: 1 };
  return (await window.vegaEmbed(element, { ...spec, ...room(spec, plate) }, options)).view;
}

// A point on a chart that can be dragged: a button over it, placed by the chart's own scales. An axis says where it may
// go (low, high, step) and where it is (at); without a step it stays.
export class Handle {
  constructor(plate, view, { x, y, label, hue, moved }) {
    Object.assign(this, { plate, view, x, y, label });
    this.button = make("button", { type: "button", class: `handle hue-${hue}` });
    const snapped = (axis, value) => {
      if (!axis?.step) return axis?.at();
      const whole = Math.round(value / axis.step) * axis.step;
      return Number(Math.min(axis.high, Math.max(axis.low, whole)).toPrecision(10));
    };
    const move = (across, up) => {
      moved(snapped(x, across), snapped(y, up));
      this.place();
    };
    this.button.addEventListener("pointerdown", (event) => {
      this.button.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.button.focus();
    });
    this.button.addEventListener("pointermove", (event) => {
      if (!this.button.hasPointerCapture(event.pointerId)) return;
      const frame = this.frame();
      const share = (place, start, whole) => Math.min(1, Math.max(0, (place - start) / whole));
      const across = view.scale("x").invert(share(event.clientX, frame.left, frame.width) * view.width());
      const up = y && view.scale("y").invert(share(event.clientY, frame.top, frame.height) * view.height());
      move(across, up);
    });
    this.button.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const many = event.shiftKey ? 10 : 1;
      move(x.at() + way[0] * many * (x.step ?? 0), y && y.at() + way[1] * many * (y.step ?? 0));
    });
    plate.append(this.button);
    this.place();
  }

  frame() {
    return this.plate.querySelector(".role-frame .background")?.getBoundingClientRect();
  }

  place() {
    const frame = this.frame();
    if (!frame) return;
    const whole = this.plate.getBoundingClientRect();
    const down = this.y ? this.view.scale("y")(this.y.at()) : this.view.height();
    this.button.style.left = `${frame.left - whole.left + this.view.scale("x")(this.x.at())}px`;
    this.button.style.top = `${frame.top - whole.top + down}px`;
    const places = [this.x, this.y].filter(Boolean).map((axis) => `${axis.name} ${axis.at()}`).join(", ");
    this.button.setAttribute("aria-label", `${this.label}: ${places}. Arrow keys move it, with Shift ten steps.`);
  }

  remove() {
    this.button.remove();
  }
}

let count = 0; // of the figures on a page, so that the names of their controls differ

// An embedded figure stands beside a text: it has some of its charts and controls, and leaves the page's address alone.
export class Figure {
  constructor(article) {
    this.article = article;
    this.id = article.dataset.figure;
    this.embedded = article.classList.contains("embedded");
    this.shownControls = article.dataset.shown?.split(",").filter(Boolean);
    this.prefix = count++ ? `plate-${count}-` : "";
    this.part = Object.fromEntries([...article.querySelectorAll("[data-part]")].map((e) => [e.dataset.part, e]));
    this.views = new Map();
    this.known = new WeakMap(); // which signals and datasets each view has
    this.specs = {};
    this.controls = new Map();
    this.handles = [];
    this.flying = false;
    this.wanted = false;
    this.reply = null;
    this.looked = {};
    this.chosen = () => this.schema.parameters.filter((p) => p.kind !== "number").flatMap((p) => this.state[p.name]);
    this.remember = this.embedded ? () => {} : later(200, () => history.replaceState(null, "", this.address()));
    this.speak = later(700, (text) => (this.part.live.textContent = text));
  }

  async start() {
    const drawn = this.drawCharts();
    const answer = await fetch(`/api/${this.id}/schema`);
    this.schema = await answer.json();
    if (!answer.ok) return this.refuse(this.schema.error);
    const [said, unread] = this.saidBy(this.embedded ? this.article.dataset.state : location.search);
    this.first = { ...Object.fromEntries(this.schema.parameters.map((p) => [p.name, p.default])), ...(this.embedded && said) };
    this.state = { ...this.first, ...said };
    this.unread = unread;
    this.drawControls();
    this.drawPresets();
    this.drawSteps();
    this.ask();
    await drawn;
  }

  // State and address

  saidBy(query) {
    const unread = [];
    const state = {};
    for (const [name, text] of new URLSearchParams(query)) {
      if (name === "embed" || name === "hide") continue; // how the page is shown, not what
      const parameter = this.schema.parameters.find((p) => p.name === name);
      if (!parameter) unread.push([name, text]);
      else if (parameter.kind === "number") state[name] = text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
      else state[name] = parameter.kind === "several" ? text.split(",") : text;
    }
    return [state, unread];
  }

  set(query) {
    return this.change({ ...this.first, ...this.saidBy(query)[0] });
  }

  query(state = this.state) {
    const pairs = this.schema.parameters
      .filter((p) => String(state[p.name]) !== String(p.default))
      .map((p) => [p.name, String(state[p.name])]);
    return new URLSearchParams([...pairs, ...this.unread]).toString().replaceAll("%2C", ",");
  }

  address() {
    const shown = new URLSearchParams(location.search);
    const kept = ["embed", "hide"].filter((name) => shown.has(name)).map((name) => [name, shown.get(name)].filter(Boolean).join("="));
    return [location.pathname, [this.query(), ...kept].filter(Boolean).join("&")].filter(Boolean).join("?");
  }

  change(changes) {
    Object.assign(this.state, changes);
    this.looked = {};
    this.unread = [];
    this.showState();
    this.remember();
    return this.ask();
  }

  // What lies under a pointer that is not pressed is read and kept nowhere.
  look(under) {
    const at = Object.fromEntries(Object.entries(under).filter(([name, value]) => value !== this.state[name]));
    if (JSON.stringify(at) === JSON.stringify(this.looked)) return;
    this.looked = at;
    this.ask();
  }

  ask() {
    this.wanted = true;
    if (!this.flying) this.landing = this.fly();
    return this.landing;
  }

  async fly() {
    this.flying = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        const open = (this.folds ?? []).flatMap((fold, i) => (fold.open ? [i] : [])).join(",");
        const answer = await fetch(`/api/${this.id}?${[this.query({ ...this.state, ...this.looked }), `tables=${open}`].filter(Boolean).join("&")}`);
        const reply = await answer.json();
        if (answer.ok) this.show(reply);
        else if (!this.wanted) this.refuse(reply.error);
      } catch {
        this.refuse("The explorer does not answer. Is it still running?");
      }
    }
    this.flying = false;
  }

  // Controls

  drawControls() {
    const always = [];
    const more = [];
    for (const parameter of this.schema.parameters) {
      if (this.shownControls && !this.shownControls.includes(parameter.name)) continue;
      if (parameter.kind === "several") this.drawPicker(parameter);
      else (parameter.more && !this.embedded ? more : always).push(parameter.kind === "number" ? this.drawNumber(parameter) : this.drawChoice(parameter));
    }
    const rest = make("details", {}, make("summary", {}, "More controls"), make("div", {}, ...more));
    this.part.controls.replaceChildren(...always, ...(more.length ? [rest] : []));
    this.part.controls.addEventListener("submit", (event) => event.preventDefault());
    this.showState();
  }

  drawNumber(p) {
    const id = `${this.prefix}control-${p.name}`;
    const signalled = p.within && !p.within.every((other) => other in this.state); // how wide, only the figure knows
    const round = (v) => Number(Number(v).toPrecision(4));
    const [there, back] = p.log ? [Math.log10, (v) => Number((10 ** v).toPrecision(3))] : [Number, signalled ? round : Number];
    const slider = make("input", { type: "range", id, name: p.name, min: there(p.low), max: there(p.high), step: p.step, title: p.help || null });
    const field = make("input", { type: "number", name: p.name, min: p.low, max: p.high, step: "any", "aria-label": `${p.label}, as a number` });
    const label = make("label", { for: id }, p.unit ? `${p.label} (${p.unit}) ` : `${p.label} `);
    if (p.symbol) label.insertAdjacentHTML("beforeend", p.symbol);
    if (signalled) slider.step = "any";
    slider.addEventListener("input", () => this.change({ [p.name]: Math.min(p.high, Math.max(p.low, back(slider.value))) }));
    field.addEventListener("input", () => {
      if (field.value !== "" && field.checkValidity()) this.change({ [p.name]: Number(field.value) });
    });
    const box = make("div", { class: "control" }, label, slider, field);
    this.controls.set(p.name, (value) => {
      const ends = p.within?.map((other) => this.state[other] ?? this.reply?.signals[other]);
      if (ends?.every(Number.isFinite)) [slider.min, slider.max] = ends;
      slider.value = there(value);
      if (p.log) slider.setAttribute("aria-valuetext", String(value));
      if (document.activeElement !== field || Number(field.value) !== value) field.value = value;
      box.hidden = !this.shown(p);
    });
    return box;
  }

  shown(p) {
    return p.belongsTo.length === 0 || p.belongsTo.some((name) => this.chosen().includes(name));
  }

  cursor() {
    const names = [this.schema?.cursor ?? []].flat();
    return names.map((name) => this.schema.parameters.find((p) => p.name === name)).find((p) => this.shown(p));
  }

  drawChoice(p) {
    const id = `${this.prefix}control-${p.name}`;
    const groups = new Map();
    for (const o of p.options) groups.set(o.group, [...(groups.get(o.group) ?? []), make("option", { value: o.value }, o.label)]);
    const grouped = [...groups].flatMap(([label, options]) => (label ? [make("optgroup", { label }, ...options)] : options));
    const select = make("select", { id, name: p.name }, ...grouped);
    select.addEventListener("change", () => this.change({ [p.name]: select.value }));
    const box = make("div", { class: "control" }, make("label", { for: id }, p.label), select);
    this.controls.set(p.name, (value) => {
      select.value = value;
      box.hidden = !this.shown(p);
    });
    return box;
  }

  drawPicker(p) {
    const boxes = new Map();
    const groups = new Map();
    for (const o of p.options) {
      const box = make("input", { type: "checkbox", value: o.value, class: `hue-${o.hue}` });
      box.addEventListener("change", () => {
        const rest = this.state[p.name].filter((name) => name !== o.value);
        this.change({ [p.name]: box.checked ? [...rest, o.value] : rest });
      });
      boxes.set(o.value, box);
      const label = make("label", { class: "option", "data-words": `${o.words} ${o.label} ${o.group}` }, box, o.label);
      groups.set(o.group, [...(groups.get(o.group) ?? []), label]);
    }
    const search = make("input", { type: "search", placeholder: "name or alias", autocomplete: "off", spellcheck: "false" });
    search.addEventListener("input", () => {
      for (const fieldset of this.part.picker.querySelectorAll("fieldset")) {
        const labels = [...fieldset.querySelectorAll("label")];
        for (const label of labels) label.hidden = !matches(label.dataset.words, search.value);
        fieldset.hidden = labels.every((label) => label.hidden);
      }
    });
    this.part.picker.replaceChildren(
      make("label", { class: "search" }, make("span", {}, "Draw"), search),
      ...[...groups].map(([group, labels]) => make("fieldset", {}, make("legend", {}, group), make("div", { class: "options" }, ...labels))),
    );
    this.controls.set(p.name, (names) => {
      for (const [name, box] of boxes) {
        box.checked = names.includes(name);
        box.disabled = box.checked ? names.length === 1 : names.length >= p.most;
      }
    });
  }

  drawPresets() {
    const whole = (preset) => ({ ...this.first, ...preset.state });
    this.part.reset.addEventListener("click", () => this.change({ ...this.first }));
    this.controls.set("reset", () => (this.part.reset.hidden = !this.moved() && this.unread.length === 0));
    if (!this.part.presets) return this.showState();
    const buttons = this.schema.presets.map((preset) => {
      const button = make("button", { type: "button", "aria-pressed": "false" }, preset.label);
      const is = () => Object.entries(whole(preset)).every(([name, value]) => String(this.state[name]) === String(value));
      button.addEventListener("click", () => this.change(whole(preset)));
      this.controls.set(`preset ${preset.label}`, () => button.setAttribute("aria-pressed", is()));
      return button;
    });
    this.part.presets.replaceChildren(...buttons);
    this.showState();
  }

  moved() {
    return Object.entries(this.first).some(([name, value]) => String(this.state[name]) !== String(value));
  }

  drawSteps() {
    if (!this.schema.steps) return;
    const step = make("button", { type: "button" }, this.schema.steps);
    const play = make("button", { type: "button", "aria-pressed": "false" }, still.matches ? "Ten steps" : "Play");
    const pause = () => {
      this.playing = false;
      play.setAttribute("aria-pressed", "false");
      play.textContent = still.matches ? "Ten steps" : "Play";
    };
    step.addEventListener("click", () => (pause(), this.step()));
    play.addEventListener("click", async () => {
      if (this.playing) return pause();
      if (still.matches) {
        for (let i = 0; i < 10 && this.reply?.after; i++) await this.step(); // one leap instead of a film
        return;
      }
      this.playing = true;
      play.setAttribute("aria-pressed", "true");
      play.textContent = "Pause";
      while (this.playing && this.reply?.after) {
        const started = performance.now();
        await this.step();
        await new Promise((go) => setTimeout(go, BEAT - (performance.now() - started)));
      }
      pause();
    });
    this.part.steps.replaceChildren(step, play);
    this.part.steps.hidden = false;
    this.controls.set("steps", () => (step.disabled = play.disabled = this.reply !== null && !this.reply.after));
  }

  async step() {
    if (this.reply?.after) await this.change({ ...this.reply.after });
  }

  showState() {
    for (const [name, show] of this.controls) show(this.state[name]);
    this.placeHandles();
    const query = this.query();
    for (const link of this.part.exports?.querySelectorAll("a") ?? []) {
      link.search = [query, `theme=${theme()}`].filter(Boolean).join("&");
    }
    if (this.part.apart) this.part.apart.search = query;
  }

  // Charts

  chartsIn(colours) {
    return (this.specs[colours] ??= fetch(`/api/${this.id}/charts?theme=${colours}`).then((answer) => answer.json()));
  }

  async drawCharts() {
    const epoch = (this.epoch = (this.epoch ?? 0) + 1);
    const [specs] = await Promise.all([this.chartsIn(theme()), import(document.body.dataset.vega)]);
    for (const plate of this.article.querySelectorAll(".plate")) {
      const spec = specs[plate.dataset.chart];
      const drawing = make("div", { "aria-hidden": "true" }); // one image with one description, whatever marks it has
      const holder = make("div", { role: "img", "aria-label": plate.dataset.label }, drawing); // handles lie beside it
      plate.replaceChildren(holder);
      const view = await draw(drawing, spec, plate);
      if (epoch !== this.epoch) return;
      this.views.get(plate.dataset.chart)?.finalize();
      this.views.set(plate.dataset.chart, view);
      new ResizeObserver(async () => {
        const { width, height } = room(spec, plate);
        await view.width(width).height(height).runAsync();
        this.placeHandles();
      }).observe(plate);
      this.followPointer(holder, view);
    }
    this.drawHandles();
    if (this.reply) this.moveData(this.reply);
  }

  followPointer(holder, view) {
    const chart = holder.parentElement.dataset.chart;
    const under = (event) => {
      if (this.schema?.cursorOn.length && !this.schema.cursorOn.includes(chart)) return null;
      const frame = holder.querySelector(".role-frame .background")?.getBoundingClientRect();
      const cursor = this.cursor();
      if (!cursor || !frame || event.clientX < frame.left || event.clientX > frame.right) return null;
      const x = view.scale("x").invert(((event.clientX - frame.left) / frame.width) * view.width());
      const [low, high] = view.scale("x").domain();
      const spread = view.scale("x").type === "log" ? x : high - low;
      const grain = 10 ** Math.floor(Math.log10(spread / 300));
      const { low: least, high: most } = cursor;
      return { [cursor.name]: Math.min(most, Math.max(least, Number((Math.round(x / grain) * grain).toPrecision(12)))) };
    };
    const set = (event) => {
      const at = under(event);
      if (at) this.change(at);
    };
    holder.addEventListener("pointermove", (event) => (event.buttons ? set(event) : this.look(under(event) ?? {})));
    holder.addEventListener("pointerdown", set);
    holder.addEventListener("pointerleave", () => this.look({}));
  }

  // Points that can be dragged: buttons over the chart, placed by its own scales.

  drawHandles() {
    for (const handle of this.handles) handle.remove();
    this.handles = (this.schema?.handles ?? []).filter((h) => this.views.has(h.chart)).map((h) => {
      const plate = [...this.article.querySelectorAll(".plate")].find((p) => p.dataset.chart === h.chart);
      const along = (name) => name && { ...this.schema.parameters.find((p) => p.name === name), at: () => this.state[name] };
      const moved = (x, y) => this.change({ [h.x]: x, ...(h.y && { [h.y]: y }) });
      return new Handle(plate, this.views.get(h.chart), { x: along(h.x), y: along(h.y), label: h.label, hue: h.hue, moved });
    });
  }

  placeHandles() {
    for (const handle of this.handles) handle.place();
  }

  async moveData(reply) {
    const tables = {};
    const texts = {};
    const drawn = [...this.views.values()].map((view) => {
      if (!this.known.has(view)) this.known.set(view, view.getState({ data: () => true, signals: () => true }));
      const known = this.known.get(view);
      for (const [name, value] of Object.entries(reply.signals)) if (name in known.signals) view.signal(name, value);
      for (const [name, columns] of Object.entries(reply.datasets)) {
        if (!(name in known.data)) continue;
        const said = (texts[name] ??= JSON.stringify(columns));
        if (known.said?.[name] === said) continue; // what stays the same is not drawn again
        (known.said ??= {})[name] = said;
        view.data(name, (tables[name] ??= rows(columns)).map((row) => ({ ...row })));
      }
      return view.runAsync();
    });
    await Promise.all(drawn);
    this.placeHandles();
    this.article.dispatchEvent(new Event("drawn"));
  }

  // Replies

  show(reply) {
    this.reply = reply;
    this.moveData(reply);
    this.part.reading.textContent = whole(reply.reading);
    this.showProblems(reply.problems);
    if (!this.embedded) this.showAll(reply);
    this.controls.get("steps")?.();
    for (const p of this.schema.parameters) if (p.within) this.controls.get(p.name)?.(this.state[p.name]);
    const looks = Object.keys(this.looked).length > 0;
    if (!this.wanted && !looks && Object.keys(reply.linked).length) {
      if (this.embedded && !this.moved()) Object.assign(this.first, reply.linked);
      Object.assign(this.state, reply.linked); // only what answers the newest state; a drag goes on undisturbed
      this.showState();
    }
    this.article.classList.add("ready");
    if (this.said !== undefined && this.said !== reply.reading && !looks) this.speak(reply.reading);
    if (!looks) this.said = reply.reading;
    clearTimeout(this.again);
    if (reply.pending) this.again = setTimeout(() => this.ask(), 600);
  }

  showAll(reply) {
    this.part.readings.replaceChildren(table(reply.readings), ...noteOf(reply.readings));
    this.showFormulas(reply.formulas);
    this.showCorrections(reply.corrections);
    this.showTables(reply.tables);
    this.part.snippet.textContent = reply.snippet;
  }

  refuse(sentence) {
    this.showProblems([{ title: "This state cannot be shown", text: sentence, traceback: "" }]);
  }

  showProblems(problems) {
    this.keep("problems", problems, () =>
      problems.map((p) => {
        const text = make("div", { class: "problem" }, make("h2", {}, p.title), make("p", {}, p.text));
        if (p.traceback) text.append(make("pre", { tabindex: 0, role: "region", "aria-label": "Traceback" }, p.traceback));
        return text;
      }),
    );
  }

  showFormulas(formulas) {
    this.keep("formulas", formulas, () => {
      const groups = new Map();
      for (const f of formulas) groups.set(f.label, [...(groups.get(f.label) ?? []), f]);
      return [...groups].map(([label, members]) => {
        const box = make("div", { class: "formula", tabindex: 0, role: "group", "aria-label": label });
        const swatch = members[0].hue === null ? [] : [make("span", { class: `swatch hue-${members[0].hue}` })];
        box.append(make("h2", {}, ...swatch, label));
        for (const f of members) {
          const line = make("div");
          line.innerHTML = f.mathml;
          box.append(line);
        }
        return box;
      });
    });
  }

  showCorrections(corrections) {
    this.keep("corrections", corrections, () =>
      corrections.length === 0
        ? []
        : [make("h2", {}, "Told otherwise elsewhere"), ...corrections.map((c) => make("p", {}, make("q", {}, whole(c.stated)), ` ${whole(c.holds)}`))],
    );
  }

  showTables(tables) {
    this.folds ??= tables.map((_, i) => {
      let given = i === 0 && tables[0].rows.length > 0; // it opens by itself, with the rows that have come
      const fold = make("details", { class: "fold", open: given }, make("summary"), make("div", { class: "table-wrap", tabindex: 0, role: "region" }));
      fold.addEventListener("toggle", () => {
        if (fold.open && !given) this.ask();
        given = false;
      });
      this.part.tables.append(fold);
      return fold;
    });
    tables.forEach((t, i) => {
      const [summary, wrap] = this.folds[i].children;
      if (summary.textContent !== t.title) summary.textContent = t.title;
      wrap.setAttribute("aria-label", t.title);
      wrap.classList.toggle("measured", i === 0);
      if (!this.folds[i].open) return;
      this.keep(wrap, t, () => [table({ ...t, title: "" }), ...noteOf(t)]);
    });
  }

  // Build again only what has changed, so that focus and selection stay.
  keep(part, data, build) {
    const element = typeof part === "string" ? this.part[part] : part;
    const said = JSON.stringify(data);
    this.kept ??= new WeakMap();
    if (this.kept.get(element) === said) return;
    this.kept.set(element, said);
    element.replaceChildren(...build());
  }
}
