package io.headwater.analytics.android

import io.headwater.analytics.Configuration
import io.headwater.analytics.TrackEvent
import io.headwater.analytics.platform.AppSignals
import io.headwater.analytics.platform.AppState
import io.headwater.analytics.platform.HeadwaterPlatform
import java.util.concurrent.Executor
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.put

/** The app's own events, with the names and properties that analytics-kotlin gives them. */
@OptIn(HeadwaterPlatform::class)
internal class AppEvents(
    private val signals: AppSignals,
    private val configuration: Configuration,
    private val disk: Executor,
    private val installed: (AppSignals) -> Installed?,
) : LifecycleListener {
    /** A version of the app. */
    data class Version(val name: String?, val build: String)

    /** The version that runs, and the one that ran last; `null`: none did. */
    class Installed(val now: Version, val before: Version?)

    private val analytics = signals.analytics

    /** `null` until launched, and in processes beside the main one. */
    private var app: Version? = null

    override fun launched() {
        val at = signals.now()
        signals.inOrder { launched(at) }
    }

    private fun launched(at: String) {
        val installed = installed(signals) ?: return
        app = installed.now
        if (installed.before == installed.now) return
        if (configuration.trackApplicationLifecycleEvents) {
            if (installed.before == null) {
                track("Application Installed", version(installed.now), at)
            } else if (installed.before.build != installed.now.build) {
                val before = version(installed.before).mapKeys { "previous_" + it.key }
                track("Application Updated", JsonObject(version(installed.now) + before), at)
            }
        }
        disk.execute { signals.remember(APP, version(installed.now)) }
    }

    private fun track(name: String, properties: JsonObject, at: String) =
        analytics.process(TrackEvent(name, properties).also { it.timestamp = at })

    override fun opened(fromBackground: Boolean, link: Link?) {
        signals.lifecycle(AppState.Foreground)
        if (!configuration.trackApplicationLifecycleEvents) return
        val at = signals.now()
        signals.inOrder {
            val properties = buildJsonObject {
                put("from_background", fromBackground)
                if (!fromBackground) app?.let { for ((key, value) in version(it)) put(key, value) }
                link?.referrer?.let { put("referring_application", it) }
                link?.let { put("url", it.url) }
            }
            track("Application Opened", properties, at)
        }
    }

    override fun backgrounded() {
        if (configuration.trackApplicationLifecycleEvents) analytics.track("Application Backgrounded")
        // What waits is sent.
        signals.lifecycle(AppState.Background)
    }

    override fun deepLink(link: Link) {
        if (configuration.trackDeepLinks) analytics.openUrl(link.url, link.referrer)
    }

    override fun screen(name: String) {
        if (configuration.trackActivities) analytics.screen(name)
    }

    companion object {
        /** Under which name the app's version is remembered. */
        const val APP = "app"

        fun known(signals: AppSignals): Version? {
            val known = signals.recall(APP) as? JsonObject ?: return null
            fun text(key: String) = (known[key] as? JsonPrimitive)?.contentOrNull
            return Version(text("version"), text("build") ?: return null)
        }

        private fun version(version: Version) = buildJsonObject {
            version.name?.let { put("version", it) }
            put("build", version.build)
        }
    }
}
