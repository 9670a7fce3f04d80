package io.headwater.analytics.android

import android.app.Activity
import android.app.Application
import android.content.Context
import android.content.ContextWrapper
import android.os.StrictMode
import java.io.File
import java.security.Permission
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/** Robolectric's test thread is the main thread. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE)
class MainThreadTest {
    @get:Rule
    val collector = Collector()
    private val app: Application = RuntimeEnvironment.getApplication()

    @After
    @Suppress("DEPRECATION", "removal")
    fun unwatch() {
        System.setSecurityManager(null)
        StrictMode.setThreadPolicy(StrictMode.ThreadPolicy.LAX)
    }

    @Test
    fun calls_return_while_the_disk_hangs_and_keep_order_and_time() {
        val disk = CountDownLatch(1)
        AndroidHost.DISK.execute { disk.await() }
        val analytics = collector.analytics(app)
        Robolectric.buildActivity(Activity::class.java).setup()
        analytics.track("0")
        analytics.identify("u1")
        for (number in 1..50) analytics.track("$number")
        analytics.reset()
        analytics.track("51")
        Thread.sleep(50)
        val before = System.currentTimeMillis()
        disk.countDown()
        for (number in 52..100) analytics.track("$number")
        val events = collector.events(analytics)
        assertEquals(
            listOf("Application Installed", "Application Opened") + (0..100).map { "$it" },
            events.mapNotNull { it.at("event") },
        )
        assertEquals("u1", events.first { it.at("event") == "50" }.at("userId"))
        assertEquals(null, events.first { it.at("event") == "51" }.at("userId"))
        for (event in events.filter { (it.at("event")?.toIntOrNull() ?: 0) <= 51 }) {
            val at = java.time.Instant.parse(event.at("originalTimestamp") ?: event.at("timestamp"))
            assertTrue("${event.at("event")} has its own time", at.toEpochMilli() < before)
        }
    }

    @Test
    fun threads_that_call_while_it_opens_keep_their_orders() {
        val disk = CountDownLatch(1)
        AndroidHost.DISK.execute { disk.await() }
        val analytics = collector.analytics(app)
        val threads = (1..8).map { name ->
            Thread { for (number in 1..200) analytics.track("$name", mapOf("number" to number)) }
        }
        threads.forEach(Thread::start)
        analytics.track("0", mapOf("number" to 1))
        disk.countDown()
        threads.forEach(Thread::join)
        val seen = collector.events(analytics).groupBy({ it.at("event") }, { it.at("properties.number")?.toInt() })
        assertEquals((0..8).associate { "$it" to (1..if (it == 0) 1 else 200).toList<Int?>() }, seen.toSortedMap(nullsFirst()))
    }

    @Test
    fun the_main_thread_touches_no_file() {
        StrictMode.setThreadPolicy(StrictMode.ThreadPolicy.Builder().detectAll().penaltyDeath().build())
        val touched = watch(Thread.currentThread())
        val analytics = collector.analytics(app)
        analytics.track("early")
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        analytics.identify("u1", mapOf("plan" to "pro"))
        analytics.anonymousId()
        analytics.track("late")
        analytics.flush()
        activity.pause().stop()
        analytics.reset()
        assertEquals(emptyList<String>(), touched.toList())
    }

    @Test
    fun the_watcher_of_files_sees_what_another_thread_and_this_one_do() {
        val touched = watch(Thread.currentThread())
        File(app.noBackupFilesDir, "seen").writeText("")
        val other = Thread { File(app.noBackupFilesDir, "unseen").writeText("") }
        other.start()
        other.join()
        assertTrue(touched.any { it.endsWith("/seen") })
        assertFalse(touched.any { it.endsWith("/unseen") })
    }

    @Test
    fun a_thread_beside_the_main_one_opens_where_it_stands() {
        val threads = ConcurrentLinkedQueue<String>()
        val context = object : ContextWrapper(app) {
            override fun getApplicationContext(): Context = this
            override fun getNoBackupFilesDir(): File {
                threads += Thread.currentThread().name
                return super.getNoBackupFilesDir()
            }
        }
        val worker = Thread({ Analytics("other", context) { fetchSettings = false }.shutdown(0) }, "worker")
        worker.start()
        worker.join()
        assertEquals(setOf("worker"), threads.toSet())
    }

    /** The files of the app that this thread touches. */
    @Suppress("DEPRECATION", "removal")
    private fun watch(thread: Thread): Collection<String> {
        val touched = ConcurrentLinkedQueue<String>()
        val data = app.dataDir.path
        fun note(file: String) {
            if (Thread.currentThread() === thread && file.startsWith(data)) touched += file
        }
        System.setSecurityManager(
            object : SecurityManager() {
                override fun checkPermission(permission: Permission?) = Unit
                override fun checkPermission(permission: Permission?, context: Any?) = Unit
                override fun checkRead(file: String) = note(file)
                override fun checkWrite(file: String) = note(file)
                override fun checkDelete(file: String) = note(file)
            },
        )
        return touched
    }
}
