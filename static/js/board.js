// The board: dragging, the dialogs of a move, keys. The server draws; nothing on the screen is kept by guess.
// A card that was dropped stays until the answer, which brings both columns from the database. If none comes, the card
// goes back to where it was, and the columns are fetched again as soon as the server can be reached.
import Sortable from "../sortable.esm.js";
import { settle } from "./board_arrivals.js";
import "./board_fold.js";
import "./board_keys.js";
import { lift, putDown } from "./board_lift.js";
import { loaded, refresh } from "./board_refresh.js";

const DIALOG = "#dialog-body";
const board = () => document.getElementById("board");
const stageOf = (node) => node.closest("[data-stage]").dataset.stage;

// --- Moving a card

/** Where the card stood before it was dragged: what is put back is put back exactly there. */
function placeOf(card) {
  return { list: card.parentElement, before: card.nextElementSibling };
}

function putBack(card, { list, before }) {
  if (before && before.parentElement === list) list.insertBefore(card, before);
  else list.append(card);
}

/** Asks in the card's place: what is drawn again meanwhile takes the card along, and htmx drops answers to what is gone. */
function messenger(card) {
  const standIn = document.createElement("span");
  standIn.hidden = true;
  standIn.dataset.standsFor = card.id;
  document.body.append(standIn);
  return standIn;
}

async function move(card, to, home, version = card.dataset.version) {
  const from = stageOf(home.list);
  const address = `${board().dataset.moves}${card.id.replace("deal-", "")}/move/`;
  const values = { to, version, from, cards: loaded([from, to]) };
  const source = messenger(card);
  let answered = false;
  source.addEventListener("htmx:afterRequest", ({ detail }) => {
    answered = [200, 409, 422].includes(detail.xhr.status);
  });
  card.classList.add("is-moving");
  card.setAttribute("aria-busy", "true");
  try {
    await htmx.ajax("POST", address, { source, target: DIALOG, swap: "innerHTML", values });
  } catch {
    // No answer; what is said about it stands in requests.js.
  }
  source.remove();
  // An answer has brought both columns, and another card with them. Without one, nobody knows what is true.
  if (answered) return;
  if (card.isConnected) {
    card.classList.remove("is-moving");
    card.removeAttribute("aria-busy");
    putBack(card, home);
  }
  refresh([from, to]);
}

document.addEventListener("request:retry", (event) => {
  const card = event.target;
  if (!card.matches(".deal-card")) return;
  event.preventDefault();
  // The version that the mover saw: the columns were fetched since, and somebody may have been quicker.
  const { to, version } = event.detail.requestConfig.parameters;
  move(card, to, placeOf(card), version);
});

let home = null;

function sortable(list) {
  Sortable.create(list, {
    group: "deals",
    draggable: ".deal-card:not([data-fixed], .is-moving)",
    filter: "input, textarea, select, button",
    preventOnFilter: false,
    sort: false, // the order says what to do next; nobody arranges it by hand
    forceFallback: true, // one way of dragging for mouse, pen and finger
    fallbackOnBody: true,
    fallbackTolerance: 4,
    delay: 250,
    delayOnTouchOnly: true,
    touchStartThreshold: 6,
    animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
    ghostClass: "is-gap",
    fallbackClass: "is-dragged",
    scroll: true,
    forceAutoScrollFallback: true,
    bubbleScroll: true,
    scrollSensitivity: 64,
    scrollSpeed: matchMedia("(max-width: 767.98px)").matches ? 8 : 16, // a phone shows one column, which is to be read
    onStart: ({ item }) => {
      home = placeOf(item);
      lift(item);
    },
    onMove: ({ to }) => {
      for (const column of document.querySelectorAll(".is-target")) column.classList.remove("is-target");
      to.closest("[data-stage]").classList.add("is-target");
    },
    onEnd: ({ item, to }) => {
      putDown();
      for (const column of document.querySelectorAll(".is-target")) column.classList.remove("is-target");
      if (to === home.list) putBack(item, home);
      else move(item, stageOf(to), home);
    },
  });
}

function prepare(root) {
  const lists = root.matches?.(".deal-list") ? [root] : root.querySelectorAll?.(".deal-list") ?? [];
  for (const list of lists) if (!Sortable.get(list)) sortable(list);
}

/** Among two hundred links of one word each says of which deal it speaks. */
function name() {
  for (const link of document.querySelectorAll(".deal-move:not([aria-label])")) {
    link.setAttribute("aria-label", `${link.textContent} ${link.closest(".deal-card").querySelector(".deal-title").textContent}`);
  }
}

// The order moves on while one scrolls: a card that slid behind those already loaded would come a second time.
function keepFirst(card) {
  if (document.querySelectorAll(`.deal-list > [id="${card.id}"]`).length > 1) card.remove();
}

prepare(document);
name();
document.addEventListener("board:settled", name);
document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  name();
  if (elt.matches?.(".deal-card")) keepFirst(elt);
  else prepare(elt);
});

// --- What the forms of a move tell besides: which column the card stands in, and how many cards are on the screen

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "post" || !board()) return;
  if (/\/moves\/\d+\/undo\/$/.test(detail.path)) {
    const stages = [...document.querySelectorAll(".column")].map((column) => column.dataset.stage);
    return detail.formData.set("cards", String(loaded(stages)));
  }
  const deal = detail.path.match(/\/deals\/(\d+)\/(?:move|quick)\/$/)?.[1];
  const card = deal && document.getElementById(`deal-${deal}`);
  const set = (name, value) => {
    if (!detail.formData.has(name)) detail.formData.set(name, value);
  };
  const to = detail.formData.get("to");
  const stages = [card && stageOf(card), to].filter(Boolean);
  if (card) set("from", stageOf(card));
  set("cards", String(loaded(stages)));
});

// --- Links that open in the dialog, the form of a new deal, the card that a message speaks of

function openDialog(link) {
  return htmx.ajax("GET", link.getAttribute("href"), { source: link, target: DIALOG, swap: "innerHTML" });
}

function showCard(id) {
  const card = document.getElementById(id);
  if (!card) return false;
  card.scrollIntoView({ block: "nearest", inline: "center" });
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
  card.classList.add("is-shown");
  setTimeout(() => card.classList.remove("is-shown"), 2000);
  return true;
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a");
  if (!link) return;
  if (link.matches("[data-dialog], .deal-card > :not(.deal-title)")) {
    event.preventDefault();
    openDialog(link);
  } else if (link.matches("[data-new]")) {
    event.preventDefault();
    htmx.ajax("GET", link.getAttribute("href"), { source: link, target: `#new-${link.dataset.new}`, swap: "innerHTML" });
  } else if (link.matches("[data-show-card]") && showCard(link.dataset.showCard)) {
    event.preventDefault();
    link.closest(".note").remove();
  }
});

if (location.hash.startsWith("#deal-")) showCard(location.hash.slice(1));

document.addEventListener("focusout", (event) => {
  const form = event.target.closest(".new-deal");
  if (form && !form.contains(event.relatedTarget) && !form.elements.title.value.trim()) form.remove();
});

// --- What a card cuts short is told in full on hover, where somebody looks: two hundred cards need not carry it twice

const SHORT =
  ".deal-card > :is(a, span, i), .deal-closed, .deal-card > p > span, .over-mark, .late-mark, .idle-mark, .column-head :is([aria-label], h2)";
document.addEventListener("pointerover", ({ target }) => {
  const text = target.closest?.(SHORT);
  if (text && !text.title) text.title = text.getAttribute("aria-label") ?? text.textContent.trim();
});

// --- A filter that draws the board anew leaves the keyboard at the columns, where the arrows go on

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target?.id !== "board" || document.activeElement !== document.body) return;
  (document.getElementById("columns") ?? document.querySelector(".board-empty a"))?.focus({ preventScroll: true });
});

// --- Esc leaves the form of a new deal

document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && event.target.closest(".new-deal");
  if (!form) return;
  form.closest(".column").querySelector(".column-new").focus(); // an empty form goes when it loses the focus
  form.remove();
});

// --- The overview of a phone says which column is in sight

const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const link = document.querySelector(`.board-overview a[href="#${target.id}"]`);
      if (isIntersecting) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
  },
  { threshold: 0.6 },
);
const watch = () => {
  for (const column of document.querySelectorAll(".column")) seen.observe(column);
};
watch();
document.addEventListener("htmx:load", watch);

// --- Columns that are drawn again stay scrolled to where they were; one that was not is left alone, for somebody may scroll
// it while an answer for another part of the page settles

const lists = () => document.querySelectorAll(".deal-list");
let heights = new Map();
const remember = () => {
  heights = new Map([...lists()].map((list) => [list.id, { list, top: list.scrollTop }]));
};
const restore = () => {
  for (const [id, { list, top }] of heights) {
    const drawn = document.getElementById(id);
    if (drawn && drawn !== list) drawn.scrollTop = top;
  }
};
document.addEventListener("htmx:beforeSwap", remember);
document.addEventListener("htmx:afterSettle", restore);
document.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id !== "arrivals") return;
  const tops = [...lists()].map((list) => [list, list.scrollTop]);
  settle();
  for (const [list, top] of tops) if (list.scrollTop !== top) list.scrollTop = top;
});
