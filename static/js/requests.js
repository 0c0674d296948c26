// What happens around a request of htmx: progress, the network gone, an answer that is no page.
// A part that refreshes itself carries data-quiet: its failures are not worth a message.
import { say } from "./notes.js";

const root = document.documentElement;
let running = 0;

const quiet = (detail) => detail.elt?.closest?.("[data-quiet]") != null;

/** Sends the same request again; a form with what stands in it by now. */
function retry(detail) {
  const { requestConfig: config } = detail;
  // What asked may have been drawn again since.
  const elt = detail.elt?.isConnected ? detail.elt : document.getElementById(detail.elt?.dataset.standsFor || detail.elt?.id || "-");
  if (!elt) return location.reload();
  // A page that moves things itself (the board) may do it in its own way.
  const own = new CustomEvent("request:retry", { bubbles: true, cancelable: true, detail });
  if (!elt.dispatchEvent(own)) return;
  if (elt.matches("form")) elt.requestSubmit();
  else htmx.ajax(config.verb, config.path, { source: elt, target: detail.target });
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (quiet(event.detail)) return;
  running += 1;
  root.classList.add("is-loading");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (quiet(event.detail)) return;
  running = Math.max(0, running - 1);
  root.classList.toggle("is-loading", running > 0);
});

/** Somebody has a form open in the dialog, or words in a field. */
function writing() {
  const here = document.activeElement;
  return document.querySelector("#dialog[open] form") || (here?.matches("input, textarea") && here.value.trim());
}

// A part that refreshes itself does not take the page to the sign-in while somebody writes in it: what they send does.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr } = event.detail;
  if (xhr.status === 401 && quiet(event.detail) && !elt.closest("dialog") && writing()) event.preventDefault();
});

for (const name of ["htmx:sendError", "htmx:timeout"])
  document.addEventListener(name, (event) => {
    if (!quiet(event.detail)) say("offline", () => retry(event.detail));
  });

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (quiet(event.detail) || status === 401) return;
  if (status === 403) say("forbidden");
  else if (status === 404 || status === 410) say("gone");
  else if (status === 413) say("too-large");
  else if (status >= 500) say("failed", () => retry(event.detail));
  else say("refused");
});

const strip = document.getElementById("offline");
const show = () => strip && (strip.hidden = navigator.onLine);
addEventListener("online", show);
addEventListener("offline", show);
show();
