// Columns of which nobody knows whether they are still true are fetched until the server has answered.

const AGAIN = 3000;
const stale = new Set();
let timer = 0;
let running = false;

/** Fetches these columns as soon as it is possible. */
export function refresh(stages) {
  for (const stage of stages) stale.add(String(stage));
  run();
}

async function run() {
  clearTimeout(timer);
  if (running) return;
  running = true;
  for (const stage of [...stale]) {
    if (await fetched(stage)) stale.delete(stage);
    else break;
  }
  running = false;
  if (stale.size) timer = setTimeout(run, AGAIN);
}

async function fetched(stage) {
  const board = document.getElementById("board");
  const column = document.getElementById(`column-${stage}`);
  if (!board || !column) return true;
  const cards = Math.min(200, Math.max(25, column.querySelectorAll(".deal-card").length));
  const query = [board.dataset.query, `cards=${cards}`].filter(Boolean).join("&");
  let status = 0;
  const note = (event) => {
    status = event.detail.xhr.status;
  };
  const source = document.getElementById("board-refresh");
  source.addEventListener("htmx:afterRequest", note);
  try {
    const address = `${board.dataset.columns}${stage}/?${query}`;
    await htmx.ajax("GET", address, { source, target: `#column-${stage}`, swap: "outerHTML" });
  } catch {
    // Still cut off.
  }
  source.removeEventListener("htmx:afterRequest", note);
  // The column itself is gone: so is the board as it is on the screen.
  if (status === 404 || status === 400) location.reload();
  return status === 200;
}

addEventListener("online", () => stale.size && run());
