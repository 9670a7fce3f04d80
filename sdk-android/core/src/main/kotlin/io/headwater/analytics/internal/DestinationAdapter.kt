package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.BaseEvent
import io.headwater.analytics.DestinationPlugin
import io.headwater.analytics.Plugin
import uniffi.headwater.Destination
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
        plugin.process(parsed) { analytics.get()?.pluginFailed(it) }
    }

    override fun update(settings: String) {
        val type = if (updated) Plugin.UpdateType.Refresh else Plugin.UpdateType.Initial
        updated = true
        val plugin = plugin ?: return
        val known = analytics.get()?.settings() ?: return
        plugin.update(known, type)
        plugin.timeline.all.forEach { it.update(known, type) }
    }

    override fun flush() {
        plugin?.flush()
    }

    override fun reset() {
        plugin?.reset()
    }
}
