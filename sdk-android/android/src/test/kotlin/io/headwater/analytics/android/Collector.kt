package io.headwater.analytics.android

import android.app.Application
import io.headwater.analytics.Analytics
import io.headwater.analytics.Configuration
import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.jsonObject
import org.junit.rules.ExternalResource

/** The real collector, on a folder of its own, for one test. */
class Collector : ExternalResource() {
    private val binary = checkNotNull(System.getenv("HEADWATER_BIN")) { "set HEADWATER_BIN to the collector" }
    private lateinit var data: File
    private lateinit var process: Process
    private val made = mutableListOf<Analytics>()
    lateinit var address: String
        private set

    public override fun before() {
        data = Files.createTempDirectory("headwater-android").toFile()
        process = ProcessBuilder(binary, "dev", "--port", "0", "--data", File(data, "log").path)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start()
        // Its first line ends with where it listens.
        address = checkNotNull(process.inputStream.bufferedReader().readLine()) { "the collector said nothing" }
            .substringAfterLast(' ')
    }

    public override fun after() {
        made.forEach { it.shutdown(0) }
        process.destroy()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly()
        data.deleteRecursively()
    }

    /** An `Analytics` that sends here, and only when asked. */
    fun analytics(
        context: Application,
        writeKey: String = "key",
        advertisingId: AdvertisingIdProvider? = null,
        configure: Configuration.() -> Unit = {},
    ): Analytics = Analytics(writeKey, context, advertisingId) {
        apiHost = address
        fetchSettings = false
        flushAt = 500
        flushInterval = 3_600
        configure()
    }.also { made += it }

    /** What it has, in its order, when this has sent all. */
    fun events(analytics: Analytics): List<JsonObject> {
        val report = analytics.flushBlocking()
        check(report.pending == 0L) { report }
        return events()
    }

    fun events(): List<JsonObject> {
        val export = ProcessBuilder(binary, "export", "--data", File(data, "log").path)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start()
        return export.inputStream.bufferedReader().readLines().map { Json.parseToJsonElement(it).jsonObject }
    }
}

/** `event["context.app.name"]`, as text. */
fun JsonObject.at(path: String): String? = (find(path) as? JsonPrimitive)?.contentOrNull

fun JsonObject.find(path: String): JsonElement? =
    path.split('.').fold(this as JsonElement?) { part, key -> (part as? JsonObject)?.get(key) }

/** `Application Opened{from_background=false}`: what was tracked, and its properties in the order of their names. */
fun JsonObject.told(): String {
    val properties = (this["properties"] as? JsonObject).orEmpty().toSortedMap()
        .map { (key, value) -> key + "=" + (value as JsonPrimitive).content }
    return (at("event") ?: (at("type") + " " + at("name"))) + properties.joinToString(",", "{", "}")
}
