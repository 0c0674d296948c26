// The board by keys. The keys themselves are told by “?” (templates/pipeline/keys.html).
const DIALOG = "#dialog-body";
const cards = (column) => [...column.querySelectorAll(".deal-list > .deal-card")];
const columns = () => [...document.querySelectorAll(".column:not(.is-folded)")].filter((column) => column.offsetParent);

function go(card) {
  if (!card) return;
  for (const other of document.querySelectorAll('.deal-card[tabindex="0"]')) other.tabIndex = -1;
  card.tabIndex = 0;
  card.focus();
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function walk(card, key) {
  if (!card) return go(columns().flatMap(cards)[0]);
  const here = card.closest(".column");
  const place = cards(here).indexOf(card);
  if (key === "ArrowDown" || key === "ArrowUp") return go(cards(here)[place + (key === "ArrowDown" ? 1 : -1)]);
  const rtl = document.documentElement.dir === "rtl";
  const step = (key === "ArrowRight") === !rtl ? 1 : -1;
  const all = columns();
  for (let at = all.indexOf(here) + step; all[at]; at += step) {
    const there = cards(all[at]);
    if (there.length) return go(there[Math.min(place, there.length - 1)]);
  }
}

const load = (address, source) => htmx.ajax("GET", address, { source, target: DIALOG, swap: "innerHTML" });

const ON_CARD = {
  enter: (card) => card.querySelector(".deal-title").click(),
  m: (card) => card.querySelector(".deal-move")?.click(),
  e: (card) => !("fixed" in card.dataset) && load(`${card.querySelector(".deal-title").pathname}quick/`, card),
};
const ANYWHERE = {
  n: (card) => (card?.closest(".column") ?? document).querySelector(".column-new")?.click(),
  f: () => {
    const filter = document.querySelector(".board-filter");
    if (filter) filter.open = true;
    filter?.querySelector("summary").focus();
  },
  "?": () => load(document.getElementById("board").dataset.keys, document.getElementById("board")),
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || !document.getElementById("board")) return;
  if (document.querySelector("dialog[open]")) return choose(event);
  if (event.target.matches("input, textarea, select, [contenteditable]")) return;
  const card = event.target.closest?.(".deal-card");
  const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
  if (key.startsWith("Arrow") && (card || event.target === document.body || event.target.id === "columns")) {
    event.preventDefault();
    return walk(card, key);
  }
  const act = (event.target === card && ON_CARD[key.toLowerCase()]) || (card && key === "m" && ON_CARD.m) || ANYWHERE[key];
  if (!act) return;
  event.preventDefault();
  act(card);
});

/** In “Move to…” the first letters of a stage choose its button. */
function choose(event) {
  const list = document.querySelector("dialog[open] .stage-list");
  if (!list || event.key.length > 1 || event.target.matches("input, textarea, select")) return;
  const buttons = [...list.querySelectorAll("button")];
  const from = buttons.indexOf(document.activeElement) + 1;
  const wanted = [...buttons.slice(from), ...buttons.slice(0, from)].find((button) =>
    button.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()),
  );
  if (wanted) {
    event.preventDefault();
    wanted.focus();
  }
}
