// The one dialog of the page. htmx loads into it: hx-get="…" hx-target="#dialog-body".
// An empty answer, or the event "dialog:close" (HX-Trigger), closes it. It tells "dialog:closed" on itself, bubbling;
// detail.saved says whether the server closed it, rather than Esc or the cross.

import { settle } from "./focus.js";

const dialog = document.getElementById("dialog");
const body = document.getElementById("dialog-body");
const notes = document.getElementById("toasts");
const notesHome = notes?.parentElement;
let opener = null;
let openerId = "";
let saved = false;

function open(from) {
  if (dialog.open) return;
  opener = from && from !== document.body ? from : document.activeElement;
  // It may be drawn again meanwhile: then what has its name, or that of the thing it is a part of, takes the keyboard.
  openerId = opener?.dataset.standsFor || opener?.closest("[id]")?.id || "";
  saved = false;
  // Outside of an open dialog nothing can be read aloud or pressed: messages, with their Retry, come inside.
  if (notes) dialog.append(notes);
  dialog.showModal();
}

/** Closes the dialog; `done` is true when what it asked for was saved. */
export function close(done = false) {
  saved = done;
  if (dialog.open) dialog.close();
}

function closed() {
  body.replaceChildren();
  if (notes) notesHome.append(notes);
  const back = opener?.isConnected ? opener : document.getElementById(openerId);
  back?.focus?.({ preventScroll: true });
  if (back && document.activeElement !== back) back.querySelector("a[href], button")?.focus({ preventScroll: true });
  dialog.dispatchEvent(new CustomEvent("dialog:closed", { bubbles: true, detail: { saved, opener: back } }));
  opener = null;
}

if (dialog) {
  let from = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === body && !dialog.open) from = event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== body) return;
    if (!body.childElementCount) return close(true);
    open(from);
    // At once: whoever types on must not find the keyboard elsewhere a moment later, nor a form that htmx has not seen.
    htmx.process(body);
    settle(body);
  });
  document.addEventListener("dialog:close", () => close(true));
  dialog.addEventListener("close", closed);
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-dialog-close]")) {
      event.preventDefault();
      close();
    }
  });
}
