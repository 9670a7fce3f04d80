package io.headwater.analytics.android

import android.app.Activity
import android.app.Application
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import io.headwater.analytics.Analytics
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE)
class LifecycleTest {
    @get:Rule
    val collector = Collector()
    private val app: Application = RuntimeEnvironment.getApplication()

    @Before
    fun install() = version("1.0", 7)

    private fun version(name: String, build: Int) {
        val info = shadowOf(app.packageManager).getInternalMutablePackageInfo(app.packageName)
        info.versionName = name
        info.longVersionCode = build.toLong()
    }

    private fun activity(intent: Intent = Intent(Intent.ACTION_MAIN)) =
        Robolectric.buildActivity(Activity::class.java, intent)

    private fun ActivityController<*>.show() = create().start().resume()
    private fun ActivityController<*>.hide() = pause().stop()

    @Test
    fun an_app_is_installed_opened_backgrounded_and_opened_again() {
        val analytics = collector.analytics(app)
        val first = activity().apply { show() }
        first.hide()
        first.restart().start().resume()
        assertEquals(
            listOf(
                "Application Installed{build=7,version=1.0}",
                "Application Opened{build=7,from_background=false,version=1.0}",
                "Application Backgrounded{}",
                "Application Opened{from_background=true}",
            ),
            collector.events(analytics).map { it.told() },
        )
    }

    @Test
    fun an_update_is_told_once_with_the_version_before() {
        val old = collector.analytics(app)
        activity().show()
        collector.events(old)
        old.shutdown()
        version("1.1", 8)
        for (start in 1..2) {
            val analytics = collector.analytics(app)
            activity().show()
            collector.events(analytics)
            analytics.shutdown()
        }
        assertEquals(
            listOf(
                "Application Updated{build=8,previous_build=7,previous_version=1.0,version=1.1}",
                "Application Opened{build=8,from_background=false,version=1.1}",
                "Application Opened{build=8,from_background=false,version=1.1}",
            ),
            collector.events().map { it.told() }.drop(2),
        )
    }

    @Test
    fun another_activity_of_the_app_is_no_opening() {
        val analytics = collector.analytics(app)
        val first = activity().apply { show() }
        val second = activity().apply { show() }
        first.hide()
        second.hide()
        assertEquals(
            listOf("Application Installed", "Application Opened", "Application Backgrounded"),
            collector.events(analytics).map { it.at("event") },
        )
    }

    @Test
    fun turning_the_device_is_no_opening_and_no_second_deep_link() {
        val analytics = collector.analytics(app) { trackActivities = true }
        val turned = activity(Intent(Intent.ACTION_VIEW, Uri.parse("shop://sale?ref=mail"))).apply { show() }
        turned.recreate()
        assertEquals(
            listOf("Application Installed", "Deep Link Opened", "Application Opened", "screen"),
            collector.events(analytics).map { it.at("event") ?: it.at("type") },
        )
    }

    @Test
    fun an_address_that_opens_the_app_is_told_with_its_query_and_who_sent_it() {
        val analytics = collector.analytics(app)
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse("shop://sale?ref=mail&empty="))
            .putExtra(Intent.EXTRA_REFERRER, Uri.parse("android-app://com.mail"))
        activity(intent).show()
        val told = collector.events(analytics).drop(1).map { it.told() }
        assertEquals(2, told.size)
        assertEquals(
            "Deep Link Opened{ref=mail,referrer=android-app://com.mail,referring_application=android-app://com.mail," +
                "url=shop://sale?ref=mail&empty=}",
            told[0],
        )
        assertEquals(
            "Application Opened{build=7,from_background=false,referring_application=android-app://com.mail," +
                "url=shop://sale?ref=mail&empty=,version=1.0}",
            told[1],
        )
    }

    @Test
    fun activities_are_screens_where_that_is_asked_for() {
        val analytics = collector.analytics(app) {
            trackActivities = true
            trackApplicationLifecycleEvents = false
        }
        val shop = activity().create()
        shop.get().title = "Shop"
        shop.start().resume()
        assertEquals(listOf("screen Shop{}"), collector.events(analytics).map { it.told() })
    }

    @Test
    fun what_is_turned_off_is_not_told() {
        val analytics = collector.analytics(app) {
            trackApplicationLifecycleEvents = false
            trackDeepLinks = false
        }
        activity(Intent(Intent.ACTION_VIEW, Uri.parse("shop://sale"))).apply { show() }.hide()
        analytics.track("Alone")
        assertEquals(listOf("Alone"), collector.events(analytics).map { it.at("event") })
    }

    @Test
    fun made_in_the_first_activity_it_still_tells_of_the_opening() {
        lateinit var analytics: Analytics
        Made.onCreate = { analytics = collector.analytics(app) }
        Robolectric.buildActivity(Made::class.java).create().start().resume()
        assertEquals(
            listOf("Application Installed", "Application Opened"),
            collector.events(analytics).map { it.at("event") },
        )
    }

    @Test
    fun after_shutdown_nothing_listens() {
        val analytics = collector.analytics(app)
        analytics.shutdown()
        activity().show()
        assertEquals(emptyList<Any>(), collector.events())
    }

    @Test
    fun going_to_the_background_sends_what_waits() {
        val analytics = collector.analytics(app)
        val first = activity().apply { show() }
        analytics.anonymousId() // Open by now.
        first.hide()
        val end = System.nanoTime() + 60_000_000_000
        while (analytics.hasUnsentEvents() && System.nanoTime() < end) Thread.sleep(5)
        assertEquals("Application Backgrounded", collector.events().last().at("event"))
    }

    class Made : Activity() {
        override fun onCreate(savedInstanceState: Bundle?) {
            super.onCreate(savedInstanceState)
            onCreate()
        }

        companion object {
            var onCreate: () -> Unit = {}
        }
    }
}
