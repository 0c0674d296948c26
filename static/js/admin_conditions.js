// Of a condition, only what its kind reads is shown. The server checks the same; without this script all is shown.
function show(row, name, wanted) {
  for (const part of row.querySelectorAll(`.fieldBox.field-${name}`)) {
    (part.parentElement ?? part).hidden = !wanted;
    part.hidden = !wanted;
  }
  for (const line of row.querySelectorAll(`.form-row.field-${name}`)) {
    const boxes = [...line.querySelectorAll(".fieldBox")];
    line.hidden = boxes.length ? boxes.every((box) => box.hidden) : !wanted;
  }
}

function follow(kind) {
  const row = kind.closest(".inline-related");
  const uses = JSON.parse(kind.dataset.uses);
  const used = new Set(uses[kind.value] ?? []);
  for (const name of new Set(Object.values(uses).flat())) show(row, name, used.has(name));
  const operator = row.querySelector('select[name$="-operator"]');
  const compares = JSON.parse(kind.dataset.compares);
  if (operator) show(row, "compared_with", used.has("operator") && compares.includes(operator.value));
}

function begin(root) {
  for (const kind of root.querySelectorAll("select[data-uses]")) follow(kind);
}

document.addEventListener("change", (event) => {
  if (!event.target.matches('select[data-uses], select[name$="-operator"]')) return;
  const kind = event.target.closest(".inline-related")?.querySelector("select[data-uses]");
  if (kind) follow(kind);
});
document.addEventListener("formset:added", (event) => begin(event.target));
begin(document);
