// Messages in the corner. The server words them all: those that it cannot send wait as <template> in the page.

const PASSING = 6000;
const UNDO = 10000; // as long as a move may be taken back
const place = () => document.getElementById("toasts");

/** Shows the words of <template id="note-NAME">. `retry` is called when its Retry button is pressed. */
export function say(name, retry) {
  const words = document.getElementById(`note-${name}`);
  if (!words || !place()) return;
  const message = document.getElementById(`message-${words.dataset.kind ?? "error"}`);
  const note = message.content.firstElementChild.cloneNode(true);
  note.querySelector(".note-text").textContent = words.content.textContent;
  note.dataset.name = name;
  const button = note.querySelector("[data-note-retry]");
  if (button && retry && "retry" in words.dataset) {
    button.addEventListener("click", () => {
      note.remove();
      retry();
    });
  } else {
    button?.remove();
  }
  // The same trouble twice is one message.
  place().querySelector(`[data-name="${name}"]`)?.remove();
  place().append(note);
}

function pass(note) {
  const leave = () => (note.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : note.remove());
  if (note.matches("[data-passing]")) setTimeout(leave, note.matches("[data-undo]") ? UNDO : PASSING);
  if (note.matches("[data-undo]")) setTimeout(() => forget(note), UNDO);
}

/** What was taken back, or has become history, is offered no longer. */
function forget(note) {
  note.querySelector("form")?.remove();
  delete note.dataset.undo;
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const note = detail.elt.closest?.(".note[data-undo]");
  if (note && detail.xhr.status < 500 && detail.xhr.status) note.remove();
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  if (event.target.matches?.("input, textarea, select, [contenteditable]")) return; // there it takes back letters
  const form = [...document.querySelectorAll(".note[data-undo] form")].at(-1);
  if (!form) return;
  event.preventDefault();
  htmx.process(form); // a moment after it came it would still be sent as a plain form
  form.requestSubmit();
});

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-note-close]")?.closest(".note").remove();
});

if (place()) {
  for (const note of place().querySelectorAll(".note")) pass(note);
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node.matches?.(".note")) pass(node);
  }).observe(place(), { childList: true });
}
