// Messages in the corner. The server words them all: those that it cannot send wait as <template> in the page.

const PASSING = 6000;
const place = () => document.getElementById("toasts");

/** Shows the message of <template id="note-NAME">. `retry` is called when its Retry button is pressed. */
export function say(name, retry) {
  const template = document.getElementById(`note-${name}`);
  if (!template || !place()) return;
  const note = template.content.firstElementChild.cloneNode(true);
  note.dataset.name = name;
  const button = note.querySelector("[data-note-retry]");
  if (button && retry) {
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
  setTimeout(leave, PASSING);
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-note-close]")?.closest(".note").remove();
});

if (place()) {
  for (const note of place().querySelectorAll("[data-passing]")) pass(note);
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node.matches?.("[data-passing]")) pass(node);
  }).observe(place(), { childList: true });
}
