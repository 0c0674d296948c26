// A session that ends while somebody writes must not cost the text. What a form sends is kept in this tab until a page
// other than the sign-in answers; after signing in again, the same person finds it back in the same form.
import { say } from "./notes.js";

const KEY = "draft";
const person = document.body.dataset.user;

const actionOf = (form) => form.getAttribute("action") ?? form.getAttribute("hx-post");
const field = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

/** Where a form that was opened within a page stands, and the address that brings it again: its own, asked what it was about. */
function opened(form, action) {
  const place = form.closest(".slot[id], .column-form[id], #dialog-body")?.id;
  if (!place || !action) return {};
  const again = new URL(action, location.href);
  for (const name of ["to", "type", "condition"]) {
    const about = form.querySelector(`input[type=hidden][name="${name}"]`);
    if (about) again.searchParams.set(name, about.value);
  }
  return { place, again: again.pathname + again.search };
}

function keep(form) {
  const values = [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !/csrf|password/i.test(name),
  );
  const action = actionOf(form);
  const draft = { person, path: location.pathname, action, values, ...opened(form, action) };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // Full or forbidden: the form works without.
  }
}

function fill(form, values) {
  for (const input of form.elements) {
    if (input.type === "checkbox" || input.type === "radio")
      input.checked = values.some(([name, value]) => name === input.name && value === input.value);
  }
  for (const [name, value] of values) {
    const input = field(form, name);
    if (input && !["hidden", "checkbox", "radio", "file"].includes(input.type)) input.value = value;
  }
  // What is folded away and was written in is to be seen.
  for (const folded of form.querySelectorAll("details"))
    if ([...folded.querySelectorAll("input, textarea, select")].some((input) => input.value && input.type !== "hidden")) folded.open = true;
}

const formFor = (draft) => [...document.forms].find((form) => form.method === "post" && actionOf(form) === draft.action);

async function restore(draft) {
  if (!formFor(draft) && draft.place && document.getElementById(draft.place))
    await htmx.ajax("GET", draft.again, { target: `#${draft.place}`, swap: "innerHTML" });
  const form = formFor(draft);
  if (!form) return;
  fill(form, draft.values);
  say("restored");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (person && (form.method === "post" || form.hasAttribute("hx-post"))) keep(form);
}, true);

const kept = sessionStorage.getItem(KEY);
if (person && kept) {
  const draft = JSON.parse(kept);
  sessionStorage.removeItem(KEY);
  if (draft.signedOut && draft.person === person && draft.path === location.pathname) restore(draft);
} else if (!person && kept && document.querySelector("[data-sign-in]")) {
  sessionStorage.setItem(KEY, JSON.stringify({ ...JSON.parse(kept), signedOut: true }));
}
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = event.detail;
  const draft = successful && elt.matches?.("form") && sessionStorage.getItem(KEY);
  if (draft && JSON.parse(draft).action === actionOf(elt)) sessionStorage.removeItem(KEY);
});
