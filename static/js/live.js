// A stream of what changes while a page is open, only while its tab is in sight: a browser opens few connections to a
// host. Whoever comes back, from another tab or from sleep, says what was heard last and is told what was missed.

const SILENT = 40_000; // a beat comes every 15 seconds
const WAITS = [1000, 2000, 5000, 15_000, 30_000];
const REFUSED = 60_000; // no room, or no stream through some proxy: whoever can asks instead meanwhile

export class Stream {
  /** `receive(name, data)` is told each message; `ask(stream)` asks once, every few seconds while there is no stream. */
  constructor(address, names, receive, { since = 0, ask = null, every = 3000 } = {}) {
    Object.assign(this, { address, names, receive, ask, every, cursor: since });
    this.source = null;
    this.failures = 0;
    this.over = false;
    document.addEventListener("visibilitychange", () => this.turn());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.turn());
    addEventListener("online", () => this.reopen(0));
    setInterval(() => this.source && Date.now() - this.heardAt > SILENT && this.reopen(0), 10_000);
    this.turn();
  }

  turn() {
    if (document.hidden) this.close();
    else if (!this.source) this.open();
  }

  open() {
    this.close();
    if (this.over || document.hidden) return;
    this.heardAt = Date.now();
    const source = new EventSource(`${this.address}stream/?since=${this.cursor}`);
    this.source = source;
    for (const name of [...this.names, "beat", "news"]) source.addEventListener(name, (event) => this.heard(name, event));
    source.addEventListener("again", () => this.reopen(Math.random() * 1000));
    source.addEventListener("error", () => this.failed(source));
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.opening);
    clearTimeout(this.asking);
    this.asking = 0;
  }

  reopen(wait) {
    if (document.hidden) return;
    this.source?.close();
    this.source = null;
    clearTimeout(this.opening);
    this.opening = setTimeout(() => this.open(), wait);
  }

  heard(name, { data, lastEventId }) {
    this.heardAt = Date.now();
    this.failures = 0;
    clearTimeout(this.asking);
    this.asking = 0;
    this.cursor = Math.max(this.cursor, Number(lastEventId));
    if (name === "news") htmx.trigger(document.body, "notices:changed");
    else if (name !== "beat") this.receive(name, JSON.parse(data));
  }

  failed(source) {
    if (source !== this.source) return;
    const refused = source.readyState === EventSource.CLOSED;
    this.failures += 1;
    this.reopen(refused ? REFUSED : WAITS[Math.min(this.failures, WAITS.length) - 1] * (0.5 + Math.random()));
    if (this.ask && !this.asking && (refused || this.failures > 1)) this.asking = setTimeout(() => this.askOn(), 0);
  }

  async askOn() {
    await this.ask(this);
    if (this.asking && !this.over) this.asking = setTimeout(() => this.askOn(), this.every);
  }

  /** Nobody is signed in any more, or there is nothing here to follow. */
  end() {
    this.over = true;
    this.close();
  }
}
