package io.headwater.analytics.android

import android.app.Activity
import android.app.Application
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [23], manifest = Config.NONE)
class OldAndroidTest {
    @get:Rule
    val collector = Collector()

    @Test
    fun android_6_does_what_android_14_does() {
        val app: Application = RuntimeEnvironment.getApplication()
        @Suppress("DEPRECATION")
        shadowOf(app.packageManager).getInternalMutablePackageInfo(app.packageName).versionCode = 7
        val analytics = collector.analytics(app)
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        analytics.track("Seen")
        activity.pause().stop()
        val events = collector.events(analytics)
        assertEquals(
            listOf("Application Installed", "Application Opened", "Seen", "Application Backgrounded"),
            events.map { it.at("event") },
        )
        assertEquals("7", events[0].at("context.app.build"))
    }
}
