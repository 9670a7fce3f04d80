package io.headwater.analytics

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.jsonObject
import java.io.File
import java.nio.file.Files
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit

/** A folder of its own. */
fun place(): File = Files.createTempDirectory("headwater-tests").toFile()

/** No network, no traces of the machine that runs the tests. */
fun quiet(configure: Configuration.() -> Unit = {}): Configuration = quiet("key", configure)

fun quiet(key: String, configure: Configuration.() -> Unit): Configuration = Configuration(key).apply {
    apiHost = "http://127.0.0.1:9"
    fetchSettings = false
    durability = Durability.Memory
    migrate = false
    configure()
}

/** Keeps the events that it sees. */
class Recorder(override val type: Plugin.Type = Plugin.Type.After) : Plugin {
    override lateinit var analytics: Analytics
    private val kept = CopyOnWriteArrayList<JsonObject>()
    val events: List<JsonObject> get() = kept
    val names: List<String?> get() = events.map { it["event"].text }

    override fun execute(event: BaseEvent): BaseEvent {
        kept += event.toJson()
        return event
    }
}

/** One that keeps what it queues to itself. */
fun recorded(configure: Configuration.() -> Unit = {}): Pair<Analytics, Recorder> {
    val recorder = Recorder()
    val analytics = Analytics(quiet(configure))
    analytics.setOnline(false)
    analytics.add(recorder)
    return analytics to recorder
}

val JsonElement?.text: String? get() = (this as? JsonPrimitive)?.contentOrNull

operator fun JsonElement?.get(key: String): JsonElement? = (this as? JsonObject)?.get(key)

fun json(text: String): JsonObject = Json.parseToJsonElement(text).jsonObject

fun vectors(path: String, member: String = "cases"): List<JsonObject> {
    var folder: File? = File("").absoluteFile
    while (folder != null && !File(folder, "tests/vectors").isDirectory) folder = folder.parentFile
    return (json(File(folder, "tests/vectors/$path").readText())[member] as JsonArray).map { it.jsonObject }
}

/** Waits until this holds, a minute at most. */
fun until(holds: () -> Boolean) {
    val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60)
    while (!holds()) {
        check(System.nanoTime() < end) { "it did not come to hold" }
        Thread.sleep(5)
    }
}

/** The real collector, on a folder and a port of its own. */
class Collector : AutoCloseable {
    private val binary = checkNotNull(System.getenv("HEADWATER_BIN")) { "set HEADWATER_BIN to the collector" }
    private val data = File(place(), "log")
    private val process = ProcessBuilder(binary, "dev", "--port", "0", "--data", data.path)
        .redirectError(ProcessBuilder.Redirect.DISCARD).start()

    /** Its first line says where it listens. */
    val address: String = process.inputStream.bufferedReader().let { reader ->
        val line = checkNotNull(reader.readLine()) { "the collector did not say where it listens" }
        Thread { reader.forEachLine { } }.apply { isDaemon = true }.start()
        line.split(' ').last()
    }

    /** What it has, in its order. */
    fun events(): List<JsonObject> {
        val export = ProcessBuilder(binary, "export", "--data", data.path)
            .redirectError(ProcessBuilder.Redirect.DISCARD).start()
        val text = export.inputStream.bufferedReader().readText()
        check(export.waitFor() == 0)
        return text.lines().filter { it.isNotEmpty() }.map(::json)
    }

    override fun close() {
        process.destroyForcibly().waitFor()
    }
}
