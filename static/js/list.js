// The list: boxes that count themselves, and keys. Up and down walk the rows, Space or X chooses, Enter opens.
const rows = () => [...document.querySelectorAll(".deal-table > tbody > tr")];
const BOX = ".list-pick input:is([name=deal], [name=task])";
const boxes = () => [...document.querySelectorAll(BOX)];
const bar = document.getElementById("bulk");
const all = document.querySelector("[data-pick-all]");

function count() {
  if (!bar) return;
  const chosen = boxes().filter((box) => box.checked).length;
  const words = bar.querySelector(".bulk-count");
  const { none, one, many } = words.dataset;
  const text = chosen === 0 ? none : chosen === 1 ? one : many.replace("#", chosen);
  if (words.textContent !== text) words.textContent = text;
  bar.classList.toggle("is-choosing", chosen > 0);
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

if (bar) {
  document.getElementById("main").classList.add("has-script");
  all.hidden = boxes().length === 0;
  let last = null;
  document.addEventListener("click", ({ target, shiftKey }) => {
    if (target === all) for (const box of boxes()) box.checked = all.checked;
    if (target.matches?.(BOX)) {
      const list = boxes();
      // With Shift, all between this one and the last.
      if (shiftKey && list.includes(last)) {
        const [from, to] = [list.indexOf(last), list.indexOf(target)].sort((a, b) => a - b);
        for (const box of list.slice(from, to + 1)) box.checked = target.checked;
      }
      last = target;
    }
    count();
  });
  document.addEventListener("change", count);
  // The back button brings a page with its boxes as they were.
  addEventListener("pageshow", count);
}

function walk(event, here) {
  const every = rows();
  const next = here ? every[every.indexOf(here) + (event.key === "ArrowDown" ? 1 : -1)] : every[0];
  if (!next) return;
  event.preventDefault();
  // The same thing of the next row: its box, the cell that may be changed, or its title.
  const box = event.target.matches("input[type=checkbox]") && next.querySelector(".list-pick input");
  const cell = event.target.dataset.cell && next.querySelector(`[data-cell="${event.target.dataset.cell}"]`);
  (box || cell || next.querySelector(".title-link")).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  const here = event.target.closest(".deal-table > tbody > tr");
  if (["ArrowDown", "ArrowUp"].includes(event.key) && (here || event.target.matches("body, #main"))) walk(event, here);
  if (event.key.toLowerCase() === "x" && here) here.querySelector(".list-pick input")?.click();
  // One key puts a close date off by a week.
  if (event.key === "+" && here) here.querySelector(".put-off [value=week]")?.click();
});

// Columns are put in order within their menu; the button then shows the list so.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-earlier], [data-later]");
  if (!link) return;
  event.preventDefault();
  const row = link.closest("li");
  if ("earlier" in link.dataset) row.previousElementSibling?.before(row);
  else row.nextElementSibling?.after(row);
  link.focus();
});
