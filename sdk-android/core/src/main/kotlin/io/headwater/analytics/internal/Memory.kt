package io.headwater.analytics.internal

import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import java.io.File
import java.io.IOException

/** The few things that the SDK itself remembers, in `app.json` beside the queue; in memory where there is no folder. */
internal class Memory(folder: File?, private val disk: Disk) {
    private val file = folder?.let { File(it, "app.json") }
    private var state: JsonObject? = null

    operator fun get(key: String): JsonElement? = synchronized(this) { loaded()[key] }

    operator fun set(key: String, value: JsonElement?) {
        synchronized(this) {
            val known = loaded()
            if (known[key] == value) return
            val changed = JsonObject(if (value == null) known - key else known + (key to value))
            state = changed
            if (file != null) disk.run { replace(file, changed.toString()) }
        }
    }

    private fun loaded(): JsonObject = state ?: run {
        val read = file?.let { disk.run { runCatching { it.readText() }.getOrNull() } }
        (read?.let(::parse) ?: JsonObject(emptyMap())).also { state = it }
    }

    private fun replace(file: File, text: String) {
        try {
            val next = File(file.path + ".new")
            next.writeText(text)
            if (!next.renameTo(file)) file.writeText(text)
        } catch (_: IOException) {
            // It is known until the process ends, and asked again then.
        }
    }
}

/** Short file work, as the platform wants it run. */
internal interface Disk {
    fun <T> run(work: () -> T): T
}
