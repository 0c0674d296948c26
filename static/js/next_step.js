// Nothing is left to do on a deal: the page asks at once what comes next. What stands in such a field is written over.
document.addEventListener("nextstep:ask", ({ detail }) => {
  if (document.querySelector("dialog[open]")) return;
  htmx.ajax("GET", detail.address, { source: document.body, target: "#dialog-body", swap: "innerHTML" });
});
document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("input[data-select]")) target.select();
});
