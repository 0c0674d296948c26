// My day by keys: J and K or arrows walk, E done, S snooze, X skip, L log, P plan, Enter opens the deal. A line that was
// worked on is drawn again by the server; the keyboard then stands on it, or on the next one that is still to do.
const lines = () => [...document.querySelectorAll("[data-line]")];
const open = () => lines().filter((line) => !line.matches(".is-settled"));
const KEYS = { e: "done", s: "snooze", x: "skip", l: "log", p: "plan", m: "move", enter: "open" };
const typing = (element) => element.matches?.("input, textarea, select, [contenteditable]");

function go(line) {
  if (!line) return;
  for (const other of document.querySelectorAll('[data-line][tabindex="0"]')) other.tabIndex = -1;
  line.tabIndex = 0;
  line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
}

function walk(here, step) {
  const all = lines();
  go(here ? all[all.indexOf(here) + step] : all[step > 0 ? 0 : all.length - 1]);
}

let byKey = false;

function act(line, name) {
  const button = line.querySelector(`[data-do="${name}"]`);
  if (!button) return false;
  byKey = true;
  htmx.process(line); // drawn a moment ago, it would be a plain form still
  button.click();
  return true;
}

/** In the dialog that asks what happened, the first letter of a kind chooses it. */
function choose(event) {
  const dialog = document.querySelector("dialog[open]");
  const field = event.target;
  if (field.matches?.("[data-enter-saves]") && event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    field.form.requestSubmit();
  }
  const chosen = !typing(field) && dialog.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!chosen) return;
  event.preventDefault();
  htmx.process(chosen);
  chosen.click();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return choose(event);
  if (typing(event.target)) return;
  const here = event.target.closest?.("[data-line]");
  const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
  if (key === "?") {
    event.preventDefault();
    document.querySelector(".day-keys > summary").click();
  }
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[key];
  if (step && (here || event.target.matches("body, #main"))) {
    event.preventDefault();
    return walk(here, step);
  }
  if (!here || (key === "Enter" && event.target !== here)) return;
  const name = KEYS[key.toLowerCase()];
  if (name && act(here, name)) event.preventDefault();
});

// Whoever walks the lines by keys goes on from the line, and not from the button that a key pressed.
document.addEventListener("dialog:closed", () => {
  const line = document.activeElement?.closest?.("[data-line]");
  if (byKey && line) go(line);
  byKey = false;
});

// Where the keyboard stands after a line was drawn again: there, or on the next one that is still to do. For a moment the
// line has the class of the one before it, so what it is now is asked of the event.
document.addEventListener("day:drawn", ({ detail }) => {
  requestAnimationFrame(() => {
    const line = document.getElementById(`day-${detail.key}`);
    const at = document.activeElement;
    const free = !at || at === document.body || line?.contains(at);
    if (!line || !free || document.querySelector("dialog[open]")) return;
    if (!detail.settled) return go(line);
    const all = lines();
    const others = open().filter((each) => each !== line);
    go(others.find((each) => all.indexOf(each) > all.indexOf(line)) ?? others.at(-1) ?? line);
  });
});
