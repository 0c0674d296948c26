// A session that ends while somebody writes must not cost the text. What a form sends is kept in this tab until a page
// other than the sign-in answers; after signing in again, the same person finds it back in the same form.
import { say } from "./notes.js";

const KEY = "draft";
const person = document.body.dataset.user;

const field = (form, name) => form.querySelector(`[name="${CSS.escape(name)}"]`);

function keep(form) {
  const values = [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !/csrf|password/i.test(name),
  );
  const draft = { person, path: location.pathname, action: form.getAttribute("action") ?? form.getAttribute("hx-post"), values };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // Full or forbidden: the form works without.
  }
}

function restore(draft) {
  for (const form of document.forms) {
    if ((form.getAttribute("action") ?? form.getAttribute("hx-post")) !== draft.action) continue;
    for (const [name, value] of draft.values) {
      const input = field(form, name);
      if (input && input.type !== "hidden" && input.type !== "checkbox" && input.type !== "radio") input.value = value;
    }
    say("restored");
    return;
  }
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
  if (event.detail.successful) sessionStorage.removeItem(KEY);
});
