// Find anything: one window, opened by Ctrl K (⌘K), by "/" or by a click into the search field of the bar.
// The keyboard stays in its field; the arrows walk the list, which the server draws anew for what was typed.

const palette = document.getElementById("palette");
const field = document.getElementById("palette-words");
const found = document.getElementById("palette-found");
const said = document.getElementById("palette-said");
let opener = null;

const options = () => [...found.querySelectorAll('[role="option"]')];
const chosen = () => found.querySelector('[role="option"][aria-selected="true"]');

/** Shows it, unless another window is open: never one over another. */
export function openPalette(words = "") {
  if (!palette || document.querySelector("dialog[open]")) return false;
  opener = document.activeElement;
  field.value = words;
  palette.showModal();
  field.focus();
  field.select();
  htmx.trigger(field, "palette:ask");
  return true;
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const list = options();
  if (!list.length) return;
  const from = list.indexOf(chosen());
  choose(list[(from + by + list.length) % list.length]);
}

function go(option, aside) {
  if (aside) open(option.href, "_blank", "noopener");
  else location.assign(option.href);
}

// What is on the screen answers what stood in the field before: Enter waits for the answer to what stands there now.
let waiting = null;
const settled = () => found.dataset.words === field.value;

function enter(aside) {
  if (!settled()) waiting = { aside };
  else if (chosen()) go(chosen(), aside);
  else if (field.value.trim()) field.form.requestSubmit();
}

if (palette) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (palette.open) {
      event.preventDefault();
      palette.close();
    } else if (openPalette()) event.preventDefault();
  });

  const bar = document.querySelector("[data-search]");
  const hint = bar?.parentElement.querySelector("kbd");
  if (hint && /Mac|iP/.test(navigator.platform)) hint.textContent = "⌘K";
  bar?.addEventListener("click", () => openPalette(bar.value));

  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter(event.ctrlKey || event.metaKey);
    }
  });
  // A new letter takes back an Enter that still waits.
  field.addEventListener("input", () => (waiting = null));

  field.addEventListener("htmx:beforeRequest", () => (found.dataset.asked = field.value));
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== found) return;
    found.dataset.words = found.dataset.asked;
    const list = options();
    field.setAttribute("aria-expanded", String(list.length > 0));
    choose(list[0]);
    if (waiting && settled()) {
      const { aside } = waiting;
      waiting = null;
      enter(aside);
    }
  });

  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"])
    field.addEventListener(name, () => {
      waiting = null;
      const words = document.createElement("p");
      words.className = "palette-none";
      words.textContent = said.textContent = field.dataset.unreachable;
      found.replaceChildren(words);
      field.setAttribute("aria-expanded", "false");
      choose(null);
    });

  palette.addEventListener("click", (event) => {
    // The curtain around it is the window itself; what lies in it is not.
    if (event.target === palette || event.target.closest("[data-palette-close]")) palette.close();
  });
  found.addEventListener("pointermove", (event) => {
    const option = event.target.closest('[role="option"]');
    if (option && option !== chosen()) choose(option);
  });

  palette.addEventListener("close", () => {
    htmx.trigger(field, "htmx:abort");
    waiting = null;
    found.replaceChildren();
    delete found.dataset.words;
    said.textContent = "";
    field.setAttribute("aria-expanded", "false");
    choose(null);
    opener?.focus?.({ preventScroll: true });
    opener = null;
  });
}
