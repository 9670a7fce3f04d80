package io.headwater.analytics.android

import android.view.ViewGroup
import android.widget.Button
import example.shop.MainActivity
import example.shop.ShopApplication
import org.junit.AfterClass
import org.junit.Assert.assertEquals
import org.junit.BeforeClass
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/** examples/android. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE, application = ShopApplication::class)
class ExampleTest {
    @Test
    fun what_the_buttons_say_arrives() {
        val activity = Robolectric.buildActivity(MainActivity::class.java).setup().get()
        val page = activity.findViewById<ViewGroup>(android.R.id.content).getChildAt(0) as ViewGroup
        for (label in listOf("Sign in", "Buy", "Sign out")) {
            (0 until page.childCount).map { page.getChildAt(it) as Button }.first { it.text == label }.performClick()
        }
        val analytics = (RuntimeEnvironment.getApplication() as ShopApplication).analytics
        assertEquals(
            listOf("Application Installed", "Application Opened", "Products", "u1", "Order Completed"),
            collector.events(analytics).map { it.at("event") ?: it.at("name") ?: it.at("userId") },
        )
        analytics.shutdown()
    }

    companion object {
        private val collector = Collector()

        @BeforeClass
        @JvmStatic
        fun start() {
            collector.before()
            ShopApplication.hub = collector.address
        }

        @AfterClass
        @JvmStatic
        fun stop() = collector.after()
    }
}
