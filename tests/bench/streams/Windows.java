import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams at the same work: promoters, passives and detractors by survey, channel, touchpoint and minute,
 * exactly once. Arguments: bootstrap, topic, events, threads, folder of its state.
 */
public final class Windows {
    public static final class Data {
        public String survey = "";
        public int score;
        public String channel = "";
        public String touchpoint = "";
        public long revision;
    }

    public static final class Event {
        public String id;
        public String type;
        public String time;
        public Data data;
    }

    private static final ObjectReader READER = new ObjectMapper()
        .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false)
        .readerFor(Event.class);

    static Event read(String topic, byte[] raw) {
        try {
            return READER.readValue(raw);
        } catch (java.io.IOException error) {
            throw new IllegalArgumentException(error);
        }
    }

    static byte[] pack(String topic, long[] counts) {
        if (counts == null) {
            return null;
        }
        ByteBuffer packed = ByteBuffer.allocate(24);
        packed.asLongBuffer().put(counts);
        return packed.array();
    }

    static long[] unpack(String topic, byte[] raw) {
        if (raw == null) {
            return null;
        }
        long[] counts = new long[3];
        ByteBuffer.wrap(raw).asLongBuffer().get(counts);
        return counts;
    }

    static int kind(int score) {
        return score >= 9 ? 0 : score >= 7 ? 1 : 2;
    }

    static <T> Serde<T> serde(Serializer<T> pack, Deserializer<T> unpack) {
        return Serdes.serdeFrom(pack, unpack);
    }

    /** Counts events and prints events a second, and the microseconds of CPU of an event of the second half. */
    static final class Progress {
        private final long events;
        private final AtomicLong first = new AtomicLong();
        private final AtomicLong seen = new AtomicLong();
        private final CountDownLatch done = new CountDownLatch(1);
        private volatile long half;
        private volatile long cpuAtHalf;

        Progress(long events) {
            this.events = events;
        }

        void began() {
            if (first.get() == 0) {
                first.compareAndSet(0, System.nanoTime());
            }
        }

        void counted() {
            long n = seen.incrementAndGet();
            if (n == events / 2) {
                half = System.nanoTime();
                cpuAtHalf = cpu();
            } else if (n == events) {
                done.countDown();
            }
        }

        private static long cpu() {
            return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
        }

        void await() throws InterruptedException {
            done.await();
            long end = System.nanoTime();
            long rest = events - events / 2;
            System.out.printf("{\"events_s\": %.0f, \"second_half\": %.0f, \"cpu\": %.2f}%n",
                events * 1e9 / (end - first.get()), rest * 1e9 / (end - half), (cpu() - cpuAtHalf) / 1e3 / rest);
        }
    }

    static KafkaStreams start(String[] args, Topology topology) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + System.nanoTime());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[3]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
        settings.put("auto.offset.reset", "earliest");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.start();
        return streams;
    }

    public static void main(String[] args) throws Exception {
        Progress progress = new Progress(Long.parseLong(args[2]));
        Serde<Event> answers = serde((name, event) -> null, Windows::read);
        Serde<long[]> counts = serde(Windows::pack, Windows::unpack);
        StreamsBuilder builder = new StreamsBuilder();
        builder
            .stream(args[1], Consumed.with(Serdes.ByteArray(), answers).withTimestampExtractor((record, highest) -> {
                progress.began();
                return Instant.parse(((Event) record.value()).time).toEpochMilli();
            }))
            .map((key, event) -> new KeyValue<>(
                event.data.survey + '|' + event.data.channel + '|' + event.data.touchpoint, event.data.score))
            .groupByKey(Grouped.with(Serdes.String(), Serdes.Integer()))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofDays(1)))
            .aggregate(() -> new long[3], (key, score, have) -> {
                have[kind(score)]++;
                progress.counted();
                return have;
            }, Materialized.<String, long[], WindowStore<Bytes, byte[]>>as("windows").withValueSerde(counts)
                .withRetention(Duration.ofDays(2)));
        KafkaStreams streams = start(args, builder.build());
        progress.await();
        streams.close(Duration.ofSeconds(10));
    }
}
