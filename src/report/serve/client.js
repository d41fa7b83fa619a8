// The script of the live page: sorts and filters rows, applies the server's changes, fetches curves of chosen runs.
// All HTML comes from the server, which has escaped it.

const MOST_CHOSEN = 10;
const REDRAW_MILLISECONDS = 6000;
const at = (id) => document.getElementById(id);
const body = document.querySelector("#runs tbody");
const starred = new Set(stored());
const chosen = new Set();
const sorted = { key: "name", sign: 1 };
let version = Number(at("table").dataset.version);
let drawnAt = 0;
let timer;

function stored() {
  try {
    const names = JSON.parse(localStorage.getItem("byol-stars") ?? "[]");
    return Array.isArray(names) ? names : [];
  } catch {
    return [];
  }
}

function dress(row) {
  const star = row.querySelector(".star");
  star.setAttribute("aria-pressed", String(starred.has(row.dataset.name)));
  star.textContent = starred.has(row.dataset.name) ? "★" : "☆";
  row.querySelector(".choice").checked = chosen.has(row.dataset.id);
}

function isShown({ dataset }) {
  const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${dataset.name} group ${dataset.group}`.toLowerCase();
  return words.every((word) => text.includes(word)) &&
    [dataset.state, ""].includes(at("state").value) &&
    (!at("starred").checked || starred.has(dataset.name));
}

function compare(one, other) {
  const [a, b] = [one.dataset[sorted.key], other.dataset[sorted.key]];
  // Rows without a value stand last in either order.
  if (a === "" || b === "") return (a === "") - (b === "");
  return sorted.sign * a.localeCompare(b, "en", { numeric: true }) || 0;
}

function compareNumbers(one, other) {
  const [a, b] = [one.dataset[sorted.key], other.dataset[sorted.key]];
  if (a === "" || b === "") return (a === "") - (b === "");
  return sorted.sign * (Number(a) - Number(b));
}

function arrange() {
  const isText = ["name", "state", "group"].includes(sorted.key);
  const rows = [...body.rows];
  const order = rows.toSorted(isText ? compare : compareNumbers);
  // Rows are moved only where the order has changed: moving takes the focus away.
  if (order.some((row, index) => row !== rows[index])) body.append(...order);
  for (const row of rows) row.hidden = !isShown(row);
  at("none").hidden = rows.some((row) => !row.hidden);
  for (const head of document.querySelectorAll("th[data-key]")) {
    const isKey = head.dataset.key === sorted.key;
    if (isKey) head.setAttribute("aria-sort", sorted.sign > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
}

function rowOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function apply(changes) {
  version = changes.version;
  at("summary").textContent = changes.summary;
  if (at("groups").innerHTML !== changes.groups) at("groups").innerHTML = changes.groups;
  const old = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  for (const id of changes.gone) {
    old.get(String(id))?.remove();
    chosen.delete(String(id));
  }
  let isDrawn = false;
  for (const [id, html] of Object.entries(changes.rows)) {
    const [row, before] = [rowOf(html), old.get(id)];
    dress(row);
    if (before === undefined) body.append(row);
    else {
      const focus = [".star", ".choice", "summary"].find((one) =>
        before.querySelector(one) === document.activeElement && document.activeElement !== null
      );
      const details = row.querySelector("details");
      if (details) details.open = before.querySelector("details")?.open ?? false;
      before.replaceWith(row);
      if (focus) row.querySelector(focus)?.focus();
    }
    isDrawn ||= chosen.has(id);
  }
  arrange();
  if (isDrawn) draw();
}

// Draws the curves of the chosen runs, at most once an interval.
function draw(isUrgent = false) {
  clearTimeout(timer);
  const wait = isUrgent ? 0 : Math.max(0, drawnAt + REDRAW_MILLISECONDS - Date.now());
  timer = setTimeout(async () => {
    drawnAt = Date.now();
    const runs = [...chosen].join();
    const words = `?runs=${runs}&smooth=${at("smooth").value}`;
    history.replaceState(null, "", runs === "" ? "./" : words);
    if (runs === "") return at("chosen").replaceChildren();
    try {
      const answer = await fetch(`chosen${words}`);
      const html = await answer.text();
      if (answer.ok && runs === [...chosen].join()) at("chosen").innerHTML = html;
    } catch {
      // The events tell that the server is gone.
    }
  }, wait);
}

function choose(id, isChosen) {
  if (isChosen && chosen.size < MOST_CHOSEN) chosen.add(id);
  else chosen.delete(id);
  for (const row of body.rows) dress(row);
  draw(true);
}

body.addEventListener("click", ({ target }) => {
  const row = target.closest("tr");
  if (target.matches(".choice")) choose(row.dataset.id, target.checked);
  if (!target.matches(".star")) return;
  const { name } = row.dataset;
  if (!starred.delete(name)) starred.add(name);
  localStorage.setItem("byol-stars", JSON.stringify([...starred]));
  dress(row);
  arrange();
});
document.querySelector("#runs thead").addEventListener("click", ({ target }) => {
  const key = target.closest("th")?.dataset.key;
  if (key === undefined) return;
  sorted.sign = sorted.key === key ? -sorted.sign : 1;
  sorted.key = key;
  arrange();
});
for (const id of ["filter", "state", "starred"]) at(id).addEventListener("input", arrange);
at("smooth").addEventListener("input", () => draw(true));
at("choose").addEventListener("click", () => {
  chosen.clear();
  const shown = [...body.rows].filter((row) => !row.hidden).slice(0, 8);
  for (const row of shown) chosen.add(row.dataset.id);
  for (const row of body.rows) dress(row);
  draw(true);
});
at("clear").addEventListener("click", () => {
  chosen.clear();
  for (const row of body.rows) dress(row);
  draw(true);
});

for (const id of at("chosen").dataset.runs.split(",").filter(Boolean)) chosen.add(id);
for (const row of body.rows) dress(row);
arrange();

const events = new EventSource(`events?after=${version}`);
events.addEventListener("message", ({ data }) => apply(JSON.parse(data)));
events.addEventListener("open", () => at("lost").hidden = true);
events.addEventListener("error", () => at("lost").hidden = false);
