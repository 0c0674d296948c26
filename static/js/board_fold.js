// Columns fold to a strip with their name and count. Which ones, each browser remembers for itself.
const key = () => `folded:${document.getElementById("board").dataset.address}`;
const read = () => new Set((localStorage.getItem(key()) ?? "").split(",").filter(Boolean));

function show() {
  if (!document.getElementById("board")) return;
  const folded = read();
  for (const column of document.querySelectorAll(".column")) {
    const is = folded.has(column.dataset.stage);
    column.classList.toggle("is-folded", is);
    column.querySelector(".column-fold")?.setAttribute("aria-expanded", String(!is));
  }
}

/** Folds the column, or unfolds it. */
export function fold(column) {
  const folded = read();
  if (!folded.delete(column.dataset.stage)) folded.add(column.dataset.stage);
  localStorage.setItem(key(), [...folded].join(","));
  show();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".column-fold");
  const strip = event.target.closest?.(".column.is-folded > .column-head");
  if (button || strip) fold((button ?? strip).closest(".column"));
});
document.addEventListener("htmx:load", show);
document.addEventListener("htmx:oobAfterSwap", show);
show();
