package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.BaseEvent
import io.headwater.analytics.DestinationPlugin
import io.headwater.analytics.Plugin
import io.headwater.analytics.fullName
import uniffi.headwater.Destination
import uniffi.headwater.ForeignException
import java.lang.ref.WeakReference

/** A destination plugin as the native client knows destinations. */
internal class DestinationAdapter(
    plugin: DestinationPlugin,
    analytics: Analytics,
    val needsSettings: Boolean,
) : Destination {
    private val analytics = WeakReference(analytics)
    private var updated = false

    /** `null` once it was removed. */
    @Volatile
    var plugin: DestinationPlugin? = plugin
        private set

    fun detach() {
        plugin = null
    }

    override fun deliver(event: String) {
        val plugin = plugin ?: return
        val parsed = parse(event)?.let(BaseEvent::fromJson) ?: return
        val failed = told { plugin.process(parsed) { analytics.get()?.pluginFailed(it) } } ?: return
        throw ForeignException.Guard("${failed.plugin.fullName}: ${failed.error.javaClass.name}")
    }

    /** What the app's code throws is told to it, and to the client as an exception that it knows: others end nowhere. */
    private inline fun <T> told(act: () -> T): T = try {
        act()
    } catch (error: Throwable) {
        analytics.get()?.pluginFailed(error)
        throw ForeignException.Failed(error.toString())
    }

    override fun update(settings: String) {
        val type = if (updated) Plugin.UpdateType.Refresh else Plugin.UpdateType.Initial
        updated = true
        val plugin = plugin ?: return
        val known = analytics.get()?.settings() ?: return
        told { plugin.update(known, type) }
        plugin.timeline.all.forEach { told { it.update(known, type) } }
    }

    override fun flush() {
        told { plugin?.flush() }
    }

    override fun reset() {
        told { plugin?.reset() }
    }
}
