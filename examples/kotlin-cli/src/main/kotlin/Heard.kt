import io.headwater.analytics.Diagnostic
import io.headwater.analytics.DropReport
import io.headwater.analytics.FlushReport
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

private val ABOUT_HOSTS = setOf("redirected", "not_found", "no_endpoint")

/** What the SDK told, added up. */
class Heard {
    private var batches = 0
    private val reports = LinkedHashMap<String, Long>()
    private val told = LinkedHashMap<String, Long>()
    private val refused = mutableListOf<String>()

    @Synchronized
    fun refuse(error: Throwable) {
        System.err.println("refused: $error")
        refused += error.message ?: error.toString()
    }

    @Synchronized
    fun report(report: DropReport) {
        System.err.println(report)
        reports.merge(report.reason, report.count, Long::plus)
    }

    @Synchronized
    fun diagnostic(diagnostic: Diagnostic) {
        if (diagnostic.kind == "batch_delivered") batches++ else System.err.println(diagnostic)
        if (diagnostic.kind in ABOUT_HOSTS) told.merge(diagnostic.kind, 1, Long::plus)
    }

    @Synchronized
    fun answer(last: FlushReport): JsonObject = buildJsonObject {
        val dropped = reports.values.sum()
        val success = dropped + last.pending + refused.size == 0L
        put("success", success)
        put("sentBatches", batches)
        put("pending", last.pending)
        putJsonObject("reports") { reports.forEach { (reason, count) -> put(reason, count) } }
        putJsonObject("told") { told.forEach { (kind, count) -> put(kind, count) } }
        putJsonArray("refused") { refused.forEach { add(it) } }
        if (!success) {
            val waiting = last.waitingFor ?: "nothing"
            put(
                "error",
                "${refused.size} calls refused, $dropped events dropped, ${last.pending} pending (waiting for $waiting)",
            )
        }
    }
}
