"""A relay of a transactional outbox in SQLite: `python outbox_relay.py DATABASE BROKERS`. See docs/outbox.md.

The app calls `add` in the transaction of its own change. The relay publishes the events and then deletes their rows. If it
is killed in between, it publishes the same events once more. They have the same IDs and times, so they count once.
"""

import signal
import sqlite3
import sys
import threading
from contextlib import closing

from cxgauge_events import SyncPublisher
from cxgauge_events.codec import Decoder, encode
from cxgauge_events.envelope import Event
from cxgauge_events.keys import owner_of
from cxgauge_events.topics import TOPICS, topics_of

CREATE = """
CREATE TABLE IF NOT EXISTS cx_outbox (
    number INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,   -- feedback, tickets or customers
    owner TEXT NOT NULL,   -- the best record key
    payload TEXT NOT NULL  -- the event in JSON
)"""
BATCH = 500
POLL = 1.0
"""Seconds between two looks at an empty table."""

DECODERS = {domain: Decoder(topic) for domain, topic in TOPICS.items()}


def add(connection: sqlite3.Connection, event: Event) -> None:
    """Add an event of `codec.make` to the outbox. The caller commits."""
    topic = topics_of(type(event.data))[0].domain
    row = (topic, owner_of(event.data), encode(event).decode())
    connection.execute("INSERT INTO cx_outbox (topic, owner, payload) VALUES (?, ?, ?)", row)


def relay(connection: sqlite3.Connection, publisher: SyncPublisher) -> int:
    """Publish the oldest events, delete their rows, and return their number."""
    query = "SELECT number, topic, payload FROM cx_outbox ORDER BY number LIMIT ?"
    rows = connection.execute(query, [BATCH]).fetchall()
    publisher.send_all([DECODERS[topic].decode(payload.encode(), ()) for _, topic, payload in rows])
    # Exactly these rows: in other databases a row with a smaller number may be committed later.
    with connection:
        connection.executemany("DELETE FROM cx_outbox WHERE number = ?", [row[:1] for row in rows])
    return len(rows)


def main(database: str, brokers: str) -> None:
    """Relay until SIGTERM. An error of Kafka ends the process, and its supervisor starts it anew: no row is lost."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with closing(sqlite3.connect(database)) as connection, SyncPublisher(brokers) as publisher:
        connection.execute(CREATE)
        while not stop.is_set():
            if relay(connection, publisher) == 0:
                stop.wait(POLL)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: outbox_relay.py DATABASE BROKERS")
    main(*sys.argv[1:])
