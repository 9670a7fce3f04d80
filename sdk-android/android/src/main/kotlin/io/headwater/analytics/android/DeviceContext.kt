package io.headwater.analytics.android

import android.annotation.SuppressLint
import android.content.Context
import android.os.Build
import android.provider.Settings
import java.util.Locale
import java.util.TimeZone
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** What the device says of itself in each event's `context`, with the fields that analytics-kotlin has. */
internal class DeviceContext(
    private val context: Context,
    private val app: App,
    private val collectDeviceId: Boolean,
    private val advertisingId: AdvertisingIdProvider?,
) {
    /** Asked once, then kept: it may take long. */
    private val advertising: AdvertisingId? by lazy { runCatching { advertisingId?.advertisingId() }.getOrNull() }

    /** [anonymousId] stands in for the device's id where that is not collected. */
    fun json(anonymousId: String?): JsonObject = buildJsonObject {
        putJsonObject("app") {
            known("name", app.name)
            known("version", app.version)
            put("namespace", app.namespace)
            known("build", app.build)
        }
        putJsonObject("device") {
            known("id", if (collectDeviceId) androidId() ?: anonymousId else anonymousId)
            known("manufacturer", Build.MANUFACTURER)
            known("model", Build.MODEL)
            known("name", Build.DEVICE)
            put("type", "android")
            advertising?.let {
                put("adTrackingEnabled", it.trackingEnabled)
                if (it.trackingEnabled) known("advertisingId", it.id)
            }
        }
        putJsonObject("os") {
            put("name", "Android")
            known("version", Build.VERSION.RELEASE)
        }
        val display = context.resources.displayMetrics
        putJsonObject("screen") {
            put("density", display.density)
            put("height", display.heightPixels)
            put("width", display.widthPixels)
        }
        val locale = Locale.getDefault()
        put("locale", if (locale.country.isEmpty()) locale.language else locale.language + "-" + locale.country)
        put("timezone", TimeZone.getDefault().id)
        known("userAgent", System.getProperty("http.agent"))
    }

    // Per app, user and device since Android 8; needs no permission. Widevine's id, which analytics-kotlin takes, has
    // blocked apps for seconds.
    @SuppressLint("HardwareIds")
    private fun androidId(): String? =
        runCatching { Settings.Secure.getString(context.contentResolver, Settings.Secure.ANDROID_ID) }
            .getOrNull()?.ifEmpty { null }

    private fun JsonObjectBuilder.known(key: String, value: String?) {
        if (!value.isNullOrEmpty()) put(key, value)
    }
}
