// Rows of the administration that have an order: dragged by their handle, or moved by its arrow keys.
// Without this script the number can be typed.
import Sortable from "../sortable.esm.js";

const NUMBER = 'input[name$="-order"]';
const words = document.querySelector("[data-order-words]")?.dataset ?? {};

function rowsOf(list) {
  return [...list.children].filter((row) => row.querySelector(NUMBER) && !row.classList.contains("empty-form"));
}

function renumber(list) {
  rowsOf(list).forEach((row, place) => {
    const number = row.querySelector(NUMBER);
    if (number.value !== String(place + 1)) {
      number.value = place + 1;
      number.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

function shift(list, row, by) {
  const rows = rowsOf(list);
  const other = rows[rows.indexOf(row) + by];
  if (!other) return;
  if (by < 0) other.before(row);
  else other.after(row);
  renumber(list);
  row.querySelector(".order-handle").focus();
}

function addHandle(list, row) {
  const number = row.querySelector(NUMBER);
  if (!number || row.classList.contains("empty-form") || row.querySelector(".order-handle")) return;
  const handle = document.createElement("button");
  handle.type = "button";
  handle.className = "order-handle";
  handle.setAttribute("aria-label", words.orderWords ?? "");
  handle.title = words.orderWords ?? "";
  handle.addEventListener("click", (event) => event.preventDefault());
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    shift(list, row, by);
  });
  const place = row.querySelector(".order-place") ?? number.parentElement;
  place.prepend(handle);
  number.classList.add("order-number");
  number.tabIndex = -1;
}

function listOf(group) {
  const row = group.querySelector(NUMBER)?.closest(".form-row[id], .inline-related[id]");
  return row?.parentElement;
}

for (const group of document.querySelectorAll(".js-inline-admin-formset")) {
  const list = listOf(group);
  if (!list) continue;
  group.classList.add("has-order");
  for (const row of list.children) addHandle(list, row);
  Sortable.create(list, {
    handle: ".order-handle",
    draggable: ".form-row[id]:not(.empty-form), .inline-related[id]:not(.empty-form)",
    animation: 120,
    forceFallback: true,
    onEnd: () => renumber(list),
  });
  document.addEventListener("formset:added", (event) => {
    if (!group.contains(event.target)) return;
    addHandle(list, event.target);
    event.target.querySelector(":scope > details")?.setAttribute("open", "");
    renumber(list);
  });
}
