// Where the keyboard is after something new appeared: the first error, or the first field of a form that asks for it.

/** Puts the keyboard there, unless it is in there already. htmx would ask for “autofocus” once more, later. */
export function settle(root) {
  const named = root.querySelector("[autofocus]");
  named?.removeAttribute("autofocus");
  const here = document.activeElement;
  if (root !== document && root.contains(here) && !here.matches("[data-dialog-close]")) return; // somebody was quicker
  const wrong = root.querySelector('[aria-invalid="true"]:not([type="hidden"])');
  const first = root.querySelector("form[data-focus-first] :is(input, select, textarea):not([type='hidden'])");
  (wrong ?? named ?? first)?.focus();
}

settle(document);
document.addEventListener("htmx:afterSettle", (event) => {
  // Only for answers to what somebody did: a part that loads on its own must not pull the keyboard away.
  const cause = event.detail.requestConfig?.triggeringEvent?.type;
  const asked = event.detail.target?.id === "dialog-body" || (cause && !["load", "revealed", "intersect"].includes(cause));
  if (asked) settle(event.detail.target ?? event.target);
});
