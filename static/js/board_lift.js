// While a card is lifted every column says whether the card may enter, and zones to win or lose it come up at the edge.
const board = () => document.getElementById("board");
let lifted = "";

/** Asks for the answers of all columns; they are laid over the columns until the card is put down. */
export async function lift(card) {
  lifted = card.id;
  board().classList.add("is-dragging");
  const source = document.getElementById("board-lift");
  const address = `${board().dataset.moves}${card.id.replace("deal-", "")}/gates/`;
  try {
    await htmx.ajax("GET", address, { source, swap: "none" });
  } catch {
    // Without an answer the columns say nothing; the drop is asked anyway.
  }
  if (lifted !== card.id) clear();
}

export function putDown() {
  lifted = "";
  board().classList.remove("is-dragging");
  clear();
}

function clear() {
  for (const line of document.querySelectorAll(".column-lift:not([hidden])")) {
    line.hidden = true;
    line.className = "column-lift";
    line.replaceChildren();
  }
}
