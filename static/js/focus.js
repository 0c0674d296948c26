// Where the keyboard is after something new appeared: the first error, or the first field of a form that asks for it.

function settle(root) {
  const wrong = root.querySelector('[aria-invalid="true"]:not([type="hidden"])');
  const first = root.querySelector("form[data-focus-first] :is(input, select, textarea):not([type='hidden'])");
  (wrong ?? root.querySelector("[autofocus]") ?? first)?.focus();
}

settle(document);
document.addEventListener("htmx:afterSettle", (event) => {
  // Only for answers to what somebody did: a part that loads on its own must not pull the keyboard away.
  const cause = event.detail.requestConfig?.triggeringEvent?.type;
  if (cause && !["load", "revealed", "intersect"].includes(cause)) settle(event.detail.target ?? event.target);
});
