// The decision page: data go to the server, what their target asks for comes back; a comparison is begun and followed.
// Nothing is decided here. A reply to an older question than the last is dropped.

import { make } from "/page/house.js";

const API = "/api/choose";
const BEAT = 700; // milliseconds between two looks at a comparison
const MOST_ROWS = 200; // of the table of columns
const part = Object.fromEntries([...document.querySelectorAll(".data [data-part]")].map((e) => [e.dataset.part, e]));
const field = (id) => document.getElementById(id);
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const spaced = (task) => task.replaceAll("_", " ");
const say = (text) => (part.live.textContent = text);
const labelled = (text) => (/^\w+[_=]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)); // names in code stay

const state = { data: null, targets: [], task: null, missing: null, run: null };
let asked = 0;

async function request(path, options) {
  let reply;
  try {
    reply = await fetch(API + path, options);
  } catch {
    throw new Error("The explorer does not answer; is it still running?");
  }
  const told = await reply.json().catch(() => ({ error: "The explorer failed to answer; its log says why." }));
  if (!reply.ok) throw new Error(told.error);
  return told;
}

function refuse(text) {
  part.problem.hidden = !text;
  part.problem.replaceChildren(...(text ? [make("p", {}, text)] : []));
}

function remember() {
  const query = new URLSearchParams();
  if (state.data?.bundled) {
    query.set("set", state.data.id);
    for (const name of state.targets) query.append("target", name);
    if (state.task) query.set("task", state.task);
    if (state.missing) query.set("missing", state.missing);
  }
  history.replaceState(null, "", query.size ? `?${query}${location.hash}` : location.pathname + location.hash);
}

// Data

async function take(getting, wanted = {}) {
  const mine = ++asked;
  refuse("");
  part.verdict.hidden = part.comparison.hidden = part.options.hidden = true;
  part.about.replaceChildren(make("p", { class: "help" }, "Reading …"));
  try {
    const data = await getting;
    if (mine !== asked) return;
    Object.assign(state, { data, targets: wanted.targets ?? data.targets, task: wanted.task ?? null, missing: wanted.missing ?? null });
    showData();
    if (state.targets.length) await decide();
    else {
      remember();
      say(`${data.name}: ${plural(data.total, "row")}. Choose the column to be predicted.`);
    }
  } catch (error) {
    if (mine !== asked) return;
    forget();
    refuse(error.message);
  }
}

function forget() {
  Object.assign(state, { data: null, targets: [], task: null, missing: null });
  part.about.replaceChildren();
  field("target").replaceChildren(make("option", { value: "" }, "Choose a column"));
  field("target").disabled = true;
  remember();
}

function showData() {
  const data = state.data;
  const size = `${plural(data.total, "row")}, ${plural(data.columns.length, "column")}. `;
  const heads = ["Column", "Kind", "Different", "Missing", "Holds"].map((name) => make("th", { scope: "col" }, name));
  const rows = data.columns.slice(0, MOST_ROWS).map((c) =>
    make("tr", {}, make("th", { scope: "row" }, c.name), ...[c.kind, c.distinct.toLocaleString("en"), c.missing ? c.missing.toLocaleString("en") : "none", c.holds].map((cell) => make("td", {}, cell))),
  );
  const more = data.columns.length > MOST_ROWS ? [make("p", { class: "help" }, `The first ${MOST_ROWS} of ${data.columns.length} columns are listed; all can be chosen.`)] : [];
  part.about.replaceChildren(
    make("p", {}, make("strong", {}, data.name), `: ${size}${data.about}`),
    ...data.notes.map((note) => make("p", { class: "help" }, note)),
    make(
      "details",
      { open: data.columns.length <= 8 },
      make("summary", {}, "What the columns hold"),
      make("div", { class: "table-wrap columns", tabindex: 0, role: "region", "aria-label": "Columns" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)), ...more),
    ),
  );
  const options = data.columns.map((c) => make("option", { value: c.name }, c.name));
  field("target").replaceChildren(make("option", { value: "" }, "Choose a column"), ...options);
  field("target").disabled = false;
  field("target").value = state.targets[0] ?? "";
  showOptions();
}

const isLabel = (name) => state.data.columns.find((c) => c.name === name)?.kind === "0 and 1";

function radio(group, value, checked, ...said) {
  return make("label", { class: "tick" }, make("input", { type: "radio", name: group, value, checked }), make("span", {}, ...said));
}

function showOptions() {
  const boxes = [];
  const others = isLabel(state.targets[0]) ? state.data.columns.map((c) => c.name).filter((name) => name !== state.targets[0] && isLabel(name)) : [];
  if (others.length) {
    const ticks = others.map((name) => make("label", { class: "tick" }, make("input", { type: "checkbox", value: name, checked: state.targets.includes(name) }), name));
    const box = make("fieldset", { class: "labels" }, make("legend", {}, "Further labels of the same rows"), make("div", {}, ...ticks));
    box.addEventListener("change", () => {
      const chosen = [...box.querySelectorAll("input:checked")].map((input) => input.value);
      Object.assign(state, { targets: [state.targets[0], ...chosen], task: null });
      decide();
    });
    boxes.push(box);
  }
  if (state.data.gaps) {
    const ways = [["", "Refuse them"], ["drop", "Leave the rows with gaps out"], ["median", "Fill the gaps in features"]];
    const ticks = ways.map(([value, said]) => radio("missing", value, (state.missing ?? "") === value, said));
    const box = make("fieldset", {}, make("legend", {}, "Some values are missing"), ...ticks);
    box.addEventListener("change", (event) => {
      state.missing = event.target.value || null;
      decide();
    });
    boxes.push(box);
  }
  part.options.replaceChildren(...boxes);
  part.options.hidden = boxes.length === 0;
}

// What the target asks for

async function decide() {
  const mine = ++asked;
  refuse("");
  remember();
  const query = new URLSearchParams(state.targets.map((name) => ["target", name]));
  if (state.task) query.set("task", state.task);
  if (state.missing) query.set("missing", state.missing);
  try {
    const told = await request(`/data/${encodeURIComponent(state.data.id)}/choice?${query}`);
    if (mine === asked) showVerdict(told);
  } catch (error) {
    if (mine !== asked) return;
    part.verdict.hidden = part.comparison.hidden = true;
    refuse(error.message);
  }
}

function showVerdict(told) {
  const kept = document.activeElement?.name === "task" ? document.activeElement.value : null;
  const said = told.recipe ? `The target asks for ${told.recipe.name}.` : "The values alone do not tell what they are.";
  part.verdict.replaceChildren(
    make("p", { class: "reading" }, said),
    make("ul", { class: "evidence" }, ...told.evidence.map((text) => make("li", {}, text))),
    ...questions(told),
    ...(told.recipe ? [words(told.recipe), reasonsOf(told.recipe), python(told)] : []),
  );
  part.verdict.hidden = false;
  if (kept !== null) part.verdict.querySelector(`input[name="task"][value="${kept}"]`)?.focus();
  say(told.recipe ? said : `${said} ${told.questions.map((q) => q.text).join(" ")}`);
  showComparison(told.compare);
}

function questions(told) {
  const boxes = told.questions.map((q) => answers(q.text, q.answers.map((a) => [a.task, ` if ${a.when}`])));
  if (told.alternatives.length) {
    const now = [[told.task, state.task ? ": as you say" : ": as the values say"]];
    boxes.push(answers("It could also be something else", [...now, ...told.alternatives.map((a) => [a.task, ` if ${a.when}`])], told.task));
  }
  return boxes;
}

function answers(text, ways, chosen = null) {
  const ticks = ways.map(([task, when]) => radio("task", task, task === chosen, make("strong", {}, labelled(spaced(task))), when));
  const box = make("fieldset", {}, make("legend", {}, text), ...ticks);
  box.addEventListener("change", (event) => {
    state.task = event.target.value;
    decide();
  });
  return box;
}

function words(recipe) {
  const name = recipe.function;
  const loss = name ? make("a", { href: `/functions/${name}` }, name) : recipe.loss;
  const rows = [["Recipe", make("code", {}, `recipes.${recipe.recipe}`)], ["Head", recipe.head], ["Loss", loss], ["Answer", recipe.prediction], ["Metrics", recipe.metrics], ["Calibration", recipe.calibration]];
  return make("dl", { class: "words" }, ...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
}

function reasonsOf(recipe) {
  const rows = recipe.reasons.flatMap(([choice, because]) => [make("dt", {}, labelled(choice)), make("dd", {}, because)]);
  return make("dl", { class: "reasons" }, ...rows);
}

function python(told) {
  const text = make("pre", { tabindex: 0, role: "region", "aria-label": "Python" }, told.snippet);
  return make("details", { class: "python" }, make("summary", {}, "The same in Python"), make("div", { class: "code" }, text, make("button", { type: "button", class: "quiet", "data-copy": true }, "Copy")));
}

// Comparing

function showComparison(told) {
  part.comparison.hidden = !told && !state.run;
  if (!told) return;
  part.obstacle.hidden = !told.problem;
  part.obstacle.textContent = told.problem;
  part.command.textContent = told.command;
  part.command.parentElement.hidden = part.command.parentElement.previousElementSibling.hidden = !told.command;
  part.start.disabled = Boolean(told.problem);
  adjust();
}

function settings() {
  const number = (id) => (field(id).checkValidity() ? field(id).valueAsNumber : null);
  return { seeds: number("seeds"), steps: number("steps"), harm: field("harm").checked, wrong: field("wrong").checked };
}

// The command line is the server's; it is asked for again when a setting changes.
async function adjust() {
  const set = settings();
  if (!state.data || set.seeds === null || set.steps === null) return;
  const query = new URLSearchParams(state.targets.map((name) => ["target", name]));
  for (const name of ["task", "missing"]) if (state[name]) query.set(name, state[name]);
  for (const name of ["seeds", "steps"]) query.set(name, set[name]);
  for (const name of ["harm", "wrong"]) if (set[name]) query.set(name, "1");
  const mine = asked;
  const told = await request(`/data/${encodeURIComponent(state.data.id)}/choice?${query}`).catch(() => null);
  if (mine === asked && told?.compare) part.command.textContent = told.compare.command;
}

async function start() {
  const order = { data: state.data.id, target: state.targets, ...settings() };
  for (const name of ["task", "missing"]) if (state[name]) order[name] = state[name];
  part.outcome.replaceChildren();
  try {
    follow(await request("/comparisons", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) }));
  } catch (error) {
    tellOutcome(make("p", { class: "problem", role: "alert" }, error.message));
  }
}

function follow(run) {
  state.run = run;
  part.comparison.hidden = false;
  showProgress(run);
  say(`Comparing on ${run.said}.`);
  let quarter = 0;
  const look = async () => {
    let told;
    try {
      told = await request(`/comparisons/${run.id}`);
    } catch (error) {
      told = { ...run, stage: "failed", problem: error.message };
    }
    showProgress(told);
    if (told.stage !== "running") return finish(told);
    const now = told.total ? Math.floor((4 * told.done) / told.total) : 0;
    if (now > quarter) say(`${told.done} of ${told.total} trainings done.`);
    quarter = Math.max(quarter, now);
    setTimeout(look, BEAT);
  };
  setTimeout(look, BEAT);
}

function showProgress(run) {
  const running = run.stage === "running";
  const focused = document.activeElement === part.stop || document.activeElement === part.start;
  part.progress.hidden = !running;
  part.start.hidden = running;
  part.stop.hidden = !running;
  if (focused) (running ? part.stop : part.start).focus();
  const [bar, text] = part.progress.children;
  if (run.total) Object.assign(bar, { max: run.total, value: run.done });
  else bar.removeAttribute("value");
  text.textContent = run.total ? `${run.done} of ${run.total} trainings` : "Starting …";
}

function finish(run) {
  state.run = null;
  if (run.stage === "stopped") tellOutcome(make("p", {}, "Stopped. Nothing was kept."));
  else if (run.stage === "failed") tellOutcome(make("p", { class: "problem", role: "alert" }, run.problem));
  else {
    const at = `/choose/reports/${run.id}`;
    const open = make("a", { href: `${at}.html`, target: "_blank" }, "Open the report");
    const saved = make("a", { href: `${at}.html`, download: `slopes-compare-${run.said}.html` }, "Save it");
    const data = make("a", { href: `${at}.json`, download: `slopes-compare-${run.said}.json` }, "Save its data");
    tellOutcome(make("p", { class: "reading" }, `${run.claim}.`), make("p", {}, run.reading), make("p", { class: "links" }, open, saved, data));
  }
  const claim = run.claim ? `${run.claim}. ` : "";
  say(run.stage === "done" ? `Done. ${claim}The report is ready.` : run.stage === "stopped" ? "Stopped." : "");
}

const tellOutcome = (...children) => part.outcome.replaceChildren(...children);

// Events

field("set").addEventListener("change", (event) => {
  field("file").value = "";
  if (event.target.value) take(request(`/data/${event.target.value}`));
  else {
    asked += 1;
    refuse("");
    part.verdict.hidden = part.comparison.hidden = part.options.hidden = true;
    forget();
  }
});

field("file").addEventListener("change", (event) => {
  const file = event.target.files[0];
  if (!file) return;
  field("set").value = "";
  const most = Number(event.target.dataset.most);
  const large = `The file is larger than ${most / 2 ** 20} MiB, the most that this page takes; for a larger one use the command line: slopes compare FILE --target COLUMN.`;
  take(file.size > most ? Promise.reject(new Error(large)) : request(`/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }));
});

field("target").addEventListener("change", (event) => {
  if (!event.target.value) return;
  Object.assign(state, { targets: [event.target.value], task: null });
  showOptions();
  decide();
});

part.source.addEventListener("submit", (event) => event.preventDefault());
part.order.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
part.order.addEventListener("change", adjust);
part.stop.addEventListener("click", () => state.run && request(`/comparisons/${state.run.id}`, { method: "DELETE" }).catch(() => {}));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

for (const fold of document.querySelectorAll("details[data-recipe]")) {
  fold.addEventListener("toggle", async () => {
    if (!fold.open || fold.dataset.told) return;
    fold.dataset.told = "asked";
    const waiting = make("p", { class: "help" }, "Asking the recipe …");
    fold.append(waiting);
    try {
      const recipe = await request(`/snippets/${fold.dataset.recipe}`);
      waiting.replaceWith(make("div", { class: "told" }, words(recipe), reasonsOf(recipe)));
    } catch (error) {
      delete fold.dataset.told;
      waiting.replaceWith(make("p", { class: "problem" }, error.message));
    }
  });
}

const query = new URLSearchParams(location.search);
try {
  const { sets } = await request("/sets");
  field("set").append(...sets.map((set) => make("option", { value: set.name }, `${set.name}: ${spaced(set.task)}`)));
  const wanted = query.get("set");
  if (wanted) {
    field("set").value = wanted;
    const targets = query.getAll("target");
    await take(request(`/data/${encodeURIComponent(wanted)}`), { targets: targets.length ? targets : undefined, task: query.get("task"), missing: query.get("missing") });
  }
  const { running } = await request("/comparisons");
  if (running) follow(running);
} catch (error) {
  refuse(error.message);
}
