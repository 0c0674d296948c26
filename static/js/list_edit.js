// Cells of the list that are changed in place: a click, Enter or F2 opens the form, Enter saves, Esc leaves, Tab goes on to
// the next cell that may be changed. The server draws the row again. On a phone the form comes as a dialog.
const phone = matchMedia("(max-width: 767.98px)");
const openForm = () => document.querySelector(".cell-form");
const links = () => [...document.querySelectorAll(".deal-table [data-cell]")];
const placeOf = (link) => ({ deal: link.closest("tr").id, cell: link.dataset.cell });
let next = null; // where the keyboard goes once the row has come; with `edit` its form opens
let chosen = false;

function edit(link, event) {
  const open = openForm();
  if (open && changed(open)) return save(open, { ...placeOf(link), edit: true });
  if (open) open.remove();
  if (phone.matches) return quick(link.closest("tr"), event);
  htmx.ajax("GET", `${link.pathname}?in=list`, { source: link, event, target: link.closest("td, th"), swap: "beforeend" });
}

function quick(row, event) {
  const title = row.querySelector(".title-link");
  htmx.ajax("GET", `${title.pathname}quick/`, { source: title, event, target: "#dialog-body", swap: "innerHTML" });
}

const fields = (form) => [...form.elements].filter((each) => each.matches("input:not([type=hidden]), select"));

function changed(form) {
  if (form.matches(".is-asking")) return true;
  return fields(form).some((each) =>
    each.options ? !each.options[each.selectedIndex]?.defaultSelected : each.value !== each.defaultValue,
  );
}

function save(form, place) {
  next = place;
  htmx.process(form); // drawn a moment ago, it would be a plain form still
  form.requestSubmit();
}

function leave(form) {
  const link = linkOf(form);
  if (form.matches("[data-theirs]")) {
    next = placeOf(link);
    return htmx.ajax("GET", form.dataset.row, { source: link, target: link.closest("tr"), swap: "outerHTML" });
  }
  form.remove();
  link.focus();
}

const linkOf = (form) => form.parentElement.querySelector("[data-cell]");

function go({ deal, cell, edit: opens }, event) {
  const row = document.getElementById(deal);
  const link = row?.querySelector(`[data-cell="${cell}"]`) ?? row?.querySelector(".title-link");
  link?.focus();
  if (opens && link?.dataset.cell) edit(link, event);
}

/** Tab past the last field, or back before the first one: on to the next cell, and what was typed is saved. */
function tab(event, form) {
  const all = fields(form);
  if (event.target !== (event.shiftKey ? all[0] : all.at(-1)) || form.matches(".is-asking")) return;
  const cells = links();
  const link = cells[cells.indexOf(linkOf(form)) + (event.shiftKey ? -1 : 1)] ?? linkOf(form);
  event.preventDefault();
  if (changed(form)) return save(form, placeOf(link));
  form.remove();
  link.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-cell]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    edit(link, event);
  }
  const form = event.target.closest?.("[data-cell-leave]")?.form;
  if (form) leave(form);
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  const form = event.target.closest?.(".cell-form");
  if (form) {
    if (event.key === "Escape") leave(form);
    else if (event.key === "Tab") tab(event, form);
    else if (event.key === "Enter" && event.target.matches("input, select")) {
      event.preventDefault();
      save(form, placeOf(linkOf(form)));
    }
    return;
  }
  const row = event.target.closest?.(".deal-table > tbody > tr");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = event.target.closest("td, th")?.querySelector("[data-cell]");
  if (event.key === "F2" && link) edit(link, event);
  else if (event.key.toLowerCase() === "e" && row.querySelector("[data-cell]")) quick(row, event);
  else return;
  event.preventDefault();
});

// A form that has just come is typed into; one that says something is in sight as a whole.
document.addEventListener("htmx:afterSettle", () => {
  const form = openForm();
  if (!form || form.dataset.seen) return;
  form.dataset.seen = "1";
  if (form.matches(".is-asking")) form.scrollIntoView({ block: "nearest" });
  const field = form.querySelector('[aria-invalid="true"]') ?? fields(form)[0];
  field.focus();
  if (field.matches('input:not([type="date"])')) field.select();
});

// A row that is drawn again stays chosen.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.matches?.(".deal-table tr")) chosen = detail.target.querySelector(".list-pick input")?.checked ?? false;
});
document.addEventListener("list:drawn", (event) => {
  const { deal, cell, said } = event.detail;
  const box = document.querySelector(`#deal-${deal} .list-pick input`);
  if (box && chosen) box.checked = true;
  box?.dispatchEvent(new Event("change", { bubbles: true }));
  if (said) document.getElementById("list-said").textContent = said;
  go(next ?? { deal: `deal-${deal}`, cell }, event);
  next = null;
});
document.addEventListener("htmx:responseError", () => (next = null));
document.addEventListener("htmx:sendError", () => (next = null));
