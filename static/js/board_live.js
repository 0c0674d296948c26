// What others do appears on an open board. A message only says which deals changed; their cards are fetched as this
// user sees them. Nothing arrives while a card is held or on its way, or while somebody writes in a column.
import { fetchCards } from "./board_arrivals.js";
import { refresh } from "./board_refresh.js";
import { Stream } from "./live.js";

const TOGETHER = 50; // milliseconds in which changes are collected
const HELD = 200;
const MOST = 200;
const SPREAD = 2000; // not all boards read themselves again in the same moment
const JUST = 2_000_000; // microseconds
const board = () => document.getElementById("board");
const columns = () => [...document.querySelectorAll(".column")].map((column) => column.dataset.stage);
const cardOf = (deal) => document.querySelector(`.deal-list > #deal-${deal}`);

const pending = new Map(); // deal → its version and the time of its change
const stages = new Set();
const heard = new Map(); // deal → time of the newest change that was told
const drawn = new Map(); // deal → when the server read what was drawn of it last
let readAt = Number(board().dataset.live);
let all = false;
let timer = 0;

// --- What is told

function receive(_name, { deals = [], stages: left = [], all: everything = false }) {
  const fresh = deals.filter(([deal, version, stamp]) => stamp > (heard.get(deal) ?? 0) && !isShown(deal, version, stamp));
  for (const [deal, version, stamp] of fresh) {
    heard.set(deal, stamp);
    pending.set(deal, [version, stamp]);
  }
  if (fresh.length) for (const stage of left) stages.add(String(stage));
  if (everything || pending.size > MOST) setTimeout(laterAll, Math.random() * SPREAD);
  else if (fresh.length) later();
}

/** What oneself did came with its own answer; what happened before the board was read is on it. */
function isShown(deal, version, stamp) {
  const card = cardOf(deal);
  if (card) return Number(card.dataset.version) === version && stamp <= (drawn.get(deal) ?? readAt);
  return stamp <= (drawn.get(deal) ?? 0) || stamp <= readAt - JUST;
}

const later = () => {
  timer ||= setTimeout(flush, TOGETHER);
};
const laterAll = () => {
  all = true;
  later();
};

// --- When it is shown

let pressed = false; // a card under the finger is not held yet
document.addEventListener("pointerdown", ({ target }) => (pressed = Boolean(target.closest?.(".deal-card"))), true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (pressed = false), true);
document.addEventListener("pointerover", ({ buttons }) => (pressed &&= buttons > 0)); // let go outside the window

const held = () =>
  pressed ||
  board()?.matches(".is-dragging, [data-held]") || document.querySelector("#board .is-moving, #board .new-deal, #board .is-lifted");

async function flush() {
  timer = 0;
  if (!pending.size && !all) return;
  if (held()) {
    timer = setTimeout(flush, HELD);
    return;
  }
  if (all) return readAgain();
  // What came meanwhile with an answer to oneself needs no second one.
  const deals = [...pending].filter(([deal, [version, stamp]]) => !isShown(deal, version, stamp)).map(([deal]) => deal);
  const there = new Set(columns());
  for (const deal of deals) {
    const column = cardOf(deal)?.closest(".column");
    if (column) stages.add(column.dataset.stage);
  }
  const touched = [...stages].filter((stage) => there.has(stage));
  pending.clear();
  stages.clear();
  if (!deals.length) return;
  await fetchCards(deals, touched);
  for (const deal of deals) if (!pending.has(deal)) flash(cardOf(deal));
}

function readAgain() {
  all = false;
  pending.clear();
  stages.clear();
  if (columns().length) refresh(columns());
  else location.reload(); // filters that hid everything
}

function flash(card) {
  card?.classList.add("is-fresh");
  setTimeout(() => card?.classList.remove("is-fresh"), 150);
}

// An answer that comes while a card is held is dropped, and asked for again afterwards.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const [address, query] = event.detail.requestConfig.path.split("?");
  if (!/\/board\/\d+\/cards\/$/.test(address) || !held()) return;
  event.preventDefault();
  const asked = new URLSearchParams(query);
  for (const deal of asked.get("deals").split(",")) if (deal) pending.set(Number(deal), [0, Infinity]);
  for (const stage of asked.get("stages").split(",")) if (stage) stages.add(stage);
  later();
});

document.addEventListener("board:settled", ({ detail }) => {
  for (const deal of detail.drawn) drawn.set(Number(deal), detail.read);
  if (detail.found && !columns().length) location.reload(); // until now the filters had hidden everything
});

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.id === "board") readAt = Number(elt.dataset.live);
});

// --- Where there is no stream

let tag = "";

async function ask(stream) {
  const address = `${stream.address}changes/?since=${stream.cursor}`;
  try {
    const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 404) return stream.end();
    if (answer.status !== 200) return;
    tag = answer.headers.get("ETag") ?? "";
    const data = await answer.json();
    if (data.deals || data.all) stream.cursor = data.cursor;
    receive("deals", data);
  } catch {
    // Cut off; the next time.
  }
}

new Stream(board().dataset.address, ["deals"], receive, { since: readAt, ask });
