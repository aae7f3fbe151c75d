import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams with the state that cxgauge keeps: every answer by ID, in RocksDB and a changelog topic, so that an
 * answer that is sent again counts once, and an edit replaces it in its window. Both stores are those of the input
 * partition, so that there is no repartition topic. Arguments as of Windows, and a file for the counts: lines of cell,
 * minute, promoters, passives and detractors.
 */
public final class Answers {
    /** A stored answer. It counts in the minute of its earliest time, as in cxgauge. */
    record Answer(long revision, long time, long earliest, int kind, String cell) {
        static byte[] pack(String topic, Answer answer) {
            if (answer == null) {
                return null;
            }
            byte[] cell = answer.cell.getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(28 + cell.length).putLong(answer.revision).putLong(answer.time)
                .putLong(answer.earliest).putInt(answer.kind).put(cell).array();
        }

        static Answer unpack(String topic, byte[] raw) {
            if (raw == null) {
                return null;
            }
            ByteBuffer packed = ByteBuffer.wrap(raw);
            return new Answer(packed.getLong(), packed.getLong(), packed.getLong(), packed.getInt(),
                StandardCharsets.UTF_8.decode(packed).toString());
        }
    }

    private static final class Counting implements Processor<byte[], Windows.Event, Void, Void> {
        private final Windows.Progress progress;
        private KeyValueStore<byte[], Answer> answers;
        private KeyValueStore<String, long[]> windows;

        Counting(Windows.Progress progress) {
            this.progress = progress;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            answers = context.getStateStore("answers");
            windows = context.getStateStore("windows");
        }

        @Override
        public void process(Record<byte[], Windows.Event> record) {
            progress.began();
            Windows.Data data = record.value().data;
            long time = Instant.parse(record.value().time).toEpochMilli();
            Answer stored = answers.get(record.key());
            if (stored == null || data.revision > stored.revision
                || data.revision == stored.revision && time > stored.time) {
                Answer answer = new Answer(data.revision, time, stored == null ? time : Math.min(time, stored.earliest),
                    Windows.kind(data.score), data.survey + '|' + data.channel + '|' + data.touchpoint);
                if (stored != null) {
                    add(stored, -1);
                }
                add(answer, 1);
                answers.put(record.key(), answer);
            }
            progress.counted();
        }

        private void add(Answer answer, int n) {
            String window = answer.cell + '|' + answer.earliest / 60_000;
            long[] counts = windows.get(window);
            if (counts == null) {
                counts = new long[3];
            }
            counts[answer.kind] += n;
            windows.put(window, counts);
        }
    }

    public static void main(String[] args) throws Exception {
        Windows.Progress progress = new Windows.Progress(Long.parseLong(args[2]));
        Serde<Answer> answers = Windows.serde(Answer::pack, Answer::unpack);
        Serde<long[]> counts = Windows.serde(Windows::pack, Windows::unpack);
        Topology topology = new Topology()
            .addSource("answers-read", Serdes.ByteArray().deserializer(), Windows::read, args[1])
            .addProcessor("counting", () -> new Counting(progress), "answers-read")
            .addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("answers"), Serdes.ByteArray(), answers), "counting")
            .addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("windows"), Serdes.String(), counts).withCachingEnabled(), "counting");
        KafkaStreams streams = Windows.start(args, topology);
        progress.await();
        try (PrintWriter file = new PrintWriter(args[5]);
            KeyValueIterator<String, long[]> all = streams.store(StoreQueryParameters.fromNameAndType(
                "windows", QueryableStoreTypes.<String, long[]>keyValueStore())).all()) {
            all.forEachRemaining(window -> {
                long[] n = window.value;
                file.printf("%s|%d|%d|%d%n", window.key, n[0], n[1], n[2]);
            });
        }
        streams.close(Duration.ofSeconds(10));
    }
}
