// Server-sent events, with what EventSource leaves to us: refusals, silence, and saying so.

const SILENT = 15_000;
const AGAIN = 3_000;

export class Feed {
  #source = null;
  #timer = 0;
  #choice = null;
  #last = 0;

  /** `take(name, part)` is given every part; `tell(lost, since)` whether we are cut off, and since when (ms). */
  constructor(take, tell) {
    this.take = take;
    this.tell = tell;
  }

  /** Look at something else from now on. */
  open(choice) {
    this.#choice = choice;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    const source = new EventSource(`live?${new URLSearchParams(this.#choice)}`);
    this.#source = source;
    this.#wait(SILENT);
    for (const name of ["status", "tiles", "detail"]) {
      source.addEventListener(name, (event) => {
        this.#last = Date.now();
        this.#wait(SILENT);
        this.tell(false, this.#last);
        this.take(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      this.tell(true, this.#last);
      this.#wait(source.readyState === EventSource.CLOSED ? AGAIN : SILENT);
    });
  }

  #wait(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.tell(true, this.#last);
      this.#connect();
    }, ms);
  }
}
