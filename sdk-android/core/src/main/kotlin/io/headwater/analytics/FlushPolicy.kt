package io.headwater.analytics

/** A reason to send what waits. */
public interface FlushPolicy {
    /** It was added. */
    public fun schedule(analytics: Analytics) {}

    /** It was removed, or the client is shut down. */
    public fun unschedule() {}

    /** Asked after each event. */
    public fun shouldFlush(): Boolean = false

    /** An event was queued. */
    public fun updateState(event: BaseEvent) {}

    /** Sending begins. */
    public fun reset() {}
}

/** Once so many events wait. The engine counts: what waits, not what was called. */
public class CountBasedFlushPolicy @JvmOverloads constructor(public val flushAt: Int = 20) : FlushPolicy

/** So long after the first event that waits, milliseconds. The engine keeps the time. */
public class FrequencyFlushPolicy @JvmOverloads constructor(
    public val flushIntervalInMillis: Long = 30_000,
) : FlushPolicy

/** Once, when the first event of this process is queued. */
public class StartupFlushPolicy : FlushPolicy {
    @Volatile private var flushed = false

    override fun shouldFlush(): Boolean = !flushed

    override fun reset() {
        flushed = true
    }
}
