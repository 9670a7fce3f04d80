package io.headwater.analytics.android

import android.content.Context
import io.headwater.analytics.Analytics
import io.headwater.analytics.Configuration
import io.headwater.analytics.Configure
import io.headwater.analytics.platform.HeadwaterPlatform

/**
 * One source's client in an app.
 *
 * ```kotlin
 * val analytics = Analytics("write key", applicationContext) {
 *     apiHost = "hub.example"
 *     trackActivities = true
 * }
 * ```
 * Make it once, in `Application.onCreate`, and keep it. Answers at once, on the main thread, too: the storage is opened on
 * another thread, and calls made meanwhile keep their order and time. What asks for an answer, such as
 * [Analytics.anonymousId], waits for the storage.
 *
 * Each process of an app has a queue and an anonymousId of its own; only the main one tells of the app being installed,
 * updated and opened.
 *
 * @param advertisingId where `context.device.advertisingId` comes from; without it there is none
 */
@Suppress("FunctionName")
@OptIn(HeadwaterPlatform::class)
public fun Analytics(
    writeKey: String,
    context: Context,
    advertisingId: AdvertisingIdProvider? = null,
    configure: Configuration.() -> Unit = {},
): Analytics {
    val configuration = Configuration(writeKey).apply(configure)
    return Analytics.on(configuration, AndroidHost(context, configuration, advertisingId))
}

/** For Java: `AndroidAnalytics.create("key", context, configuration -> configuration.setFlushAt(10))`. */
public object AndroidAnalytics {
    @JvmStatic
    @JvmOverloads
    public fun create(
        writeKey: String,
        context: Context,
        configure: Configure = Configure {},
        advertisingId: AdvertisingIdProvider? = null,
    ): Analytics = Analytics(writeKey, context, advertisingId) { configure.configure(this) }
}
