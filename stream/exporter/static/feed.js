// The server-sent events of a selection. EventSource does not retry after an HTTP error and does not notice silence.

/** Ms without an event after which the connection counts as lost. The exporter sends the status every 3 s. */
const TIMEOUT = 8_000;
/** Ms before a new attempt after an HTTP error. */
const RETRY = 3_000;
/** Ms between two looks at the clocks. */
const CHECK_INTERVAL = 500;

export class Feed {
  #source = null;
  #selection = null;
  #timeout = Infinity;
  #since = [0, 0];
  #refusal = "";

  /** `onPayload(name, payload)` gets every payload, `onConnection(isConnected, refusal)` the state of the connection. */
  constructor(onPayload, onConnection) {
    this.onPayload = onPayload;
    this.onConnection = onConnection;
    setInterval(() => this.#check(), CHECK_INTERVAL);
    document.addEventListener("visibilitychange", () => this.#check());
  }

  /** Replace the connection by one for this selection. */
  open(selection) {
    this.#selection = selection;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    const url = `live?${new URLSearchParams(this.#selection)}`;
    const source = new EventSource(url);
    this.#source = source;
    this.#reconnectAfter(TIMEOUT);
    for (const name of ["status", "tiles", "detail"]) {
      source.addEventListener(name, (event) => {
        this.#reconnectAfter(TIMEOUT);
        this.#refusal = "";
        this.onConnection(true, "");
        this.onPayload(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", async () => {
      const isRefused = source.readyState === EventSource.CLOSED;
      this.#reconnectAfter(isRefused ? RETRY : TIMEOUT);
      this.onConnection(false, this.#refusal);
      const reason = isRefused ? await refusal(url) : "";
      if (source !== this.#source) return;
      this.#refusal = reason;
      this.onConnection(false, reason);
    });
  }

  #reconnectAfter(ms) {
    this.#timeout = ms;
    this.#since = clocks();
  }

  /** Connect again after the timeout. While the machine sleeps, only one of the clocks may advance. */
  #check() {
    const elapsed = clocks().map((now, i) => now - this.#since[i]);
    if (Math.max(...elapsed) < this.#timeout) return;
    this.onConnection(false, this.#refusal);
    this.#connect();
  }
}

const clocks = () => [performance.now(), Date.now()];

/** Return the exporter's reason for an HTTP error, which EventSource does not tell. Empty if there is none. */
async function refusal(url) {
  const attempt = new AbortController();
  const timer = setTimeout(() => attempt.abort(), RETRY);
  try {
    const response = await fetch(url, { signal: attempt.signal });
    return response.ok ? "" : (await response.text()).trim();
  } catch {
    return "";
  } finally {
    clearTimeout(timer);
    attempt.abort();
  }
}
