// The server-sent events of a selection. EventSource does not retry after an HTTP error and does not notice silence.

/** Ms without an event after which the connection counts as lost. The exporter sends the status every 5 s. */
const TIMEOUT = 15_000;
/** Ms before a new attempt after an HTTP error. */
const RETRY = 3_000;

export class Feed {
  #source = null;
  #timer = 0;
  #selection = null;
  #lastEvent = 0;

  /** `onPayload(name, payload)` gets every payload, `onConnection(connected, lastEvent)` the state of the connection (ms). */
  constructor(onPayload, onConnection) {
    this.onPayload = onPayload;
    this.onConnection = onConnection;
  }

  /** Replace the connection by one for this selection. */
  open(selection) {
    this.#selection = selection;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    const source = new EventSource(`live?${new URLSearchParams(this.#selection)}`);
    this.#source = source;
    this.#reconnectAfter(TIMEOUT);
    for (const name of ["status", "tiles", "detail"]) {
      source.addEventListener(name, (event) => {
        this.#lastEvent = Date.now();
        this.#reconnectAfter(TIMEOUT);
        this.onConnection(true, this.#lastEvent);
        this.onPayload(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      this.onConnection(false, this.#lastEvent);
      this.#reconnectAfter(source.readyState === EventSource.CLOSED ? RETRY : TIMEOUT);
    });
  }

  #reconnectAfter(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.onConnection(false, this.#lastEvent);
      this.#connect();
    }, ms);
  }
}
