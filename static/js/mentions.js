// “@” in a comment offers the people who see the deal. Arrows choose, Enter or Tab takes, Escape leaves. Without this the
// name is typed.

let asked = 0;

const list = (text) => text.form.querySelector(".mention-list");
const chosen = (text) => list(text)?.querySelector('[aria-selected="true"]');

/** What stands between the last @ before the cursor and the cursor, if it may be the beginning of a name. */
function begun(text) {
  const before = text.value.slice(0, text.selectionStart);
  const found = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{N}_.'’-]*(?: [\p{L}\p{N}_.'’-]+)?)$/u.exec(before);
  return found && { start: before.length - found[1].length, word: found[1] };
}

function close(text) {
  asked += 1;
  list(text).hidden = true;
  list(text).replaceChildren();
  text.removeAttribute("aria-activedescendant");
}

function choose(text, option) {
  chosen(text)?.setAttribute("aria-selected", "false");
  option.setAttribute("aria-selected", "true");
  text.setAttribute("aria-activedescendant", option.id);
  text.setAttribute("aria-controls", list(text).id);
}

async function offer(text) {
  const name = begun(text);
  if (!name) return close(text);
  const mine = ++asked;
  // Who types on asks once, at the end.
  await new Promise((go) => setTimeout(go, 80));
  if (mine !== asked) return;
  const url = `${text.form.dataset.readers}?q=${encodeURIComponent(name.word)}`;
  const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked || !answer?.ok) return;
  list(text).innerHTML = await answer.text();
  const first = list(text).querySelector('[role="option"]');
  list(text).hidden = !first;
  if (first) choose(text, first);
  else close(text);
}

function take(text, option) {
  const name = begun(text);
  if (name) {
    text.setRangeText(`${option.dataset.name} `, name.start, text.selectionStart, "end");
  }
  close(text);
  text.focus();
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-mentions]")) offer(event.target);
});

// Before the page takes Enter for “save”.
document.addEventListener("keydown", (event) => {
  const text = event.target;
  if (!text.matches?.("[data-mentions]") || list(text).hidden || event.isComposing) return;
  const options = [...list(text).querySelectorAll('[role="option"]')];
  const at = options.indexOf(chosen(text));
  if (event.key === "ArrowDown") choose(text, options[(at + 1) % options.length]);
  else if (event.key === "ArrowUp") choose(text, options[(at - 1 + options.length) % options.length]);
  else if (event.key === "Enter" || event.key === "Tab") take(text, options[Math.max(at, 0)]);
  else if (event.key === "Escape") close(text);
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.('.mention-list [role="option"]');
  if (!option) return;
  event.preventDefault();
  take(option.closest("form").querySelector("[data-mentions]"), option);
});

document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-mentions]")) close(event.target);
});
