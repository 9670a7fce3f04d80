import java.io.File
import java.net.HttpURLConnection
import java.net.URL
import java.util.Properties
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import com.segment.analytics.kotlin.core.Analytics as SegmentAnalytics
import com.segment.analytics.kotlin.core.RequestFactory
import com.segment.analytics.kotlin.core.Telemetry
import io.headwater.analytics.Analytics
import io.headwater.analytics.Durability

/** A library under measurement. */
interface Contender : AutoCloseable {
    fun track(name: String, properties: JsonObject)

    fun flush()
}

/** What both are given: five properties, one of them the event's own. */
fun properties(id: String): JsonObject = buildJsonObject {
    put("bench_id", id)
    put("order_id", "50314b8e")
    put("total", 27.5)
    put("quantity", 3)
    put("member", true)
}

fun contender(name: String, folder: File, port: Int): Contender = when (name) {
    "headwater" -> Headwater(folder, port, Durability.Buffered)
    "headwater-sync" -> Headwater(folder, port, Durability.Sync)
    "analytics-kotlin" -> Segment(folder, port)
    else -> error("no such contender: $name")
}

private class Headwater(folder: File, port: Int, durability: Durability) : Contender {
    private val analytics = Analytics("bench") {
        apiHost = "http://127.0.0.1:$port/v1"
        storageDirectory = folder
        this.durability = durability
    }

    override fun track(name: String, properties: JsonObject) = analytics.track(name, properties)

    override fun flush() {
        analytics.flush()
    }

    override fun close() {
        analytics.shutdown()
    }
}

/** As it comes, but for `http` instead of `https`, and for its metrics, which would go to Segment. */
private class Segment(folder: File, port: Int) : Contender {
    // One name a folder: on the JVM its storage is named by the write key alone.
    private val key = "headwater-bench-${Integer.toHexString(folder.path.hashCode())}"
    private val analytics: SegmentAnalytics

    init {
        Telemetry.enable = false
        analytics = SegmentAnalytics(key) {
            // Anything: without one it fails.
            application = this@Segment
            apiHost = "127.0.0.1:$port/v1"
            cdnHost = "127.0.0.1:$port/v1"
            requestFactory = Plain()
        }
    }

    override fun track(name: String, properties: JsonObject) = analytics.track(name, properties)

    override fun flush() = analytics.flush()

    override fun close() = analytics.shutdown()

    private class Plain : RequestFactory() {
        override fun openConnection(url: String): HttpURLConnection =
            super.openConnection(url.replaceFirst("https://", "http://"))
    }
}
