import io.headwater.analytics.Analytics
import io.headwater.analytics.Configuration
import io.headwater.analytics.ConsentConfiguration
import io.headwater.analytics.Durability
import io.headwater.analytics.Mode
import io.headwater.analytics.NonConformingNumbers
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.doubleOrNull
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.longOrNull
import java.io.File
import java.nio.file.Files

private fun JsonObject.part(key: String): JsonObject = this[key] as? JsonObject ?: JsonObject(emptyMap())
private fun JsonObject.list(key: String): List<JsonElement> = this[key] as? JsonArray ?: emptyList()
private fun JsonObject.value(key: String): JsonPrimitive? = this[key] as? JsonPrimitive
private fun JsonObject.text(key: String): String? = value(key)?.takeIf { it.isString }?.content
private fun JsonObject.int(key: String): Int? = value(key)?.intOrNull
private fun JsonObject.long(key: String): Long? = value(key)?.longOrNull ?: value(key)?.doubleOrNull?.toLong()
private fun JsonObject.flag(key: String): Boolean? = value(key)?.booleanOrNull

/** One run by the contract: makes the calls, waits until all is out, says what became of it. */
class Drive(private val input: JsonObject) {
    private val ours = input.part("headwater")
    private val heard = Heard()

    fun run(): JsonObject {
        val analytics = Analytics(configuration())
        if (ours.flag("awaitSettings") == true) {
            val until = System.nanoTime() + 15_000_000_000
            while (analytics.settings() == null && System.nanoTime() < until) Thread.sleep(5)
        }
        val crashAfter = ours.int("crashAfter")
        var calls = 0
        for (sequence in input.list("sequences").filterIsInstance<JsonObject>()) {
            Thread.sleep(sequence.long("delayMs") ?: 0)
            (sequence["consent"] as? JsonObject)?.let { decision ->
                analytics.setConsent(decision.mapValues { (it.value as? JsonPrimitive)?.booleanOrNull == true })
            }
            for (event in sequence.list("events").filterIsInstance<JsonObject>()) {
                analytics.process(event)
                if (++calls == crashAfter) kill()
            }
            if (sequence.flag("flush") == true) analytics.flushBlocking()
        }
        val seconds = input.part("config").value("timeout")?.doubleOrNull ?: 10.0
        return heard.answer(analytics.shutdown((seconds * 1000).toLong()))
    }

    /** At once, as the system would. */
    private fun kill() {
        ProcessBuilder("kill", "-9", ProcessHandle.current().pid().toString()).start()
        while (true) Thread.sleep(1000)
    }

    private fun configuration(): Configuration {
        val configuration = Configuration(requireNotNull(input.text("writeKey")) { "the input names no writeKey" })
        val config = input.part("config")
        configuration.apiHost = input.text("apiHost")
        configuration.cdnHost = input.text("cdnHost")
        configuration.fetchSettings = input.text("cdnHost") != null
        configuration.followApiHost = ours.flag("followApiHost") ?: false
        configuration.automaticContext = false
        configuration.migrate = false
        configuration.mode = if (ours.text("mode") == "device") Mode.Device else Mode.Server
        configuration.nonConformingNumbers = NonConformingNumbers.Fail
        configuration.flushAt = config.int("flushAt")
        configuration.flushIntervalInMillis = config.long("flushInterval")
        configuration.flushBytes = ours.long("flushBytes")
        configuration.maxBatchEvents = ours.int("maxBatchEvents")
        configuration.gzip = ours.flag("gzip")
        configuration.basicAuth = ours.flag("basicAuth")
        configuration.requestTimeout = ours.long("requestTimeoutMs")
        configuration.retry.base = ours.long("backoffMs")
        configuration.retry.longest = ours.long("maxBackoffMs")
        configuration.retry.maxRetries = config.int("maxRetries")
        configuration.retry.maxRateLimited = ours.int("maxRateLimited")
        configuration.retry.maxTotal = ours.long("maxTotalMs")
        configuration.maxEvents = ours.long("quotaEvents")
        configuration.consent = (ours["consent"] as? JsonObject)?.let(::consent)
        configuration.durability = when (ours.text("durability")) {
            "memory" -> Durability.Memory
            "sync" -> Durability.Sync
            else -> Durability.Buffered
        }
        configuration.storageDirectory = ours.text("directory")?.let(::File)
            ?: Files.createTempDirectory("headwater-kotlin").toFile()
        configuration.onError { heard.refuse(it) }
        configuration.onReport { heard.report(it) }
        configuration.onDiagnostic { heard.diagnostic(it) }
        return configuration
    }

    private fun consent(given: JsonObject) = ConsentConfiguration(
        if (given.text("model") == "opt-out") ConsentConfiguration.Model.OptOut else ConsentConfiguration.Model.OptIn,
        given.list("categories").mapNotNull { (it as? JsonPrimitive)?.content },
        if (given.text("hold") == "memory") ConsentConfiguration.Hold.Memory else ConsentConfiguration.Hold.Persist,
    )
}
