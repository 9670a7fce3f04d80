package io.headwater.analytics.internal

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File
import java.io.FileOutputStream
import java.io.IOException

/**
 * Events that wait for a plugin, on the disk, one a line. After a crash between their way into the queue and the clearing here
 * they come again with the same `messageId`, which the hub takes once.
 */
internal class Journal(folder: File?, private val disk: Disk) {
    private val file = folder?.let { File(it, "waiting.json") }
    private var stream: FileOutputStream? = null

    fun append(event: String, guards: List<String>) {
        val file = file ?: return
        disk.run {
            try {
                val stream = stream ?: FileOutputStream(file, true).also { stream = it }
                // The names before the event: a line that was cut off is no JSON.
                val names = JsonArray(guards.map(::JsonPrimitive))
                stream.write("{\"guards\":$names,\"event\":$event}\n".toByteArray())
            } catch (_: IOException) {
                // Then it waits in memory.
            }
        }
    }

    /** Each with the names of the plugins that it must pass. */
    fun read(): List<Pair<String, List<String>>> = disk.run {
        val text = file?.let { runCatching { it.readText() }.getOrNull() } ?: return@run emptyList()
        // The last line may be cut off.
        text.split('\n').mapNotNull { line ->
            val record = line.ifEmpty { null }?.let(::parse) ?: return@mapNotNull null
            val guards = (record["guards"] as? JsonArray).orEmpty().mapNotNull { (it as? JsonPrimitive)?.content }
            val event = record["event"] as? JsonObject
            // Of a version that kept the event alone.
            if (event == null) line to guards else json(event) to guards
        }
    }

    fun clear() {
        val file = file ?: return
        disk.run {
            runCatching { stream?.close() }
            stream = null
            file.delete()
        }
    }
}
