package io.headwater.analytics.internal

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

    fun append(event: String) {
        val file = file ?: return
        disk.run {
            try {
                val stream = stream ?: FileOutputStream(file, true).also { stream = it }
                stream.write((event + "\n").toByteArray())
            } catch (_: IOException) {
                // Then it waits in memory.
            }
        }
    }

    fun read(): List<String> = disk.run {
        val text = file?.let { runCatching { it.readText() }.getOrNull() } ?: return@run emptyList()
        // The last line may be cut off.
        text.split('\n').filter { it.isNotEmpty() && parse(it) != null }
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
