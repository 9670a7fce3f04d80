package io.headwater.analytics.android

import android.Manifest
import android.app.Activity
import android.app.Application
import android.content.Context
import android.content.ContextWrapper
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.Build
import android.provider.Settings
import io.headwater.analytics.Analytics
import java.io.File
import java.util.Locale
import java.util.TimeZone
import kotlinx.serialization.json.JsonObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowApplication
import org.robolectric.shadows.ShadowNetworkCapabilities

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE)
class ContextTest {
    @get:Rule
    val collector = Collector()
    private val app: Application = RuntimeEnvironment.getApplication()
    private val connectivity = app.getSystemService(Context.CONNECTIVITY_SERVICE) as ConnectivityManager

    private fun first(analytics: Analytics): JsonObject {
        analytics.track("Seen")
        return collector.events(analytics).last()
    }

    @Test
    fun an_event_says_what_analytics_kotlin_says_of_the_device() {
        val event = first(collector.analytics(app))
        val context = event["context"] as JsonObject
        assertEquals("headwater-android", event.at("context.library.name"))
        assertEquals(setOf("name", "namespace", "build"), (context["app"] as JsonObject).keys - "version")
        assertEquals(app.packageName, event.at("context.app.namespace"))
        assertEquals(setOf("id", "manufacturer", "model", "name", "type"), (context["device"] as JsonObject).keys)
        assertEquals(event.at("anonymousId"), event.at("context.device.id"))
        assertEquals("android", event.at("context.device.type"))
        assertEquals("Android", event.at("context.os.name"))
        assertEquals(Build.VERSION.RELEASE, event.at("context.os.version"))
        assertEquals(setOf("density", "height", "width"), (context["screen"] as JsonObject).keys)
        assertEquals(Locale.getDefault().run { "$language-$country" }, event.at("context.locale"))
        assertEquals(TimeZone.getDefault().id, event.at("context.timezone"))
        assertTrue("instanceId" in context)
    }

    @Test
    fun the_hardware_id_is_told_only_where_it_is_asked_for() {
        Settings.Secure.putString(app.contentResolver, Settings.Secure.ANDROID_ID, "a1b2")
        assertEquals("a1b2", first(collector.analytics(app) { collectDeviceId = true }).at("context.device.id"))
        assertNotEquals("a1b2", first(collector.analytics(app, "other")).at("context.device.id"))
    }

    @Test
    fun the_advertising_id_is_told_where_the_app_gives_it_and_the_user_lets_it() {
        val given = first(collector.analytics(app, advertisingId = { AdvertisingId("ad-1", true) }))
        assertEquals("ad-1" to "true", given.at("context.device.advertisingId") to given.at("context.device.adTrackingEnabled"))
        val denied = first(collector.analytics(app, "other", { AdvertisingId("ad-1", false) }))
        assertNull(denied.at("context.device.advertisingId"))
        assertNull(first(collector.analytics(app, "third")).at("context.device.adTrackingEnabled"))
    }

    @Test
    fun the_network_is_told_as_it_comes_and_goes() {
        val network = connectivity.activeNetwork
        val wifi = ShadowNetworkCapabilities.newInstance()
        shadowOf(wifi).addTransportType(NetworkCapabilities.TRANSPORT_WIFI)
        shadowOf(wifi).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        shadowOf(connectivity).setNetworkCapabilities(network, wifi)
        val analytics = collector.analytics(app)
        val event = first(analytics)
        assertEquals(setOf("wifi", "bluetooth", "cellular"), (event.find("context.network") as JsonObject).keys)
        assertEquals("true" to "false", event.at("context.network.wifi") to event.at("context.network.cellular"))

        val cellular = ShadowNetworkCapabilities.newInstance()
        shadowOf(cellular).addTransportType(NetworkCapabilities.TRANSPORT_CELLULAR)
        shadowOf(cellular).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        for (callback in shadowOf(connectivity).networkCallbacks) callback.onCapabilitiesChanged(network!!, cellular)
        val next = first(analytics)
        assertEquals("false" to "true", next.at("context.network.wifi") to next.at("context.network.cellular"))

        // Offline: nothing is tried until the network is back.
        for (callback in shadowOf(connectivity).networkCallbacks) callback.onLost(network!!)
        analytics.track("Offline")
        assertEquals(1L, analytics.flushBlocking().pending)
        for (callback in shadowOf(connectivity).networkCallbacks) callback.onCapabilitiesChanged(network!!, cellular)
        assertEquals("Offline", collector.events(analytics).last().at("event"))
    }

    @Test
    fun without_the_permission_nothing_is_known_and_events_arrive() {
        val manager = object : ContextWrapper(app) {
            override fun getApplicationContext(): Context = this
            override fun getSystemService(name: String): Any? {
                if (name == Context.CONNECTIVITY_SERVICE) throw SecurityException(Manifest.permission.ACCESS_NETWORK_STATE)
                return super.getSystemService(name)
            }
        }
        val analytics = Analytics("key", manager) {
            apiHost = collector.address
            fetchSettings = false
        }
        val event = first(analytics)
        analytics.shutdown()
        assertNull(event.find("context.network"))
    }

    @Test
    fun after_a_reset_the_device_has_the_new_anonymous_id() {
        val analytics = collector.analytics(app)
        val before = first(analytics)
        analytics.reset()
        val end = System.nanoTime() + 60_000_000_000
        var after = first(analytics)
        while (after.at("context.device.id") == before.at("context.device.id") && System.nanoTime() < end) {
            after = first(analytics)
        }
        assertNotEquals(before.at("anonymousId"), after.at("anonymousId"))
        assertEquals(after.at("anonymousId"), after.at("context.device.id"))
    }

    @Test
    fun a_source_lies_in_the_folder_that_no_backup_takes() {
        val analytics = collector.analytics(app)
        first(analytics)
        assertTrue(File(app.noBackupFilesDir, "headwater/key/queue").isDirectory)
        assertFalse(File(app.filesDir, "headwater").exists())
    }

    @Test
    fun a_second_process_has_a_queue_of_its_own_and_does_not_tell_of_the_app() {
        val main = collector.analytics(app)
        val fromMain = first(main)
        ShadowApplication.setProcessName(app.packageName + ":sync")
        val problems = mutableListOf<Throwable>()
        val second = collector.analytics(app) { onError { problems += it } }
        Robolectric.buildActivity(Activity::class.java).create().start()
        val fromSecond = first(second)
        assertEquals(emptyList<Throwable>(), problems)
        assertTrue(File(app.noBackupFilesDir, "headwater@_sync/key/queue").isDirectory)
        assertNotEquals(fromMain.at("anonymousId"), fromSecond.at("anonymousId"))
        assertEquals(
            1,
            collector.events(main).count { it.at("event") == "Application Installed" },
        )
    }
}
