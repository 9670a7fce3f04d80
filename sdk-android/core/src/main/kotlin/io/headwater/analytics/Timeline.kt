package io.headwater.analytics

import io.headwater.analytics.internal.CopyOnWrite

/** Plugins in their order. */
internal class Timeline {
    private val plugins = CopyOnWrite<Plugin>()

    val all: List<Plugin> get() = plugins.all

    /** Whether a plugin looks at the events of calls. */
    @Volatile
    var seesEvents = false
        private set

    /** The names of the plugins that every event must pass. */
    val guards: List<String> get() = plugins.all.filter { it.guards }.map { it.fullName }

    fun add(plugin: Plugin) {
        synchronized(this) {
            plugins.add(plugin)
            look()
        }
    }

    fun remove(plugin: Plugin): Boolean = synchronized(this) {
        plugins.remove { it === plugin }.isNotEmpty().also { look() }
    }

    private fun look() {
        seesEvents = runCatching { plugins.all.any { it.type in SEEING } }.getOrDefault(true)
    }

    /** What plugins of a type make of an event. */
    sealed interface Outcome {
        class Passed(val event: BaseEvent) : Outcome

        class Dropped(val by: Plugin) : Outcome

        /** A plugin failed that no event may go without. */
        class Failed(val plugin: Plugin, val error: Throwable) : Outcome
    }

    fun run(type: Plugin.Type, event: BaseEvent, failed: (Throwable) -> Unit): Outcome {
        var current = event
        for (plugin in plugins.all) {
            current = try {
                if (plugin.type != type) continue
                plugin.execute(current) ?: return Outcome.Dropped(plugin)
            } catch (error: Throwable) {
                failed(error)
                if (plugin.guards) return Outcome.Failed(plugin, error)
                current
            }
        }
        return Outcome.Passed(current)
    }

    /** Both types before the queue, in their order. */
    fun run(event: BaseEvent, failed: (Throwable) -> Unit): Outcome {
        val first = run(Plugin.Type.Before, event, failed)
        return if (first is Outcome.Passed) run(Plugin.Type.Enrichment, first.event, failed) else first
    }

    private companion object {
        val SEEING = setOf(Plugin.Type.Before, Plugin.Type.Enrichment, Plugin.Type.After)
    }
}

/** Whether a failure of this plugin stops the event. */
private val Plugin.guards: Boolean
    get() = runCatching { (type == Plugin.Type.Before || type == Plugin.Type.Enrichment) && required }.getOrDefault(true)

/** By which another run of the app finds it again. */
internal val Plugin.fullName: String get() = javaClass.name
