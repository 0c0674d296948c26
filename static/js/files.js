// Files of a deal: dropped on the page they land in the form, which says what they are and sends them.

const target = () => document.querySelector("[data-drop-files]");
const carriesFiles = (event) => event.dataTransfer?.types?.includes("Files");
let dropped = null;
let leaving = 0;

function mark(on) {
  target()?.classList.toggle("is-drop-here", on);
}

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event) || !target()) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  mark(true);
  clearTimeout(leaving);
  leaving = setTimeout(() => mark(false), 200);
});

document.addEventListener("drop", (event) => {
  if (!carriesFiles(event) || !target()) return;
  event.preventDefault();
  mark(false);
  const input = event.target.closest?.("form[data-upload]")?.querySelector('input[type="file"]');
  dropped = event.dataTransfer.files;
  if (input) fill(input.form);
  else if (document.getElementById("files-form")) fill(document.getElementById("files-form"));
  else document.querySelector(target().dataset.dropFiles)?.click();
});

/** Puts what was dropped where a click on “Choose” would have put it. */
function fill(form) {
  if (!dropped || !form) return;
  const input = form.querySelector('input[type="file"]');
  const taken = new DataTransfer();
  for (const file of [...dropped].slice(0, input.multiple ? undefined : 1)) taken.items.add(file);
  input.files = taken.files;
  dropped = null;
  form.scrollIntoView({ block: "nearest" });
  form.querySelector('[type="submit"]').focus({ preventScroll: true });
}

document.addEventListener("htmx:afterSettle", () => fill(document.getElementById("files-form")));

document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector?.(".upload-progress");
  if (!bar || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.value = Math.round((100 * event.detail.loaded) / event.detail.total);
});
