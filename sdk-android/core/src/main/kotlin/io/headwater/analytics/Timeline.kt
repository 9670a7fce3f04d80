package io.headwater.analytics

import java.util.concurrent.CopyOnWriteArrayList

/** Plugins in their order. */
internal class Timeline {
    private val plugins = CopyOnWriteArrayList<Plugin>()

    val all: List<Plugin> get() = plugins

    /** Whether a plugin looks at the events of calls. */
    @Volatile
    var seesEvents = false
        private set

    fun add(plugin: Plugin) {
        plugins += plugin
        look()
    }

    fun remove(plugin: Plugin): Boolean = plugins.removeAll { it === plugin }.also { look() }

    private fun look() {
        seesEvents = plugins.any {
            it.type == Plugin.Type.Before || it.type == Plugin.Type.Enrichment || it.type == Plugin.Type.After
        }
    }

    /** The event after all plugins of a type, or who dropped it. */
    class Outcome(val event: BaseEvent?, val droppedBy: Plugin?)

    fun run(type: Plugin.Type, event: BaseEvent, failed: (Throwable) -> Unit): Outcome {
        var current = event
        for (plugin in plugins) {
            if (plugin.type != type) continue
            current = try {
                plugin.execute(current) ?: return Outcome(null, plugin)
            } catch (error: Exception) {
                failed(error)
                current
            }
        }
        return Outcome(current, null)
    }
}
