// The page of a deal: forms that open in place and leave by Esc, Enter that saves a text, keys, the way scrolled to here.

const typing = (element) => element?.matches?.("input, textarea, select, [contenteditable]");

/** Takes the form out of its place and gives the keyboard back to what opened it. */
function leave(form) {
  const slot = form.closest(".slot");
  if (!slot) return false;
  slot.replaceChildren();
  document.querySelector(`[hx-target="#${CSS.escape(slot.id)}"]`)?.focus();
  return true;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-leave]");
  const form = link?.closest("[data-in-place]");
  if (form && leave(form)) event.preventDefault();
  // A menu has done its work once something in it was chosen.
  const item = event.target.closest?.(".menu-item");
  if (item) item.closest("details.menu").open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const form = event.target.closest?.("[data-in-place]");
  if (event.key === "Escape" && form && !event.target.closest("details.menu[open]")) {
    event.preventDefault();
    leave(form);
  } else if (event.key === "Enter" && !event.shiftKey && event.target.matches?.("[data-enter-saves]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
    const chosen = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (chosen) {
      event.preventDefault();
      htmx.process(chosen); // drawn a moment ago, it would be a plain link still
      chosen.click();
    }
  }
});

// One form at a time in a place: what opens next comes into view, what was saved gives the keyboard back.
let opener = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  const slot = event.detail.elt.closest?.(".slot");
  const from = slot && document.querySelector(`[hx-target="#${CSS.escape(slot.id)}"]`);
  opener = from?.id || event.detail.elt.closest?.("[id]")?.id || "";
});
document.addEventListener("deal:changed", () => {
  requestAnimationFrame(() => {
    if (document.activeElement && document.activeElement !== document.body) return;
    const back = document.getElementById(opener);
    back?.focus({ preventScroll: true });
    if (document.activeElement !== back) back?.querySelector("a, button, summary")?.focus({ preventScroll: true });
  });
  showHere();
});

/** The present stage is what one looks for on a narrow screen. */
function showHere() {
  const way = document.getElementById("way");
  const here = way?.querySelector('[aria-current="step"]');
  if (here) way.scrollLeft = here.offsetLeft - (way.clientWidth - here.offsetWidth) / 2;
}
showHere();
document.addEventListener("htmx:oobAfterSwap", showHere);
