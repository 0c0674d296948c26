// What an answer brings to the board: cards, and the order in which the cards of their columns stand. Both come from the
// database; what is not among them any more leaves the screen, what is wanting is asked for.
import { loaded, refresh } from "./board_refresh.js";

const MOST = 200;
const cardOf = (id) => document.querySelector(`.deal-list > #deal-${id}`);
const split = (text) => (text ? text.split(",") : []);

/** Puts what lies in #arrivals where it belongs. */
export function settle() {
  const arrivals = document.getElementById("arrivals");
  if (!arrivals || !("drawn" in arrivals.dataset)) return;
  const focused = document.activeElement?.closest?.(".deal-card")?.id;
  const drawn = split(arrivals.dataset.drawn);
  const made = document.querySelector(".new-deal") && drawn.find((id) => !cardOf(id));
  for (const id of drawn) {
    // Two, while a column that was fetched meanwhile shows it already and the card itself is still on its way.
    for (const old of document.querySelectorAll(`.deal-list > #deal-${id}`)) {
      // Where the keyboard stands, or comes back to when a dialog closes.
      if (old.hasAttribute("tabindex")) arrivals.querySelector(`#deal-${id}`)?.setAttribute("tabindex", old.tabIndex);
      old.remove();
    }
  }
  const wanting = new Map();
  for (const column of arrivals.querySelectorAll(":scope > ul")) {
    const ids = arrange(column);
    if (ids.length) wanting.set(column.dataset.stage, ids);
  }
  const found = [...arrivals.children].some((column) => column.dataset.order);
  const detail = { drawn, read: Number(arrivals.dataset.read), found };
  arrivals.replaceChildren();
  delete arrivals.dataset.drawn;
  if (focused && document.activeElement === document.body) focus(focused);
  if (made) added = `deal-${made}`;
  if (made && !document.querySelector("dialog[open]")) focus(added);
  document.dispatchEvent(new CustomEvent("board:settled", { detail }));
  if (wanting.size) fetchCards([...wanting.values()].flat(), [...wanting.keys()]);
}

// A deal that was just made has the keyboard, in place of the form or the dialog that made it.
let added = "";
document.addEventListener("dialog:closed", ({ detail }) => {
  if (detail.saved && added && document.activeElement === document.body) focus(added);
  added = "";
});

function focus(id) {
  const card = document.getElementById(id);
  if (!card) return;
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
}

/** Brings one column in order; gives the deals that should stand there and of which there is no card yet. */
function arrange(column) {
  const list = document.getElementById(`cards-${column.dataset.stage}`);
  if (!list) return [];
  const order = split(column.dataset.order);
  const fresh = new Map([...column.children].map((card) => [card.id, card]));
  const wanting = [];
  let at = list.firstElementChild;
  for (const id of order) {
    const card = fresh.get(`deal-${id}`) ?? list.querySelector(`:scope > #deal-${id}`);
    if (!card) wanting.push(id);
    else if (card === at) at = at.nextElementSibling;
    else list.insertBefore(card, at);
  }
  if (order.length < MOST) leave(list, new Set(order));
  const more = list.querySelector(":scope > .more-cards");
  if (more && !("more" in column.dataset)) more.remove();
  if (!more && "more" in column.dataset) refresh([column.dataset.stage]);
  return wanting;
}

/** Cards that stand here no more; one that is held or on its way is nobody's to take. */
function leave(list, order) {
  for (const card of list.querySelectorAll(":scope > .deal-card:not(.is-gap, .is-moving)")) {
    if (!order.has(card.id.replace("deal-", ""))) card.remove();
  }
}

/** Cards of these deals, with the heads of these columns. */
export async function fetchCards(deals, stages) {
  const board = document.getElementById("board");
  const source = document.getElementById("board-refresh");
  if (!board) return;
  const query = [board.dataset.query, `deals=${deals.slice(0, MOST)}`, `stages=${stages}`, `cards=${loaded(stages)}`];
  try {
    await htmx.ajax("GET", `${board.dataset.address}cards/?${query.filter(Boolean).join("&")}`, { source, swap: "none" });
  } catch {
    refresh(stages); // tries until the server answers
  }
}

// The overview of a phone counts what the heads count.
document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => {
  if (!target.matches(".column-head")) return;
  const count = document.querySelector(`.board-overview a[href="#${target.closest(".column")?.id}"] > .number`);
  if (count) count.textContent = target.dataset.count;
});
