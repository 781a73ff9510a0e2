// The book: plates that start when they come near, phrases that set them, questions that the library answers, progress
// that stays in this browser.

import { draw, Figure, Handle } from "/page/figure.js";
import { make, sifting, theme } from "/page/house.js";

const KEPT = "slopes-book"; // in localStorage: what was answered, and where one left off

const progress = {
  read() {
    try {
      return { answered: {}, last: "", ...JSON.parse(localStorage.getItem(KEPT)) };
    } catch {
      return { answered: {}, last: "" }; // no storage, or something else in it: the book is read all the same
    }
  },
  write(changes) {
    try {
      localStorage.setItem(KEPT, JSON.stringify({ ...this.read(), ...changes }));
    } catch {
      return; // likewise
    }
  },
};

// Plates

const figures = new Map(); // by section

function tendPlates(chapter) {
  const near = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        figures.get(target.closest(".spread-page")).ready ??= figures.get(target.closest(".spread-page")).start();
      }
    },
    { rootMargin: "400px" },
  );
  for (const article of chapter.querySelectorAll(".figure.embedded")) {
    figures.set(article.closest(".spread-page"), new Figure(article));
    near.observe(article);
  }
  document.addEventListener("themed", () => {
    for (const figure of figures.values()) if (figure.ready) figure.drawCharts();
  });
  for (const phrase of chapter.querySelectorAll(".sets")) {
    const act = async (event) => {
      event.preventDefault();
      const figure = figures.get(phrase.closest(".spread-page"));
      await (figure.ready ??= figure.start());
      figure.set(phrase.dataset.set);
    };
    phrase.addEventListener("click", act);
    phrase.addEventListener("keydown", (event) => event.key === " " && act(event));
  }
}

// Words of the margin, where there is one: each beside its line, or below the one before.

const wide = matchMedia("(min-width: 100rem)");

function spreadMargin() {
  for (const words of document.querySelectorAll(".words")) {
    let free = -Infinity;
    for (const gloss of words.querySelectorAll(".gloss")) {
      gloss.style.marginTop = "";
      if (!wide.matches) continue;
      const box = gloss.getBoundingClientRect();
      const down = Math.max(0, free - box.top);
      if (down) gloss.style.marginTop = `${down}px`;
      free = box.bottom + down + 8;
    }
  }
}

// Questions

class Question {
  constructor(section) {
    this.section = section;
    this.id = section.dataset.exercise;
    this.asked = JSON.parse(section.dataset.asked);
    this.form = section.querySelector("form");
    this.verdict = section.querySelector("[data-part=verdict]");
    const kinds = { guess: Guess, pick: Pick, rank: Rank, reach: Reach, sketch: Drawing, place: Drawing };
    this.kind = new kinds[section.dataset.kind](this);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.check();
    });
  }

  async check() {
    const answer = this.kind.answer();
    if (answer === "") return this.say("Give an answer first; a guess will do.");
    const reply = await fetch(`/api/exercise/${this.id}?answer=${encodeURIComponent(answer)}`);
    const said = await reply.json();
    if (!reply.ok) return this.say(said.error);
    this.section.classList.toggle("right", said.right);
    this.section.classList.toggle("off", !said.right);
    const mark = make("strong", {}, said.right ? "Yes. " : "Not quite. ");
    const text = make("p");
    text.innerHTML = said.said;
    text.prepend(mark);
    this.verdict.replaceChildren(...(this.kind.reveal(said.truth, said.right) ?? []), text);
    const { answered } = progress.read();
    if (answered[this.id] !== "right") progress.write({ answered: { ...answered, [this.id]: said.right ? "right" : "tried" } });
    score();
  }

  say(sentence) {
    this.verdict.replaceChildren(make("p", {}, sentence));
  }
}

class Guess {
  constructor(question) {
    this.field = question.form.querySelector("input");
  }

  answer() {
    return this.field.value.trim();
  }

  // Guess and answer on one line; by powers of ten where they lie far apart.
  reveal({ guess, answer, shown }) {
    const far = guess * answer > 0 && Math.max(guess / answer, answer / guess) > 8;
    const at = far ? (v) => Math.log10(Math.abs(v)) * Math.sign(answer) : (v) => v;
    const [low, high] = [Math.min(at(guess), at(answer)), Math.max(at(guess), at(answer))];
    const share = (v) => (high === low ? 50 : 12 + (76 * (at(v) - low)) / (high - low));
    const mark = (v, words, kind) => {
      const element = make("span", { class: kind }, words);
      element.style.left = `${share(v)}%`;
      return element;
    };
    const same = high === low;
    return [make("div", { class: "gap", "aria-hidden": "true" }, ...(same ? [] : [mark(guess, `you: ${this.field.value.trim()}`, "yours")]), mark(answer, shown, "truth"))];
  }
}

class Pick {
  constructor(question) {
    this.question = question;
  }

  answer() {
    return this.question.form.querySelector("input:checked")?.value ?? "";
  }

  reveal({ right }, isRight) {
    const labels = this.question.form.querySelectorAll("label");
    labels.forEach((label, i) => label.classList.toggle("truth", isRight && i === right));
  }
}

class Rank {
  constructor(question) {
    this.list = question.form.querySelector("ol");
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const item = button.closest("li");
      const other = button.dataset.by === "1" ? item.nextElementSibling : item.previousElementSibling;
      if (!other) return;
      other[button.dataset.by === "1" ? "after" : "before"](item);
      button.focus();
    });
  }

  answer() {
    return [...this.list.children].map((item) => item.dataset.place).join(",");
  }

  reveal({ values }) {
    for (const item of this.list.children) item.querySelector(".value").textContent = values[item.dataset.place];
  }
}

class Reach {
  constructor(question) {
    this.section = question.section.closest(".spread-page");
  }

  answer() {
    const figure = figures.get(this.section);
    return figure.state ? figure.query() || " " : "";
  }

  reveal() {}
}

// A curve by handles, or a point.
class Drawing {
  constructor(question) {
    this.question = question;
    this.asked = question.asked;
    this.curve = question.section.dataset.kind === "sketch";
    this.held = [...this.asked.start];
    this.truth = [];
    this.plate = question.form.querySelector("[data-part=drawing]");
    const near = new IntersectionObserver((seen) => seen.some((s) => s.isIntersecting) && (near.disconnect(), this.draw()), { rootMargin: "300px" });
    near.observe(this.plate);
    document.addEventListener("themed", () => this.view && this.draw());
  }

  async draw() {
    const [reply] = await Promise.all([fetch(`/api/exercise/${this.question.id}/chart?theme=${theme()}`), import(document.body.dataset.vega)]);
    const spec = await reply.json();
    const drawing = make("div", { "aria-hidden": "true" });
    this.plate.replaceChildren(drawing);
    this.view = await draw(drawing, spec, this.plate);
    const { axes, at, step, steps } = this.asked;
    const up = (i, by) => ({ name: "height", low: axes.y[0], high: axes.y[1], step: by, at: () => this.held[i] });
    this.handles = this.curve
      ? at.map((x, i) => new Handle(this.plate, this.view, { x: { name: "at", at: () => x }, y: up(i, step), label: `Handle ${i + 1} of ${at.length}`, hue: 0, moved: (_, y) => this.hold(i, y) }))
      : [new Handle(this.plate, this.view, { x: { name: "across", low: axes.x[0], high: axes.x[1], step: steps[0], at: () => this.held[0] }, y: up(1, steps[1]), label: "The point", hue: 0, moved: (x, y) => (this.hold(0, x), this.hold(1, y)) })];
    await this.show();
  }

  hold(i, value) {
    this.held[i] = value;
    this.touched = true;
    this.show();
  }

  async show() {
    const guess = this.curve ? this.asked.at.map((x, i) => ({ x, y: this.held[i] })) : [];
    await this.view.data("guess", guess).data("truth", this.truth).runAsync();
    for (const handle of this.handles) handle.place();
  }

  answer() {
    return this.touched ? this.held.join(",") : "";
  }

  reveal({ x, y }) {
    this.truth = x.map((at, i) => ({ x: at, y: y[i] }));
    this.show();
  }
}

function score() {
  const part = document.querySelector("[data-part=score]");
  const questions = [...document.querySelectorAll("[data-exercise]")];
  if (!part || questions.length === 0) return;
  const { answered } = progress.read();
  const right = questions.filter((q) => answered[q.dataset.exercise] === "right").length;
  part.textContent = `, ${right} of ${questions.length} questions answered`;
}

// Derivations open line by line.

function tendDerivation(fold) {
  const button = fold.querySelector("[data-part=further]");
  const lines = [...fold.querySelectorAll("li")];
  const hide = () => {
    lines.forEach((line, i) => (line.hidden = i > 0));
    button.hidden = lines.length < 2;
  };
  button.addEventListener("click", () => {
    const next = lines.find((line) => line.hidden);
    next.hidden = false;
    next.querySelector("[tabindex]").focus();
    button.hidden = !lines.some((line) => line.hidden);
  });
  addEventListener("beforeprint", () => {
    fold.open = true;
    for (const line of lines) line.hidden = false;
  });
  hide();
}

// The contents page

function tendContents(list) {
  const { answered, last } = progress.read();
  for (const item of list.children) {
    const done = Object.entries(answered).filter(([id, how]) => id.startsWith(`${item.dataset.chapter}/`) && how === "right").length;
    const part = item.querySelector("[data-part=progress]");
    if (done) part.textContent = `, ${done} of ${item.dataset.exercises}`;
    item.classList.toggle("read", done > 0 && done >= Number(item.dataset.exercises));
  }
  const link = [...list.querySelectorAll("a")].find((a) => a.pathname === last);
  if (link) document.querySelector("[data-part=resume]").replaceChildren("Where you left off: ", make("a", { href: last }, link.textContent));
  const told = document.querySelector("[data-part=kept]");
  document.querySelector("[data-part=keep]").addEventListener("click", () => {
    const file = URL.createObjectURL(new Blob([JSON.stringify(progress.read(), null, 2)], { type: "application/json" }));
    make("a", { href: file, download: "slopes-book.json" }).click();
    URL.revokeObjectURL(file);
    told.textContent = "Saved as slopes-book.json.";
  });
  document.querySelector("[data-part=erase]").addEventListener("click", () => {
    localStorage.removeItem(KEPT);
    for (const part of list.querySelectorAll("[data-part=progress]")) part.textContent = "";
    for (const item of list.children) item.classList.remove("read");
    document.querySelector("[data-part=resume]").replaceChildren();
    told.textContent = "Nothing is kept any more.";
  });
}

const chapter = document.querySelector(".chapter");
if (chapter) {
  tendPlates(chapter);
  for (const section of chapter.querySelectorAll("[data-exercise]")) new Question(section);
  for (const fold of chapter.querySelectorAll(".derivation")) tendDerivation(fold);
  if (location.pathname.startsWith("/book/")) progress.write({ last: location.pathname });
  score();
  spreadMargin();
  new ResizeObserver(spreadMargin).observe(chapter); // a fold that opens moves what is below
}
const list = document.querySelector(".chapters");
if (list) tendContents(list);
const words = document.getElementById("words");
if (words) sifting(words, document.querySelectorAll(".glossary > div"), document.getElementById("worded"));
