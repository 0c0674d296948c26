// The bell beside the page that one works on: asked every now and then while the tab is in sight, and when it comes back.
// Pages with a stream hear it at once (live.js).

const EVERY = 20_000;
const ask = () => document.hidden || window.htmx?.trigger(document.body, "notices:changed");

if (document.querySelector(".bell-count")) {
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
}
