// Columns of which nobody knows whether they are still true are fetched until the server has answered.

const AGAIN = 3000;
const stale = new Set();
let timer = 0;
let running = false;
let asked = false;

/** How many cards the fullest of these columns shows: as many are asked for. */
export const loaded = (stages) =>
  Math.min(200, Math.max(25, ...stages.map((stage) => document.querySelectorAll(`#cards-${stage} > .deal-card`).length)));

/** Fetches these columns as soon as it is possible. */
export function refresh(stages) {
  for (const stage of stages) stale.add(String(stage));
  run();
}

async function run() {
  clearTimeout(timer);
  if (running) {
    asked = true;
    return;
  }
  running = true;
  asked = false;
  if (moving) mixed = true;
  for (const stage of [...stale]) {
    stale.delete(stage); // before the answer: what is asked for meanwhile is asked for again
    if (await fetched(stage)) continue;
    stale.add(stage);
    break;
  }
  running = false;
  if (stale.size) timer = setTimeout(run, asked ? 0 : AGAIN);
}

async function fetched(stage) {
  const board = document.getElementById("board");
  const column = document.getElementById(`column-${stage}`);
  if (!board || !column) return true;
  const query = [board.dataset.query, `cards=${loaded([stage])}`].filter(Boolean).join("&");
  let status = 0;
  const note = (event) => {
    status = event.detail.xhr.status;
  };
  const source = document.getElementById("board-refresh");
  source.addEventListener("htmx:afterRequest", note);
  try {
    const address = `${board.dataset.address}columns/${stage}/?${query}`;
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

// --- Answers that crossed each other. Each brings its columns as they were when it was made, so what of two requests at
// once arrives last need not be the newest: their columns are fetched once more when all is quiet.

const crossed = new Set();
let moving = 0;
let mixed = false;

const moves = ({ detail: { requestConfig: config } }) => config.verb === "post" && /\/(deals\/(\d+\/move|new)|moves\/\d+\/undo)\/$/.test(config.path);

document.addEventListener("htmx:beforeSend", (event) => {
  if (!moves(event)) return;
  moving += 1;
  if (moving > 1 || running) mixed = true;
  const { formData } = event.detail.requestConfig;
  for (const name of ["from", "to"]) if (formData.get(name)) crossed.add(formData.get(name));
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.requestConfig || !moves(event)) return;
  moving = Math.max(0, moving - 1);
  if (moving) return;
  if (mixed) refresh([...crossed]);
  crossed.clear();
  mixed = false;
});
